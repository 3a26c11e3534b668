"""`interlace refresh` as people see it: help, tables, and errors that need no store."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from serving.cli.refresh import options_of, show_plan, show_run, show_runs
from serving.refresh_choice import Choice, encoders_of, remember, remember_encoders, remembered
from serving.refresh_runs import RunRecord, StepRecord
from serving.refresh_sources import Source, sources
from serving.refresh_sources import remember as remember_source
from tests.serving.cli.conftest import Interlace

STEPS = (
    StepRecord("ingest", "done", "changed: files of shop", 1.25, {"nodes": 1234, "refused": 0}),
    StepRecord("encode", "skipped", "nothing changed"),
    StepRecord("train", "failed", "changed: snapshot", counts={"ndcg@10": 0.25}),
)
RUN = RunRecord("r1", "failed", "api", 1_700_000_000.0, 1_700_000_004.5, STEPS, "the disk is full", "m", "7", "abc")


def shown(draw: object, *values: object) -> str:
    out = io.StringIO()
    draw(Console(file=out, width=200, highlight=False), *values)  # type: ignore[operator]
    return out.getvalue()


def test_a_run_is_a_table_with_what_each_step_did_and_why() -> None:
    text = shown(show_run, RUN)
    for part in ("changed: files of shop", "1.2", "nodes 1,234", "nothing changed", "ndcg@10 0.2500",
                 "the disk is full", "run r1: failed in 4.5 s", "model version 7, index abc"):  # fmt: skip
        assert part in text
    assert "refused" not in text


def test_runs_are_listed_and_the_newest_is_shown_whole() -> None:
    text = shown(show_runs, [RUN, RunRecord("r0", "running", "schedule", 1_699_999_000.0)])
    assert text.index("r1") < text.index("r0")
    assert "schedule" in text
    assert "changed: files of shop" in text


def test_a_plan_says_which_steps_run() -> None:
    lines = shown(show_plan, (StepRecord("ingest", "running", "not done yet"), *STEPS[1:2])).splitlines()
    assert lines[1].split() == ["ingest", "run", "not", "done", "yet"]
    assert lines[2].split() == ["encode", "skip", "nothing", "changed"]


def test_help_teaches_by_examples(interlace: Interlace) -> None:
    text = interlace("refresh", "--help").out
    for option in ("--full", "--only", "--dry-run", "--status", "--forget", "interlace refresh --only encode"):
        assert option in text


def test_a_source_is_forgotten_by_name(interlace: Interlace, tmp_path: Path) -> None:
    home = tmp_path / "home"
    remember_source(home, Source(tmp_path / "shop", "shop"))
    answer = interlace("refresh", "--forget", "elsewhere", "--home", home)
    assert answer.code == 2
    assert str(tmp_path / "shop") in answer.err
    assert interlace("refresh", "--forget", tmp_path / "shop", "--home", home, "--json").json["forgotten"]
    assert sources(home) == ()


@pytest.mark.parametrize(("choice", "options"), [
    (Choice(), []),
    (Choice(4.0, ("ease", "gnn"), 9.0), ["--min-value", "4.0", "--budget", "9.0", "--model", "ease", "--model", "gnn"]),
    (Choice(names=()), ["--model", "auto"]),
])  # fmt: skip
def test_a_schedule_asks_for_the_same(choice: Choice, options: list[str]) -> None:
    assert options_of(choice, full=False, only="") == options
    assert options_of(Choice(), full=True, only="encode") == ["--only", "encode", "--full"]


def test_choices_are_remembered_and_what_is_not_said_stays(tmp_path: Path) -> None:
    assert remembered(tmp_path) is None
    remember(tmp_path, Choice(4.0, ("ease",), 60.0))
    before = remembered(tmp_path)
    assert before is not None
    assert Choice(names=()).settled(before) == Choice(4.0, (), 60.0)
    assert Choice(min_value=2.0).settled(before) == Choice(2.0, ("ease",), 60.0)
    remember_encoders(tmp_path, {"text": "open"})
    remember_encoders(tmp_path, {"image": "clip"})
    assert encoders_of(tmp_path) == {"text": "open", "image": "clip"}
