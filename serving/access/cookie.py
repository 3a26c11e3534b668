"""The cookie of the page: good for pictures alone, because an <img> cannot send a header. Signed, HttpOnly, same site.

No other route looks at cookies, so no page of others can use one to write or to read answers.
"""

from __future__ import annotations

import base64
import hmac
import time
from dataclasses import dataclass

NAME = "interlace_media"
PATH = "/media"
SECONDS = 12 * 3600


@dataclass(frozen=True)
class Cookies:
    """Signs with `secret`, which every worker of a home shares. `secure`: for TLS alone."""

    secret: bytes
    secure: bool

    def made(self, caller: str, *, now: float | None = None, until: float | None = None) -> str:
        """The Set-Cookie header that lets `caller` see pictures for `SECONDS`, or until then."""
        now = time.time() if now is None else now
        expires = int(min(now + SECONDS, until if until is not None else now + SECONDS))
        name = base64.urlsafe_b64encode(caller.encode()).decode().rstrip("=")
        body = f"{name}.{expires}"
        return self._header(f"{body}.{self._sign(body)}", max(0, expires - int(now)))

    def cleared(self) -> str:
        """The Set-Cookie header that takes it away."""
        return self._header("", 0)

    def caller(self, header: str, *, now: float | None = None) -> str | None:
        """Whom a Cookie header was made for; None for one that is missing, forged or too old."""
        value = next((one[len(NAME) + 1 :] for one in header.split("; ") if one.startswith(f"{NAME}=")), "")
        body, _, mark = value.rpartition(".")
        if not body or not hmac.compare_digest(self._sign(body).encode(), mark.encode("utf-8", "replace")):
            return None
        name, _, expires = body.partition(".")
        if int(expires) <= (time.time() if now is None else now):
            return None
        return base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()

    def _sign(self, body: str) -> str:
        return hmac.new(self.secret, body.encode("utf-8", "replace"), "sha256").hexdigest()

    def _header(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self.secure else ""
        return f"{NAME}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
