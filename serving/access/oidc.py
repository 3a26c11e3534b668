"""Bearer tokens of an OpenID Connect issuer: signature, issuer, audience and time checked, claims made a caller."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from graph.errors import InvalidData
from serving.access.caller import OIDC, ROLES, Caller, Role
from serving.access.refusal import Refused, forbidden, unauthorized
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.access.oidc_keys import IssuerKeys

LEEWAY_SECONDS = 30.0
LONGEST_TOKEN = 16_384
MOST_KNOWN = 10_000
EVERY_PLATFORM = "*"


class Issuer:
    """Checks tokens; a token that was checked is remembered until it ends, for `KEPT_SECONDS` at most."""

    KEPT_SECONDS = 300.0

    def __init__(self, settings: Settings, keys: IssuerKeys, *, clock: Callable[[], float] = time.time) -> None:
        if not settings.oidc_audience:
            raise InvalidData("an issuer without an audience", valid="who its tokens are for, as the issuer calls it",
                              remedy="set INTERLACE_OIDC_AUDIENCE")  # fmt: skip
        self.keys = keys
        self._settings = settings
        self._roles = roles_of(settings.oidc_roles)
        self._clock = clock
        self._known: dict[bytes, tuple[Caller, float, float]] = {}

    def caller(self, token: str) -> tuple[Caller, float]:
        """Who bears the token, and when it ends (Unix seconds). Raises `Refused`: 401 for a token that is no good,
        403 for one that gives no role.
        """
        mark = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(mark)
        now = self._clock()
        if known is not None and now < min(known[1] + LEEWAY_SECONDS, known[2]):
            return known[0], known[1]
        claims = self._verified(token)
        found = self._caller(claims)
        if len(self._known) >= MOST_KNOWN:
            self._known = {}
        self._known[mark] = found, float(claims["exp"]), now + self.KEPT_SECONDS
        return found, float(claims["exp"])

    def may_be_newer(self, token: str) -> bool:
        """Whether the token names a key that this server does not know, and the keys may be read again now."""
        import jwt

        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return False
        known = self.keys.fitting(str(head.get("kid")), str(head.get("alg")))
        return "kid" in head and not known and self.keys.may_ask

    def _verified(self, token: str) -> Mapping[str, Any]:
        import jwt

        if len(token) > LONGEST_TOKEN:
            raise unauthorized(f"a token of more than {LONGEST_TOKEN} characters", invalid=True)
        try:
            head = jwt.get_unverified_header(token)
            algorithm, kid = head.get("alg"), head.get("kid")
            keys = self.keys.fitting(kid if isinstance(kid, str) else None, str(algorithm))
            if not keys:
                raise unauthorized("no key of the issuer fits the token's key id and algorithm", invalid=True)
            return self._decoded(token, keys, str(algorithm))
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise unauthorized(f"the token is no good: {error}", invalid=True) from error

    def _decoded(self, token: str, keys: list[Any], algorithm: str) -> Mapping[str, Any]:
        import jwt

        for place, key in enumerate(keys):
            try:
                claims: Mapping[str, Any] = jwt.decode(
                    token,
                    key.key,  # the bare key: a PyJWK would bring an algorithm of its own
                    algorithms=[algorithm],
                    audience=self._settings.oidc_audience,
                    issuer=self._settings.oidc_issuer,
                    leeway=LEEWAY_SECONDS,
                    options={"require": ["exp", "iss", "aud", "sub"]},
                )
            except jwt.InvalidSignatureError:
                if place == len(keys) - 1:
                    raise
            else:
                return claims
        raise AssertionError("keys is not empty")

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        name = f"{OIDC}{str(claims['sub'])[:200]}"
        roles = [self._roles[one] for one in _words(claims, self._settings.oidc_role_claim) if one in self._roles]
        if roles:
            return Caller(name, max(roles), self._platform(claims))
        if self._settings.oidc_user_claim:
            ids = list(_words(claims, self._settings.oidc_user_claim))
            user = f"{self._settings.oidc_user_prefix}{ids[0]}" if ids else ""
            platform, _, native = user.partition(":")
            if platform and native:
                return Caller(name, Role.READER, platform, user)
        raise no_role(self._settings.oidc_role_claim)

    def _platform(self, claims: Mapping[str, Any]) -> str:
        claim = self._settings.oidc_platform_claim
        if not claim:
            return ""
        named = list(_words(claims, claim))
        if len(named) != 1 or ":" in named[0]:
            raise forbidden(f"the token's {claim!r} names no platform", valid=f"one platform, or {EVERY_PLATFORM!r}",
                            remedy="ask who gives out the tokens", reason="claims")  # fmt: skip
        return "" if named[0] == EVERY_PLATFORM else named[0]


def no_role(claim: str) -> Refused:
    """403 for a token that is good and says nothing that this server knows."""
    return forbidden(f"the token's {claim!r} gives no role here", valid="a role of INTERLACE_OIDC_ROLES",
                     remedy="ask who gives out the tokens", reason="claims")  # fmt: skip


def roles_of(text: str) -> dict[str, Role]:
    """`ops=admin, staff=reader` as a mapping; the roles' own names always count. Raises `InvalidData`."""
    found = {word: Role[word.upper()] for word in ROLES}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        word, _, role = (part.strip() for part in pair.partition("="))
        if not word or role not in ROLES:
            raise InvalidData(f"{pair!r} in INTERLACE_OIDC_ROLES", valid=f"WORD=ROLE, ROLE one of {', '.join(ROLES)}",
                              remedy="correct the setting")  # fmt: skip
        found[word] = Role[role.upper()]
    return found


def _words(claims: Mapping[str, Any], name: str) -> Iterator[str]:
    """The strings of a claim, or of one within others (`realm_access.roles`)."""
    value: Any = claims.get(name)
    if value is None and "." in name:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def open_issuer(settings: Settings) -> Issuer | None:
    """The issuer of the settings, its keys not read yet; None where none is named."""
    if not settings.oidc_issuer:
        return None
    from serving.access.oidc_keys import IssuerKeys

    keys = IssuerKeys(settings.oidc_issuer, settings.oidc_jwks, settings.oidc_refresh)
    return Issuer(settings, keys)
