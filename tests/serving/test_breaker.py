"""The breaker by itself, on a clock moved by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import StoreUnavailable
from serving.breaker import FAILURES, LONGEST_SECONDS, PAUSE_SECONDS, Breaker, Call

DOWN = StoreUnavailable("down")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock=clock)


def begun(breaker: Breaker, slow: float = 5.0) -> Call:
    call = breaker.admit(slow)
    breaker.began(call)
    return call


def fail(breaker: Breaker, times: int = FAILURES) -> None:
    for _ in range(times):
        breaker.failed(begun(breaker), DOWN)


def test_so_many_failures_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker, FAILURES - 1)
    breaker.succeeded(begun(breaker))
    fail(breaker, FAILURES - 1)
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert (breaker.state, breaker.opened) == ("open", 1)
    with pytest.raises(StoreUnavailable, match="down"):
        breaker.admit()


def test_one_call_tries_again_and_closes_it(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += PAUSE_SECONDS
    assert breaker.due
    probe = begun(breaker)
    assert breaker.state == "half-open"
    with pytest.raises(StoreUnavailable):
        breaker.admit()
    breaker.succeeded(probe)
    assert breaker.state == "closed"
    begun(breaker)


def test_each_try_that_fails_doubles_the_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    pauses = []
    for _ in range(6):
        pause = 0.0
        while not breaker.due:
            clock.now += 1
            pause += 1
        pauses.append(pause)
        breaker.failed(begun(breaker), DOWN)
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert max(pauses) == LONGEST_SECONDS


def test_a_slow_answer_is_a_failure(breaker: Breaker, clock: Clock) -> None:
    for _ in range(FAILURES):
        call = begun(breaker, 2.0)
        clock.now += 2.5
        breaker.succeeded(call)
    assert breaker.state == "open"
    assert "more than 2 s" in str(breaker.failure)


def test_a_call_that_never_comes_back_is_a_failure(breaker: Breaker, clock: Clock) -> None:
    calls = [begun(breaker, 2.0) for _ in range(FAILURES)]
    clock.now += 2.5
    breaker.expire()
    assert breaker.state == "open"
    breaker.succeeded(calls[0])
    assert breaker.state == "open", "an answer from before says nothing"


def test_a_probe_that_hangs_is_followed_by_another(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += PAUSE_SECONDS
    begun(breaker, 2.0)
    clock.now += 2.5
    with pytest.raises(StoreUnavailable):
        breaker.admit()
    clock.now += 2 * PAUSE_SECONDS
    breaker.succeeded(begun(breaker))
    assert breaker.state == "closed"


def test_waiting_for_a_thread_is_not_the_stores_doing(breaker: Breaker, clock: Clock) -> None:
    call = breaker.admit(2.0)
    clock.now += 100
    breaker.expire()
    breaker.began(call)
    clock.now += 1
    breaker.succeeded(call)
    assert breaker.failure is None


def test_a_probe_that_was_never_made_leaves_its_place(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += PAUSE_SECONDS
    breaker.forgotten(breaker.admit())
    assert breaker.due


@given(st.lists(st.sampled_from(["begin", "succeed", "fail", "forget", "wait", "expire"]), max_size=60))
def test_it_is_never_stuck_and_never_lets_two_probe(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    calls: list[Call] = []
    for step in steps:
        if step == "begin":
            try:
                calls.append(begun(breaker, 3.0))
            except StoreUnavailable:
                assert breaker.state != "closed"
        elif step == "wait":
            clock.now += 2.0
        elif step == "expire":
            breaker.expire()
        elif calls:
            call = calls.pop()
            {"succeed": breaker.succeeded, "forget": breaker.forgotten}.get(
                step, lambda one: breaker.failed(one, DOWN)
            )(call)
        assert sum(call.probe and not call.settled for call in calls) <= 1
    clock.now += 10 * LONGEST_SECONDS
    breaker.expire()
    clock.now += 10 * LONGEST_SECONDS
    breaker.succeeded(begun(breaker))
    assert breaker.state == "closed"
