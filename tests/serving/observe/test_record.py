"""Stages of a request: their times are their own, they reach threads, and a deadline ends them."""

from __future__ import annotations

import asyncio
import time

import pytest
from starlette.concurrency import run_in_threadpool

from graph.errors import TimedOut
from serving.observe.record import Record, current, late, stage, timed, within


def test_a_stage_counts_what_is_its_own() -> None:
    record = Record("r", time.perf_counter())
    token = current.set(record)
    with stage("outer"):
        time.sleep(0.01)
        with stage("inner"):
            time.sleep(0.03)
        with stage("inner"):
            pass
    current.reset(token)
    whole = time.perf_counter() - record.begun
    assert 0.01 <= record.stages["outer"] < 0.03 <= record.stages["inner"]
    assert sum(record.stages.values()) <= whole


def test_stages_of_threads_count_too() -> None:
    @timed("work")
    def work() -> None:
        time.sleep(0.01)

    async def request() -> Record:
        record = Record("r", time.perf_counter())
        current.set(record)
        await run_in_threadpool(work)
        return record

    assert asyncio.run(request()).stages["work"] >= 0.01


def test_without_a_request_nothing_is_counted() -> None:
    assert timed("work")(lambda value: value + 1)(1) == 2
    assert within(3.0) == 3.0


def test_no_stage_begins_after_the_deadline() -> None:
    now = time.perf_counter()
    record = Record("r", now - 2)
    record.allow(1)
    token = current.set(record)
    try:
        with pytest.raises(TimedOut, match="within 1 s"), stage("score"):
            pytest.fail("it began")
        assert within(3.0) == 0.0
    finally:
        current.reset(token)


def test_an_error_ends_its_stage() -> None:
    record = Record("r", time.perf_counter())
    token = current.set(record)
    with pytest.raises(TimedOut), stage("score"):
        raise late(1)
    current.reset(token)
    assert set(record.stages) == {"score"}
