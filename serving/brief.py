"""Where a request's ranking is computed: in the event loop while it is brief, else in a thread.

A ranking is Python and NumPy calls of microseconds, so threads beside the event loop run one at a time, and each hands
the interpreter's lock to the next in the middle of its work. Only where one ranking would hold up the others for longer
than that does is it worth a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from serving.index import Index

BRIEF_ITEMS = 20_000
"""Items that are scored and put in order in about two milliseconds."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


async def computed(
    index: Index, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """What `work` returns; it ranks items of this index and waits for nothing."""
    if index.num_items <= BRIEF_ITEMS:
        return work(*args, **kwargs)
    return await run_in_threadpool(work, *args, **kwargs)
