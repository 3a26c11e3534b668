import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from graph.errors import InvalidData, StoreUnavailable
from serving.breaker import PAUSE_SECONDS, Breaker
from serving.gateway import THREADS, WAITING, Gateway
from serving.observe.record import Record, current


class Store:
    """Counts how often it was closed; everything else is what the work does with it."""

    url = "test:"
    closed = 0

    def query(self, _: str) -> int:
        return 1

    def close(self) -> None:
        self.closed += 1


class Connector:
    """Opens a store, or fails as told."""

    def __init__(self) -> None:
        self.tries = 0
        self.error: StoreUnavailable | None = None
        self.store = Store()

    def __call__(self) -> Store:
        self.tries += 1
        if self.error is not None:
            raise self.error
        return self.store


@pytest.fixture
def connector() -> Connector:
    return Connector()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def gateway(connector: Connector, now: list[float]) -> Iterator[Gateway]:
    made = Gateway(connector, breaker=Breaker(clock=lambda: now[0]))
    yield made
    made.close()


def test_work_runs_on_one_store_that_is_opened_when_needed(gateway: Gateway, connector: Connector) -> None:
    assert (gateway.state, connector.tries) == ("unopened", 0)
    for _ in range(3):
        assert asyncio.run(gateway.run(lambda store: store.url, deadline=5)) == "test:"
    assert (gateway.state, connector.tries) == ("open", 1)


def test_a_store_that_is_down_is_not_tried_again_at_once(
    gateway: Gateway, connector: Connector, now: list[float]
) -> None:
    connector.error = StoreUnavailable("down")
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="down"):
            asyncio.run(gateway.run(lambda store: store.url, deadline=5))
    assert (gateway.state, connector.tries) == ("failed", 1)
    connector.error = None
    now[0] += PAUSE_SECONDS + 1
    assert asyncio.run(gateway.run(lambda store: store.url, deadline=5)) == "test:"
    assert gateway.state == "open"


def test_a_slow_answer_meets_the_deadline_and_does_not_block_the_loop(gateway: Gateway) -> None:
    release = threading.Event()

    async def both() -> float:
        begun = time.monotonic()
        slow = asyncio.create_task(gateway.run(lambda _: release.wait(10), deadline=0.2))
        await asyncio.sleep(0.01)
        passed = time.monotonic() - begun
        with pytest.raises(StoreUnavailable, match=r"within 0\.2 s"):
            await slow
        return passed

    assert asyncio.run(both()) < 0.15
    release.set()


def test_too_many_at_once_are_turned_away(gateway: Gateway) -> None:
    release = threading.Event()

    async def crowd() -> list[object]:
        waiting = [
            asyncio.create_task(gateway.run(lambda _: release.wait(10), deadline=10)) for _ in range(THREADS + WAITING)
        ]
        await asyncio.sleep(0.05)
        with pytest.raises(StoreUnavailable, match="too many"):
            await gateway.run(lambda _: None, deadline=1)
        release.set()
        return await asyncio.gather(*waiting)

    assert len(asyncio.run(crowd())) == THREADS + WAITING
    assert asyncio.run(gateway.run(lambda _: 1, deadline=5)) == 1


def test_a_bad_query_says_nothing_about_the_store(gateway: Gateway) -> None:
    def bad(_: object) -> None:
        raise InvalidData("bad Cypher")

    with pytest.raises(InvalidData):
        asyncio.run(gateway.run(bad, deadline=5))
    assert gateway.state == "open"


def test_closing_closes_the_store(connector: Connector) -> None:
    gateway = Gateway(connector)
    gateway.warm(lambda _: None)
    asyncio.run(gateway.run(lambda _: None, deadline=5))
    gateway.close()
    assert connector.store.closed == 1


def test_a_slow_store_is_left_alone_until_it_answers_in_time(connector: Connector) -> None:
    gateway = Gateway(connector, breaker=Breaker(failures=2, pause=0.2), slow=0.05)
    for _ in range(2):
        asyncio.run(gateway.run(lambda _: time.sleep(0.1), deadline=5))
    assert (gateway.state, gateway.breaker.state) == ("failed", "open")
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"more than 0\.05 s"):
        asyncio.run(gateway.run(lambda _: time.sleep(9), deadline=5))
    assert time.monotonic() - begun < 5
    time.sleep(0.25)
    gateway.probe()
    until = time.monotonic() + 10
    while gateway.breaker.state != "closed" and time.monotonic() < until:
        time.sleep(0.02)
    gateway.close()
    assert (gateway.state, gateway.breaker.state) == ("open", "closed")


def test_a_callers_short_deadline_says_nothing_about_the_store(connector: Connector) -> None:
    gateway = Gateway(connector, breaker=Breaker(failures=1))

    async def hurried() -> None:
        record = Record("r", time.perf_counter())
        record.allow(0.05)
        current.set(record)
        with pytest.raises(StoreUnavailable, match="did not answer within"):
            await gateway.run(lambda _: time.sleep(0.3), deadline=5)

    asyncio.run(hurried())
    gateway.close()
    assert gateway.breaker.state == "closed"
