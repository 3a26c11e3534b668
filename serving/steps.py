"""Steps that remember: one whose inputs and code have not changed is not done again.

Under the demo and the refresh (`serving.refresh_steps` says which steps there are). A step's record
(`HOME/steps/NAME.json`) is removed before the step begins and written when it has ended, so a run that was killed
half-way does that step again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graph.whole_files import write_json

FOLDER = "steps"
UNCHANGED = "nothing changed"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """A step's result (JSON values), how long it took when it was done, whether that was now, and why it had to be."""

    name: str
    result: Mapping[str, Any]
    seconds: float
    reused: bool
    why: str = UNCHANGED


@dataclass(frozen=True)
class Step:
    """One step before it is done. `inputs`: everything its result depends on, by the name that a person reads.

    `holds`: is a recorded result still there. A `work` that goes on in the middle of what it did when it was killed, or
    does it again to the same end, makes the whole flow resumable. `forget`: called before a record is removed, so that
    a step that was done whole is not taken for one that was cut short. `settled`: the inputs as they are recorded,
    where the work itself changes one of them (the graph) and has seen to it that its result is of that state.
    `idle`: nothing is to be done, so that later steps asked for alone need not wait for it.
    """

    name: str
    inputs: Mapping[str, Any]
    work: Callable[[], Mapping[str, Any]]
    holds: Callable[[Mapping[str, Any]], bool] = lambda _result: True
    forget: Callable[[], None] = lambda: None
    settled: Callable[[], Mapping[str, Any]] | None = None
    idle: bool = False


@dataclass(frozen=True)
class Steps:
    """The steps of one home folder. `log` collects what this run did, in order."""

    home: Path
    log: list[Done] = field(default_factory=list)

    def run(
        self,
        name: str,
        inputs: Mapping[str, Any],
        work: Callable[[], Mapping[str, Any]],
        *,
        holds: Callable[[Mapping[str, Any]], bool] = lambda _result: True,
    ) -> Done:
        """The step's result: the recorded one when `inputs` are the same and it still `holds`, else that of `work`."""
        return self.do(Step(name, inputs, work, holds))

    def do(self, step: Step, because: str = "", *, found: Done | None = None) -> Done:
        """As `run`; with `because`, the step is done whatever its record says, for that reason.

        `found`: what `check` said of it just now.
        """
        found = found or self.check(step)
        if found.reused and not because:
            self.log.append(found)
            return found
        if self._path(step.name).is_file():
            step.forget()
            self._path(step.name).unlink()
        started = time.perf_counter()
        result = step.work()
        done = Done(step.name, result, time.perf_counter() - started, reused=False, why=because or found.why)
        inputs = step.inputs if step.settled is None else step.settled()
        marks = {name: fingerprint({"": value}) for name, value in inputs.items()}
        write_json(self._path(step.name), {"inputs": marks, "result": dict(result), "seconds": done.seconds})
        self.log.append(done)
        return done

    def check(self, step: Step) -> Done:
        """Whether the recorded result can be `reused`, and if not, why; nothing is done."""
        record = self._read(step.name)
        if record is None:
            return Done(step.name, {}, 0.0, reused=False, why="not done yet")
        why = _changed(record["inputs"], step.inputs)
        if not why and not step.holds(record["result"]):
            why = "what it made is no longer there"
        return Done(step.name, record["result"], record["seconds"], reused=not why, why=why or UNCHANGED)

    def _path(self, name: str) -> Path:
        return self.home / FOLDER / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            record = json.loads(self._path(name).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        whole = isinstance(record, dict) and {"inputs", "result", "seconds"} <= record.keys()
        return record if whole else None


def _changed(before: Mapping[str, str], inputs: Mapping[str, Any]) -> str:
    """Which inputs are not as they were, in words; empty when all are."""
    changed = [name for name, value in inputs.items() if before.get(name) != fingerprint({"": value})]
    parts = {
        "changed": [name for name in changed if name in before],
        "new": [name for name in changed if name not in before],
        "gone": [name for name in before if name not in inputs],
    }
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in parts.items() if names)


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """Hash of JSON values."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()


def code_version(*parts: str) -> str:
    """Hash of the source of packages or modules (`graph`, `training/models`, `serving/publish.py`)."""
    digest = hashlib.sha256()
    for part in parts:
        path = ROOT / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()


def files_version(paths: Iterable[Path]) -> str:
    """Hash of names, sizes and times of files, and of all files below folders: cheap, and changed by any edit."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for file in files:
            status = file.stat()
            digest.update(f"{file.relative_to(path.parent)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
