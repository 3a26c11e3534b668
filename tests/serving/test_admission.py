"""Places for requests: so many at once, so many behind them, in order, and none is ever lost."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from serving.admission import Admission


async def one(admission: Admission, seconds: float, order: list[int], name: int) -> str:
    if not admission.enter():
        if admission.full:
            return "full"
        if not await admission.wait(10):
            return "late"
    try:
        order.append(name)
        await asyncio.sleep(seconds)
    finally:
        admission.leave()
    return "done"


def test_who_waits_comes_in_order_and_the_rest_is_turned_away() -> None:
    async def crowd() -> tuple[list[str], list[int], Admission]:
        admission, order = Admission(2, 3, 10), list[int]()
        outcomes = await asyncio.gather(*(one(admission, 0.01, order, name) for name in range(8)))
        return outcomes, order, admission

    outcomes, order, admission = asyncio.run(crowd())
    assert outcomes == ["done"] * 5 + ["full"] * 3
    assert order == [0, 1, 2, 3, 4]
    assert (admission.running, admission.waiting) == (0, 0)


def test_who_waits_too_long_is_turned_away() -> None:
    async def crowd() -> list[str]:
        admission = Admission(1, 5, 0.02)
        return await asyncio.gather(*(one(admission, 0.1, [], name) for name in range(3)))

    assert asyncio.run(crowd()) == ["done", "late", "late"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=25))
def test_places_are_neither_lost_nor_made(crowd: list[tuple[int, int]]) -> None:
    """Requests that work for some turns of the loop, and that are cancelled after some, or (0) not at all."""

    async def run() -> Admission:
        admission, most = Admission(2, 4, 10), [0]

        async def request(turns: int) -> None:
            if not admission.enter() and (admission.full or not await admission.wait(10)):
                return
            try:
                most[0] = max(most[0], admission.running)
                for _ in range(turns):
                    await asyncio.sleep(0)
            finally:
                admission.leave()

        tasks = []
        for turns, cancelled_after in crowd:
            task = asyncio.create_task(request(turns))
            tasks.append(task)
            for _ in range(cancelled_after):
                await asyncio.sleep(0)
            if cancelled_after:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most[0] <= 2
        return admission

    admission = asyncio.run(run())
    assert (admission.running, admission.waiting) == (0, 0)
