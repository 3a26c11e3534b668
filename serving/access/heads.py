"""The headers that the gate looks at, found in one pass."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import Scope

from serving.access.refusal import Refused

WANTED = frozenset(
    {
        b"host",
        b"origin",
        b"authorization",
        b"cookie",
        b"content-length",
        b"x-forwarded-for",
        b"x-request-id",
        b"sec-fetch-site",
        b"sec-fetch-mode",
        b"access-control-request-method",
    }
)
DOUBLED = "\0"
"""Stands for a header that came more than once and may come once alone: matches nothing."""
ONCE = frozenset({b"host", b"authorization", b"origin"})


def heads_of(scope: Scope, most: int) -> Mapping[bytes, str]:
    """Wanted headers by lower-case name; of one that comes again, the last (`DOUBLED` for those of `ONCE`).

    Raises `Refused` (431) for more than `most` bytes of headers.
    """
    found: dict[bytes, str] = {}
    size = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name in WANTED:
            found[name] = DOUBLED if name in ONCE and name in found else value.decode("latin-1")
    if size > most:
        raise Refused(431, "Request header fields too large", f"address and headers of {size} bytes",
                      valid=f"at most {most} bytes", remedy="send less", headers={"Connection": "close"})  # fmt: skip
    return found


def address_of(scope: Scope, heads: Mapping[bytes, str], proxies: frozenset[str]) -> str:
    """Where the request comes from: the peer, or, where the peer is a trusted proxy, whom that says it serves."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    if address in proxies:
        for one in reversed(heads.get(b"x-forwarded-for", "").split(",")):
            named = one.strip()[:64]
            if named and named not in proxies:
                return named
    return address
