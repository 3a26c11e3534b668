"""Around every request, pure ASGI: its id, a place among those that run, its deadline, and what is counted after it."""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from graph.errors import InvalidData
from serving.admission import Admission
from serving.deadlines import Deadlines
from serving.drain import Drain
from serving.observe.observer import Observer
from serving.observe.record import QUEUE, Record, current, late, stage
from serving.problem import problem, problem_of

PROBES = frozenset(f"{prefix}/{name}" for prefix in ("", "/v1") for name in ("health", "ready", "metrics"))
"""Answered whatever else waits."""
PATIENT = frozenset({"/v1/cypher"})
"""Whose requests bring a deadline of their own."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
USER_ROUTES = "/v1/users/{id}"
PREFIX = "/v1/"
REQUEST_NAME = "interlace.request_id"
"""Where a scope holds the request's id, for the audit log."""
REQUEST_ID, TIMEOUT = b"x-request-id", b"x-request-timeout"
TRACE_HEADERS = frozenset({b"traceparent", b"tracestate"})
RETRY_SECONDS = "1"
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


class Answer:
    """Sends what the application answers, with what every answer has; knows its status."""

    __slots__ = ("_drain", "_id", "_send", "begun", "status")

    def __init__(self, send: Send, name: str, drain: Drain) -> None:
        self._send, self._drain = send, drain
        self._id = (REQUEST_ID, name.encode())
        self.status = 0
        self.begun: Callable[[], None] | None = None

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """From its start on, an answer is no longer late."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message["headers"], self._id]
            if self._drain.begun:
                headers.append((b"connection", b"close"))
            message["headers"] = headers
            if self.begun is not None:
                self.begun()
        await self._send(message)


@dataclass(frozen=True)
class Watch:
    """`seconds`: until an answer must begin, where the request does not ask for less."""

    app: ASGIApp
    observer: Observer
    admission: Admission
    drain: Drain
    seconds: float
    deadlines: Deadlines = field(default_factory=Deadlines)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name, timeout, carrier = _headers(scope["headers"])
        scope[REQUEST_NAME] = name
        record = Record(name, perf_counter())
        if self.observer.tracing is not None:
            record.trace = self.observer.tracing.begin(carrier)
        answer = Answer(send, name, self.drain)
        token = current.set(record)
        try:
            await self._answer(scope, receive, answer, record, timeout)
        finally:
            facts = _facts(scope, answer.status or HTTPStatus.INTERNAL_SERVER_ERROR)
            if facts["status"] == HTTPStatus.GATEWAY_TIMEOUT and record.left() < 0:
                self.observer.refused("deadline")
            self.observer.finish(record, facts, probe=scope["path"] in PROBES)
            current.reset(token)

    async def _answer(
        self, scope: Scope, receive: Receive, answer: Answer, record: Record, timeout: bytes | None
    ) -> None:
        path = scope["path"]
        if path in PROBES:
            await self.app(scope, receive, answer.send)
            return
        try:
            allowed = _allowed(timeout, math.inf if path in PATIENT else self.seconds)
        except InvalidData as error:
            await problem_of(error)(scope, receive, answer.send)
            return
        record.allow(allowed)
        if not self.admission.enter() and not await self._came(record):
            self.observer.refused("full" if self.admission.full else "late")
            await _overloaded()(scope, receive, answer.send)
            return
        try:
            await self._in_time(scope, receive, answer, record)
        finally:
            self.admission.leave()

    async def _came(self, record: Record) -> bool:
        """Waits for a place; False when there is none."""
        if self.admission.full:
            return False
        with stage(QUEUE):
            return await self.admission.wait(record.left())

    async def _in_time(self, scope: Scope, receive: Receive, answer: Answer, record: Record) -> None:
        """Until the answer begins; what comes after may take its time."""
        deadline = self.deadlines.begin(record.until)
        answer.begun = partial(self.deadlines.end, deadline)
        try:
            await self.app(scope, receive, answer.send)
        except asyncio.CancelledError:
            if answer.status or not deadline.is_mine():
                raise
            await problem_of(late(record.allowed))(scope, receive, answer.send)
        finally:
            self.deadlines.end(deadline)


def _headers(headers: list[tuple[bytes, bytes]]) -> tuple[str, bytes | None, Mapping[str, str]]:
    """The request's id (the caller's where it is a sane one), the time it has, and the trace that it is part of."""
    name, timeout, carrier = None, None, {}
    for header, value in headers:
        if header == REQUEST_ID and _SANE.fullmatch(value):
            name = value.decode()
        elif header == TIMEOUT:
            timeout = value
        elif header in TRACE_HEADERS:
            carrier[header.decode()] = value.decode("latin-1")
    return name or f"{random.getrandbits(64):016x}", timeout, carrier


def _allowed(timeout: bytes | None, most: float) -> float:
    """Seconds; raises `InvalidData` for a header that is not a positive number of them."""
    if timeout is None:
        return most
    try:
        seconds = float(timeout)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InvalidData(f"X-Request-Timeout: {timeout.decode('latin-1')!r}", valid="seconds, as 0.5",
                          remedy="mend the header, or leave it out")  # fmt: skip
    return min(seconds, most)


def _overloaded() -> Any:
    answer = problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "Overloaded", "the server has as many requests as it can answer",
        "fewer at the same time", "try again after Retry-After seconds",
    )  # fmt: skip
    answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def _facts(scope: Scope, status: int) -> dict[str, Any]:
    """What is counted and told of a request: never its address, which may name a user."""
    path = getattr(scope.get("route"), "path", None)
    if path and scope["path"].startswith(PREFIX) and not path.startswith(PREFIX):
        path = PREFIX[:-1] + path  # FastAPI names a route as its router does, without the prefix
    method = scope["method"]
    user = scope.get("path_params", {}).get("id") if path and path.startswith(USER_ROUTES) else None
    return {
        "method": method if method in METHODS else "OTHER",
        "route": path or ("page" if status < HTTPStatus.BAD_REQUEST else "unmatched"),
        "status": int(status),
        "user": user,
    }
