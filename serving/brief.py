"""Where a request's ranking is computed: in the event loop while it is brief, else in a thread, one at a time.

A ranking is Python and NumPy calls of microseconds, so threads beside the event loop run one at a time, and each hands
the interpreter's lock to the next in the middle of its work. Only where one ranking would hold up the others for longer
than that does is it worth a thread; and there rankings wait for their turn, as eight at once take twice the processor's
time of one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from serving.index import Index

BRIEF_ITEMS = 20_000
"""Items that are scored and put in order in about two milliseconds."""

_TURNS: RunVar[CapacityLimiter] = RunVar("rankings that are computed in a thread")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


async def computed(
    index: Index, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """What `work` returns; it ranks items of this index and waits for nothing."""
    if index.num_items <= BRIEF_ITEMS:
        return work(*args, **kwargs)
    return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=_turns())


def _turns() -> CapacityLimiter:
    """Of this event loop."""
    try:
        return _TURNS.get()
    except LookupError:
        turns = CapacityLimiter(1)
        _TURNS.set(turns)
        return turns
