"""Refresh runs as nodes: written, read, listed, interrupted; on both stores."""

from __future__ import annotations

import pytest

from graph.errors import NotFound
from graph.store import GraphStore
from serving.refresh_runs import RunRecord, StepRecord, find, interrupt, recent, save

pytestmark = pytest.mark.integration

STEP = StepRecord("ingest", "done", "files of shop changed", 1.5, {"nodes": 3, "seconds a row": 0.25, "note": "é"})


def test_a_run_is_read_as_it_was_written(any_store: GraphStore) -> None:
    assert recent(any_store) == ()
    whole = RunRecord("b", "done", "command", 10.5, 12.0, (STEP,), "", "run", "3", "abc")
    save(any_store, RunRecord("a", "failed", "schedule", 9.0, 9.5, error="no disk"))
    save(any_store, RunRecord("b", "running", "command", 10.5))
    save(any_store, whole)
    assert find(any_store, "b") == whole
    assert whole.seconds == 1.5
    assert [run.id for run in recent(any_store)] == ["b", "a"]
    assert [run.id for run in recent(any_store, 1)] == ["b"]


def test_an_ended_time_and_an_error_can_be_taken_back(any_store: GraphStore) -> None:
    save(any_store, RunRecord("a", "failed", "api", 1.0, 2.0, error="x"))
    save(any_store, RunRecord("a", "running", "api", 1.0))
    assert find(any_store, "a") == RunRecord("a", "running", "api", 1.0)


def test_what_still_says_running_is_interrupted(any_store: GraphStore) -> None:
    save(any_store, RunRecord("a", "done", "command", 1.0, 2.0))
    save(any_store, RunRecord("b", "running", "command", 3.0, steps=(STEP, StepRecord("encode", "running"))))
    (marked,) = interrupt(any_store, 7.0)
    assert find(any_store, "b") == marked
    assert (marked.state, marked.ended) == ("interrupted", 7.0)
    assert [step.state for step in marked.steps] == ["done", "interrupted"]
    assert interrupt(any_store, 8.0) == ()


def test_an_unknown_run_is_an_error_that_says_where_to_look(any_store: GraphStore) -> None:
    with pytest.raises(NotFound, match="no refresh run 'x'"):
        find(any_store, "x")
