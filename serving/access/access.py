"""What the gate needs, made from the settings: one a worker, in `app.state.access`."""

from __future__ import annotations

import ipaddress
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from fastapi import Request

from graph.errors import Unsupported
from serving.access.audit import FILE, STRANGERS, STREAMED, AuditLog
from serving.access.browser import Browsers
from serving.access.cookie import Cookies
from serving.access.keys import KeyStore
from serving.access.limits import Buckets
from serving.access.oidc import Issuer, open_issuer
from serving.observe.logs import log_key, pseudonym
from serving.settings import Settings

LOCALHOST = "localhost"


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach a server that binds to `host`."""
    if host == LOCALHOST:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def keys_required(settings: Settings) -> bool:
    """Whether callers need a key or a token."""
    return settings.require_keys or not is_loopback(settings.host)


def names(text: str) -> frozenset[str]:
    """`a, b` as a set."""
    return frozenset(one.strip() for one in text.split(",") if one.strip())


@dataclass(frozen=True)
class Access:
    """`buckets`: None where nobody counts."""

    settings: Settings
    required: bool
    keys: KeyStore
    issuer: Issuer | None
    browsers: Browsers
    buckets: Buckets | None
    proxies: frozenset[str]
    audit: AuditLog
    strangers: AuditLog
    streamed: AuditLog
    _cookies: list[Cookies] = field(default_factory=list)

    def cookies(self, *, make: bool = False) -> Cookies | None:
        """What signs cookies; None where there is no secret yet and it is not to be made.

        Raises `Unsupported` where the home is read-only.
        """
        if not self._cookies:
            try:
                secret = self.keys.signing_secret(make=make)
            except (OSError, sqlite3.Error) as error:
                raise Unsupported(f"no cookie can be made: the home cannot be written ({error})",
                                  remedy="set INTERLACE_OPEN_MEDIA, or make the home writable") from error  # fmt: skip
            if secret is not None:
                self._cookies.append(Cookies(secret, self.settings.behind_tls))
        return self._cookies[0] if self._cookies else None

    @cached_property
    def pseudonyms(self) -> Callable[[str], str]:
        """Users' names in the audit log: those of the server's log; their ids where the settings say so."""
        if self.settings.audit_ids:
            return lambda user: user
        return partial(pseudonym, log_key(self.settings.home))

    @cached_property
    def open(self) -> bool:
        """Whether everybody who can reach the server may do everything."""
        return not self.required

    def close(self) -> None:
        self.keys.close()
        self.audit.close()
        self.strangers.close()
        self.streamed.close()


def make_access(settings: Settings) -> Access:
    """Opens nothing yet. Raises `InvalidData` for settings that contradict each other."""
    required = keys_required(settings)
    hosts = frozenset(one.lower() for one in names(settings.allowed_hosts))
    rate = settings.rate_limit / settings.workers  # each worker counts for itself
    burst = (settings.rate_burst or 2 * settings.rate_limit) / settings.workers
    return Access(
        settings,
        required,
        KeyStore(settings.home),
        open_issuer(settings),
        Browsers(hosts, bool(hosts) or not required, names(settings.cors_origins)),
        Buckets(rate, burst) if rate else None,
        names(settings.trusted_proxies),
        AuditLog(settings.home / FILE, settings.audit_bytes),
        AuditLog(settings.home / STRANGERS, settings.audit_bytes),
        AuditLog(settings.home / STREAMED, settings.audit_bytes),
    )


def access_of(request: Request) -> Access:
    """The access of the application that handles this request."""
    found: Access = request.app.state.access
    return found
