"""What is kept of a request while it runs: its id, its deadline, and how long each stage took.

Hooks are two: `with stage("score"):` and `@timed("score")`. Where no request runs (a command, a test) they do nothing.
A stage's time is its own: what stages within it took is theirs alone, so that stages add up to no more than the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from time import perf_counter
from types import TracebackType
from typing import ParamSpec, Protocol, TypeVar

from graph.errors import TimedOut

CANDIDATES, SCORE, RERANK, RENDER = "candidates", "score", "rerank", "render"
REASONS, STORE, ENCODER, SEARCH, QUEUE = "reasons", "store", "encoder", "search", "queue"
STAGES = (QUEUE, CANDIDATES, SCORE, RERANK, RENDER, REASONS, STORE, ENCODER, SEARCH)

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


class Trace(Protocol):
    """The spans of one request (`serving.observe.tracing`)."""

    def begin(self, name: str) -> object: ...

    def end(self, begun: object, error: BaseException | None) -> None: ...

    def parent(self) -> str:
        """The span that is open, as a W3C traceparent."""
        ...


class Record:
    """One a request. `begun` and `until`, its deadline, are seconds of `perf_counter`; `stages` seconds by name."""

    __slots__ = ("allowed", "begun", "id", "inner", "stages", "trace", "until")

    def __init__(self, name: str, begun: float, trace: Trace | None = None) -> None:
        self.id = name
        self.begun = begun
        self.allow(math.inf)
        self.stages: dict[str, float] = {}
        self.inner = 0.0
        """Seconds of the stages that have ended within the one that is open."""
        self.trace = trace

    def allow(self, seconds: float) -> None:
        """The time it has, from its beginning on."""
        self.allowed, self.until = seconds, self.begun + seconds

    def left(self) -> float:
        """Seconds until the deadline."""
        return self.until - perf_counter()


current: ContextVar[Record | None] = ContextVar("interlace_request", default=None)
"""The request that this task, or a thread that works for it, serves."""


def late(seconds: float) -> TimedOut:
    """The error of a request whose deadline passed."""
    return TimedOut(
        f"the request was not answered within {seconds:.3g} s",
        valid="less work, or more time (X-Request-Timeout, up to INTERLACE_REQUEST_SECONDS)",
        remedy="ask for less, or try again",
    )


def within(seconds: float) -> float:
    """`seconds`, or what is left of the request's deadline where that is less."""
    record = current.get()
    return seconds if record is None else max(0.0, min(seconds, record.left()))


class stage:  # noqa: N801  read as a statement: with stage("score")
    """Counts the time of a block to a stage of the request. Raises `TimedOut` where its deadline has passed."""

    __slots__ = ("_before", "_begun", "_name", "_record", "_span")

    def __init__(self, name: str) -> None:
        self._name = name
        self._record = current.get()

    def __enter__(self) -> None:
        record = self._record
        if record is None:
            return
        now = perf_counter()
        if now > record.until:
            raise late(record.allowed)
        self._begun, self._before, record.inner = now, record.inner, 0.0
        self._span = None if record.trace is None else record.trace.begin(self._name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        record = self._record
        if record is None:
            return
        took = perf_counter() - self._begun
        stages = record.stages
        stages[self._name] = stages.get(self._name, 0.0) + max(0.0, took - record.inner)
        record.inner = self._before + took
        if record.trace is not None:
            record.trace.end(self._span, error)


def timed(name: str) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """Counts each call of a function to a stage."""

    def decorate(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
        @wraps(function)
        def measured(*args: Given.args, **named: Given.kwargs) -> Answer:
            with stage(name):
                return function(*args, **named)

        return measured

    return decorate
