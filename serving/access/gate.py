"""Stands before the routes: whose request it is, whether it may be made, how often, how long.

Pure ASGI; writes down what `serving.access.rules` says. `python -m benchmarks.gate` prints what it costs a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, unquote

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graph.errors import TooLarge
from serving.access.access import Access
from serving.access.browser import SAFE
from serving.access.caller import LOCAL, NOBODY, SCOPE_KEY, Caller, Role
from serving.access.decide import refusal
from serving.access.heads import address_of, heads_of
from serving.access.identify import identify
from serving.access.refusal import Refused
from serving.access.rules import PAGE, RULES, Rule, Table
from serving.observe.watch import REQUEST_NAME

LONGEST_LENGTH = 18
MEDIA_RULE = "GET /media/{folder}/{name}"

_OF_USERS = re.compile(r"(/v1/users/|/v1/graph/(?:User|Person)/)([^/]+)")
"""Paths that name somebody."""


class Gate:
    """`app`: what stands behind it."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access
        opened = {MEDIA_RULE: PAGE} if access.settings.open_media else {}
        self._table = Table({**RULES, **opened})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        access = self._access
        try:
            heads = heads_of(scope, access.settings.max_headers)
        except Refused as error:
            await error.response()(scope, receive, send)
            return
        address = address_of(scope, heads, access.proxies)
        if access.proxies:
            scope["client"] = (address, 0)
        asked = access.browsers.preflight(scope, heads)
        if asked is not None:
            await _send_empty(send, asked)
            return
        rule, part = self._table.find(scope["method"], scope["path"])
        attempt = _Attempt(access, scope, heads, rule, part, address)
        try:
            caller = await self._admitted(attempt)
            receive = limited(receive, scope["method"], heads, access.settings.max_body)
        except Refused as error:
            attempt.note(error.status, error.reason)
            await self._refuse(error.response(), attempt, receive, send)
            return
        scope[SCOPE_KEY] = caller
        if rule.audited or caller.bound or access.browsers.origins:
            await self._watched(attempt, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _admitted(self, attempt: _Attempt) -> Caller:
        """The caller; raises `Refused`."""
        access, rule = self._access, attempt.rule
        wrong = access.browsers.refusal(attempt.scope, attempt.heads)
        if wrong is not None:
            raise wrong
        if rule is PAGE:
            return NOBODY
        try:
            attempt.caller = await identify(access, attempt.heads, attempt.scope["path"])
        except Refused:
            self._count(attempt.address)
            raise
        caller = attempt.caller
        if rule.needs is not Role.PUBLIC:
            self._count(attempt.address if caller in {NOBODY, LOCAL} else caller.name)
        no = refusal(rule, caller, attempt.part)
        if no is not None:
            raise no
        return caller

    def _count(self, name: str) -> None:
        buckets = self._access.buckets
        wait = 0 if buckets is None else buckets.take(name)
        if wait:
            rate = self._access.settings.rate_limit
            raise Refused(
                429, "Too many requests", "more requests than this caller may send", valid=f"{rate:g} a second",
                remedy=f"try again in {wait} s", reason="rate", headers={"Retry-After": str(wait)},
            )  # fmt: skip

    async def _refuse(self, answer: Response, attempt: _Attempt, receive: Receive, send: Send) -> None:
        answer.raw_headers.extend(self._access.browsers.cors(attempt.heads))
        await answer(attempt.scope, receive, send)

    async def _watched(self, attempt: _Attempt, receive: Receive, send: Send) -> None:
        status = 500
        more = self._access.browsers.cors(attempt.heads)

        async def watching(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        try:
            await self._app(attempt.scope, receive, watching)
        finally:
            if attempt.rule.audited or status in {401, 403}:
                attempt.note(status, "scope" if status == 403 else "")


class _Attempt:
    """One request on its way through the gate."""

    def __init__(
        self, access: Access, scope: Scope, heads: Mapping[bytes, str], rule: Rule, part: str, address: str
    ) -> None:  # fmt: skip
        self.access, self.scope, self.heads, self.rule, self.part = access, scope, heads, rule, part
        self.address = address
        self.caller = NOBODY

    def note(self, status: int, reason: str) -> None:
        """Writes it down, unless it is no more than somebody in a hurry."""
        if reason == "rate" and not self.rule.audited:
            return
        caller = self.caller
        log = self.access.strangers if caller is NOBODY else self.access.audit
        if self.rule.streamed and status < 400:
            log = self.access.streamed
        name = self.access.pseudonyms
        path, users = named_path(self.scope["path"], name)
        target = unquote(self.part, errors="replace")
        log.write({
            "caller": caller.named(name), "role": "user" if caller.user else caller.role.word,
            "platform": caller.platform, "user": caller.user and name(caller.user), "method": self.scope["method"],
            "path": path,
            "target": name(target) if users and target else target, "status": status, "refused": reason,
            "request": self.scope.get(REQUEST_NAME, ""), "address": self.address,
        })  # fmt: skip


def named_path(path: str, name: Callable[[str], str]) -> tuple[str, bool]:
    """A path with the user in it by another name, and whether there is one."""
    found = _OF_USERS.match(path)
    if found is None:
        return path, False
    user = unquote(found[2], errors="replace")
    return f"{found[1]}{quote(name(user), safe='')}{path[found.end() :]}", True


def limited(receive: Receive, method: str, heads: Mapping[bytes, str], most: int) -> Receive:
    """`receive`, which raises `TooLarge` once more than `most` bytes came. Raises `Refused` for a greater length."""
    length = heads.get(b"content-length")
    if length is not None:
        if not length.isdecimal() or len(length) > LONGEST_LENGTH or int(length) > most:
            raise Refused(413, "Content too large", f"a body of {length[:20]} bytes", valid=f"at most {most} bytes",
                          remedy="send less at once", reason="length")  # fmt: skip
        return receive
    if method in SAFE:
        return receive
    come = 0

    async def counted() -> Message:
        nonlocal come
        message = await receive()
        come += len(message.get("body", b""))
        if come > most:
            raise TooLarge(f"a body of more than {most} bytes", valid="a shorter one", remedy="send less at once")
        return message

    return counted


async def _send_empty(send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
