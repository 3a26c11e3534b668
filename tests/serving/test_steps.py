"""Steps that remember: reuse, change, results that no longer hold, and being killed half-way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.steps import Step, Steps, code_version, files_version, fingerprint


class Work:
    """Counts how often it was done."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, int]:
        self.times += 1
        return {"times": self.times}


def test_a_step_is_done_once_for_the_same_inputs(tmp_path: Path) -> None:
    work = Work()
    first = Steps(tmp_path).run("train", {"a": 1}, work)
    second = Steps(tmp_path).run("train", {"a": 1}, work)
    assert (first.reused, second.reused) == (False, True)
    assert second.result == {"times": 1}
    assert second.seconds == first.seconds


@pytest.mark.parametrize("change", [{"a": 2}, {"a": 1, "b": None}, {}])
def test_other_inputs_do_it_again(tmp_path: Path, change: dict[str, object]) -> None:
    work = Work()
    Steps(tmp_path).run("train", {"a": 1}, work)
    assert Steps(tmp_path).run("train", change, work).result == {"times": 2}


def test_a_result_that_no_longer_holds_is_made_again(tmp_path: Path) -> None:
    work = Work()
    Steps(tmp_path).run("publish", {}, work)
    assert not Steps(tmp_path).run("publish", {}, work, holds=lambda _result: False).reused


def test_a_step_that_fails_is_done_again_though_it_succeeded_before(tmp_path: Path) -> None:
    def broken() -> dict[str, int]:
        raise RuntimeError

    Steps(tmp_path).run("train", {"a": 1}, Work())
    with pytest.raises(RuntimeError):
        Steps(tmp_path).run("train", {"a": 2}, broken)
    assert not Steps(tmp_path).run("train", {"a": 1}, Work()).reused


def test_a_step_that_was_killed_is_done_again(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from serving.steps import Steps\n"
        "Steps(Path(sys.argv[1])).run('ingest', {'a': 1}, lambda: os.kill(os.getpid(), 9))"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=False, env={**os.environ, "PYTHONPATH": root}
    )
    assert done.returncode == -9
    assert not Steps(tmp_path).run("ingest", {"a": 1}, Work()).reused


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fingerprint": "x"}'])
def test_a_record_that_cannot_be_read_is_no_record(tmp_path: Path, text: str) -> None:
    Steps(tmp_path).run("train", {}, Work())
    (tmp_path / "steps" / "train.json").write_text(text, encoding="utf-8")
    assert not Steps(tmp_path).run("train", {}, Work()).reused


def test_the_log_has_every_step_in_order(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    steps.run("one", {}, Work())
    steps.run("two", {}, Work())
    assert [done.name for done in steps.log] == ["one", "two"]


def test_versions_follow_what_they_read(tmp_path: Path) -> None:
    assert code_version("graph") == code_version("graph")
    assert code_version("graph") != code_version("graph/errors.py")
    (tmp_path / "a.csv").write_text("1", encoding="utf-8")
    before = files_version([tmp_path])
    (tmp_path / "a.csv").write_text("12", encoding="utf-8")
    assert files_version([tmp_path]) != before
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_it_says_which_inputs_changed(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    assert steps.check(Step("train", {"a": 1}, Work())).why == "not done yet"
    steps.run("train", {"a": 1, "b": 2, "c": 3}, Work())
    found = steps.check(Step("train", {"a": 1, "b": 5, "d": 4}, Work()))
    assert (found.reused, found.why) == (False, "changed: b; new: d; gone: c")
    same = Step("train", {"c": 3, "b": 2, "a": 1}, Work())
    assert (steps.check(same).reused, steps.check(same).why) == (True, "nothing changed")
    gone = Step("train", {"a": 1, "b": 2, "c": 3}, Work(), holds=lambda _result: False)
    assert steps.check(gone).why == "what it made is no longer there"


def test_a_step_that_is_asked_for_is_done_whatever_its_record_says(tmp_path: Path) -> None:
    steps, forgotten = Steps(tmp_path), list[str]()
    step = Step("train", {"a": 1}, Work(), forget=lambda: forgotten.append("forgotten"))
    assert not steps.do(step).reused
    assert forgotten == []
    again = steps.do(step, "asked for: --full")
    assert (again.reused, again.why, again.result) == (False, "asked for: --full", {"times": 2})
    assert forgotten == ["forgotten"]


def test_a_step_that_changes_its_own_input_is_recorded_with_what_it_left(tmp_path: Path) -> None:
    inputs = {"graph": "before"}

    def work() -> dict[str, int]:
        inputs["graph"] = "after"
        return {}

    Steps(tmp_path).do(Step("encode", dict(inputs), work, settled=lambda: inputs))
    assert Steps(tmp_path).check(Step("encode", {"graph": "after"}, work)).reused
    assert not Steps(tmp_path).check(Step("encode", {"graph": "before"}, work)).reused
