"""The public keys of an OpenID Connect issuer: from a file, or from the one address that the operator configured.

The only thing that a server ever fetches. The address comes from the settings (or from the issuer's own discovery
document, which lies at the address in the settings), never from a request; redirects are not followed.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

from graph.errors import InterlaceError, InvalidData, ProviderUnavailable

SECONDS = 5.0
MOST_BYTES = 1 << 20
PAUSE_SECONDS = 60.0
"""Between two fetches because of a key that nobody knows: a request cannot make the server fetch at will."""
FAMILIES: Mapping[str, frozenset[str]] = {
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC": frozenset({"ES256", "ES384", "ES512"}),
    "OKP": frozenset({"EdDSA"}),
}
"""Key type -> the algorithms that may use it. Neither `none` nor HS*: a public key is no shared secret."""
CURVES: Mapping[str, str] = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
log = logging.getLogger("interlace.api")


class IssuerKeys:
    """Read at start and every `refresh` seconds. `address`: a file, https://…, or empty for discovery."""

    def __init__(
        self, issuer: str, address: str, refresh: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer, self._address, self._refresh, self._clock = issuer, address, refresh, clock
        self._lock = threading.Lock()
        self._keys: tuple[jwt.PyJWK, ...] = ()
        self._read_at = -float("inf")
        self._tried_at = -float("inf")

    def load(self) -> None:
        """Reads them now. Raises `InvalidData` or `ProviderUnavailable`; what was known before stays."""
        with self._lock:
            self._tried_at = self._clock()
            document = self._document()
            self._keys = usable(document)
            self._read_at = self._tried_at
            if not self._keys:
                raise InvalidData("the issuer has no key that can be used", valid="RSA, EC or OKP keys for signatures",
                                  remedy="check INTERLACE_OIDC_JWKS")  # fmt: skip

    def fitting(self, kid: str | None, algorithm: str) -> list[jwt.PyJWK]:
        """The keys that may have signed a token with this header."""
        return [one for one in self._keys if (kid is None or one.key_id == kid) and algorithm in algorithms_of(one)]

    @property
    def stale(self) -> bool:
        """Whether it is time to read them again."""
        now = self._clock()
        return now - self._read_at > self._refresh and now - self._tried_at > PAUSE_SECONDS

    @property
    def may_ask(self) -> bool:
        """Whether a key that nobody knows is a reason to read them again now."""
        return self._clock() - self._tried_at > PAUSE_SECONDS

    def reload(self) -> None:
        """As `load`, but a failure is logged."""
        try:
            self.load()
        except InterlaceError as error:
            log.warning("the issuer's keys cannot be read: %s", error.what)

    def _document(self) -> Mapping[str, Any]:
        if not self._address:
            found = fetched(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer:
                raise InvalidData(f"the issuer calls itself {str(found.get('issuer'))[:200]!r}", valid=self._issuer,
                                  remedy="correct INTERLACE_OIDC_ISSUER")  # fmt: skip
            return fetched(str(found.get("jwks_uri", "")))
        if "://" in self._address:
            return fetched(self._address)
        return from_file(Path(self._address))


def usable(document: Mapping[str, Any]) -> tuple[jwt.PyJWK, ...]:
    """The keys for signatures of a JWKS; shared secrets (`oct`) and kinds that nobody knows are left out."""
    found = []
    for one in document.get("keys", ()):
        if not isinstance(one, dict) or one.get("kty") not in FAMILIES or one.get("use", "sig") != "sig":
            continue
        try:
            found.append(jwt.PyJWK(one))
        except jwt.PyJWTError as error:
            log.warning("a key of the issuer cannot be used: %s", error)
    return tuple(found)


def algorithms_of(key: jwt.PyJWK) -> frozenset[str]:
    """What may be signed with it: what the key itself names, within its family; a curve has one algorithm."""
    family = FAMILIES.get(key.key_type or "", frozenset())
    data: Mapping[str, Any] = key._jwk_data  # noqa: SLF001  PyJWK shows neither the curve nor whether `alg` was given
    if key.key_type == "EC":
        family = frozenset({CURVES.get(str(data.get("crv")), "")})
    named = data.get("alg")
    return family if named is None else family & {str(named)}


def from_file(path: Path) -> Mapping[str, Any]:
    """A JWKS document in a file. Raises `InvalidData`."""
    try:
        return _parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise InvalidData(f"cannot read the issuer's keys in {str(path)!r} ({error.strerror})", valid="a JWKS file",
                          remedy="correct INTERLACE_OIDC_JWKS") from error  # fmt: skip


def fetched(address: str) -> Mapping[str, Any]:
    """A JSON object from https (or from this machine). Raises `InvalidData` for the address or what lies there,
    `ProviderUnavailable` where nobody answers.
    """
    parts = urlsplit(address)
    here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and here):
        raise InvalidData(f"the issuer's address {address[:200]!r}", valid="https://…", remedy="correct the setting")
    try:
        with _opener(proxies=not here).open(address, timeout=SECONDS) as answer:
            body = answer.read(MOST_BYTES + 1)
    except OSError as error:
        raise ProviderUnavailable(
            f"the issuer at {address!r} does not answer ({error})",
            valid="a running issuer",
            remedy="check the address, or name a file in INTERLACE_OIDC_JWKS",
        ) from error
    if len(body) > MOST_BYTES:
        raise InvalidData(f"{address!r} answers with more than {MOST_BYTES} bytes", valid="a JWKS document")
    return _parsed(body, address)


def _parsed(body: bytes, where: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise InvalidData(f"{where!r} is no JSON", valid="a JWKS document", remedy="correct the setting") from error
    if not isinstance(found, dict):
        raise InvalidData(f"{where!r} is no JSON object", valid="a JWKS document", remedy="correct the setting")
    return found


def _opener(*, proxies: bool) -> urllib.request.OpenerDirector:
    """One that follows no redirect: an issuer that sends us elsewhere is an error."""
    opener = urllib.request.OpenerDirector()
    handlers = [
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ]
    for handler in (*handlers, *([urllib.request.ProxyHandler()] if proxies else [])):
        opener.add_handler(handler)
    return opener
