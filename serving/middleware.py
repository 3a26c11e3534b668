"""What wraps the application: ids routed as sent, and security headers on every answer. Pure ASGI, so nearly free."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
HSTS = (b"strict-transport-security", b"max-age=31536000")
API = b"/v1/"


@dataclass(frozen=True)
class Wrapped:
    """The application as the server runs it. `inner`: the API behind its gate. `tls`: callers come over TLS."""

    api: FastAPI
    entry: ASGIApp
    tls: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.entry(scope, receive, send)
            return
        _route_by_raw_path(scope)
        added = (*SECURITY_HEADERS, HSTS) if self.tls else SECURITY_HEADERS

        async def secured(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.entry(scope, receive, secured)


def _route_by_raw_path(scope: Scope) -> None:
    """API paths are matched still percent-encoded, so an id may hold `/` (as %2F) or a line break.

    The routes decode their own parameters (`serving.routes.parameters`).
    """
    raw = scope.get("raw_path")
    if raw and raw.startswith(API):
        scope["path"] = raw.decode("ascii", "replace")
