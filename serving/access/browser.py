"""What web pages of others could make a browser do: names that lead here (DNS rebinding), writes across sites, CORS.

On loopback without keys, the browser of anybody on this machine is an administrator: only pages of this server's own
address may use that. Programs that are no browsers send neither `Origin` nor `Sec-Fetch-Site` and are not concerned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Scope

from serving.access.refusal import Refused, forbidden

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"localhost", "127.0.0.1", "::1"})
METHODS = b"GET, POST, PUT, DELETE"
ALLOWED_HEADERS = b"authorization, content-type, accept, x-request-id, traceparent"
EXPOSED = b"x-interlace-reasons, x-interlace-truncated, x-request-id, location, retry-after"
AGE = b"600"


@dataclass(frozen=True)
class Browsers:
    """`hosts`: names of this server beside loopback's. `check_hosts`: whether others are refused. `origins`: pages of
    other servers that may use this one, as scheme://host[:port].
    """

    hosts: frozenset[str]
    check_hosts: bool
    origins: frozenset[str]

    def refusal(self, scope: Scope, heads: Mapping[bytes, str]) -> Refused | None:
        """None for a request that no page of others made."""
        host = heads.get(b"host", "")
        if self.check_hosts and not self._is_ours(name_of(host), scope):
            return Refused(
                421, "Misdirected request", f"this server is not {name_of(host)[:100]!r}",
                valid="localhost, 127.0.0.1, [::1] or a name in INTERLACE_ALLOWED_HOSTS",
                remedy="use one of these, or add the name to the setting", reason="host",
            )  # fmt: skip
        if self._crosses(scope, heads, host):
            return forbidden("a page of another site asks for this", valid="pages of this server's own address",
                             remedy="add the page's origin to INTERLACE_CORS_ORIGINS", reason="cross-site")  # fmt: skip
        return None

    def cors(self, heads: Mapping[bytes, str]) -> list[tuple[bytes, bytes]]:
        """Headers that let the page that asks read the answer; none for pages that may not."""
        origin = heads.get(b"origin", "")
        if origin not in self.origins:
            return [(b"vary", b"origin")] if self.origins else []
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED),
            (b"vary", b"origin"),
        ]

    def preflight(self, scope: Scope, heads: Mapping[bytes, str]) -> list[tuple[bytes, bytes]] | None:
        """Headers of the answer to a browser that asks before it sends; None for other requests."""
        asks = scope["method"] == "OPTIONS" and b"access-control-request-method" in heads
        if not asks or heads.get(b"origin", "") not in self.origins:
            return None
        return [
            *self.cors(heads),
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", ALLOWED_HEADERS),
            (b"access-control-max-age", AGE),
        ]

    def _is_ours(self, name: str, scope: Scope) -> bool:
        if name in OURS or name in self.hosts:
            return True
        server = scope.get("server")  # the socket's own address: no name that somebody else could point here
        return server is not None and name == server[0]

    def _crosses(self, scope: Scope, heads: Mapping[bytes, str], host: str) -> bool:
        origin, site = heads.get(b"origin"), heads.get(b"sec-fetch-site")
        if origin is not None and origin in self.origins:
            return False
        if scope["method"] in SAFE:  # a link from elsewhere may lead here; a picture or script of theirs may not
            mine = scope["path"].startswith(("/v1", "/media"))
            return mine and site in {"cross-site", "same-site"} and heads.get(b"sec-fetch-mode") != "navigate"
        if site is not None:
            return site not in {"same-origin", "none"}
        return origin is not None and origin.partition("://")[2] != host


def name_of(host: str) -> str:
    """The name in a Host header, without brackets and port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()
