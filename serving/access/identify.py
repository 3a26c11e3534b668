"""From the headers of a request to its caller: an API key, an issuer's token, the page's cookie for pictures."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool

from graph.errors import Unsupported
from serving.access.access import Access
from serving.access.caller import LOCAL, NOBODY, OIDC, Caller, Role
from serving.access.keys import PREFIX
from serving.access.oidc import Issuer
from serving.access.refusal import Refused, unauthorized

MEDIA = "/media/"
BEARER = "bearer "


async def identify(access: Access, heads: Mapping[bytes, str], path: str) -> Caller:
    """Who sends it. Raises `Refused` for a key or token that is no good, even where none is needed."""
    given = heads.get(b"authorization")
    if given is None:
        if access.open:
            return LOCAL
        return by_cookie(access, heads) if path.startswith(MEDIA) else NOBODY
    token = given[len(BEARER) :].strip() if given[: len(BEARER)].lower() == BEARER else ""
    if not token:
        raise unauthorized("an Authorization header that is no bearer token", invalid=True)
    if token.startswith(PREFIX):
        return by_key(access, token)
    if access.issuer is None:
        raise unauthorized("this is no key of this server", invalid=True)
    return await by_token(access.issuer, token)


def by_key(access: Access, text: str) -> Caller:
    """The caller of an API key; one answer for keys that never were, are revoked or have expired."""
    try:
        key = access.keys.verify(text)
    except sqlite3.Error as error:
        raise Refused(503, "Keys unavailable", "the keys cannot be read", remedy="see the server's log",
                      reason="keys", headers={"Retry-After": "5"}) from error  # fmt: skip
    if key is None:
        raise unauthorized("this key is not in use", invalid=True)
    return key.caller


async def by_token(issuer: Issuer, token: str) -> Caller:
    """The caller of an issuer's token; a key that nobody knows may be new, and then the keys are read again."""
    if issuer.keys.stale or issuer.may_be_newer(token):
        await run_in_threadpool(issuer.keys.reload)
    return issuer.caller(token)[0]


def by_cookie(access: Access, heads: Mapping[bytes, str]) -> Caller:
    """Who may see pictures; a key's cookie is good for as long as the key is."""
    header = heads.get(b"cookie")
    if not header:
        return NOBODY
    try:
        cookies = access.cookies()
        name = None if cookies is None else cookies.caller(header)
        if name is None or (not name.startswith(OIDC) and access.keys.find(name) is None):
            return NOBODY
    except (ValueError, Unsupported, sqlite3.Error):
        return NOBODY
    return Caller(name, Role.READER)
