"""Steps that remember: one whose inputs and code have not changed is not done again.

Used by the demo. A step's record (`HOME/steps/NAME.json`) is removed before the step begins and written when it has
ended, so a run that was killed half-way does that step again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = "steps"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """A step's result (JSON values), how long it took when it was done, and whether that was now."""

    name: str
    result: Mapping[str, Any]
    seconds: float
    reused: bool


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
        mark = fingerprint(inputs)
        record = self._read(name)
        if record is not None and record["fingerprint"] == mark and holds(record["result"]):
            return self._add(Done(name, record["result"], record["seconds"], reused=True))
        self._path(name).unlink(missing_ok=True)
        started = time.perf_counter()
        result = work()
        done = Done(name, result, time.perf_counter() - started, reused=False)
        self._write(name, {"fingerprint": mark, "result": dict(result), "seconds": done.seconds})
        return self._add(done)

    def _add(self, done: Done) -> Done:
        self.log.append(done)
        return done

    def _path(self, name: str) -> Path:
        return self.home / FOLDER / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            record = json.loads(self._path(name).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        whole = isinstance(record, dict) and {"fingerprint", "result", "seconds"} <= record.keys()
        return record if whole else None

    def _write(self, name: str, record: Mapping[str, Any]) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(record), encoding="utf-8")
        temporary.replace(path)


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
