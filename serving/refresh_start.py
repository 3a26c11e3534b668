"""Starting a refresh from the server: a process of its own, so that no request waits for it and none imports a model.

`HOME/log/refresh-RUN.json` says which process was started for a run, `refresh-RUN.log` holds all that it prints. Until
the run has a node in the graph, or when it ended before it had one, its record is made from these two files.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from graph.errors import Conflict, InvalidData, Unsupported
from serving.refresh_runs import RunRecord
from serving.settings import Settings

STEPS = ("ingest", "retain", "encode", "tags", "snapshot", "train", "publish", "write-back")
"""Names of `serving.refresh_steps.STEPS`, which the request path may not import: a test holds them equal."""
LOG = "log"
KEPT = 20
TAIL = 4_000
COMMAND = (sys.executable, "-c", "from serving.cli.main import main; main()", "refresh")


@dataclass(frozen=True)
class Started:
    """A process that was started for a run; `began` tells it from a later one with the same number."""

    run: str
    pid: int
    began: float
    at: float

    @property
    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.began and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def start(settings: Settings, *, full: bool = False, only: str = "") -> Started:
    """Starts `interlace refresh` with these settings and comes back at once.

    Raises `InvalidData` for an unknown step, `Conflict` while a refresh that was started here lives, `Unsupported`
    where the home cannot be written.
    """
    check_step(only)
    options = [*(["--full"] if full else []), *(["--only", only] if only else [])]
    run = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    with _alone(settings.home) as folder:
        for other in _records(folder):
            if other.is_alive:
                raise going_on(f"run {other.run} (process {other.pid})")
        started = _spawn(settings, folder, run, options)
        _prune(folder)
    return started


def check_step(only: str) -> None:
    """Raises `InvalidData` for a step that is none."""
    if only and only not in STEPS:
        raise InvalidData(f"there is no step {only!r}", valid=", ".join(STEPS), remedy="name one of these as `only`")


def going_on(who: str) -> Conflict:
    """The error while another refresh runs."""
    return Conflict(
        f"another refresh is going on: {who}",
        valid="one refresh at a time",
        remedy="wait until it has ended: GET /v1/refresh-runs",
    )


def unrecorded(home: Path) -> list[RunRecord]:
    """Runs that were started here, newest first, as far as their files tell: still at work, or ended with an error."""
    folder = home / LOG
    found = (_as_run(folder, one) for one in _records(folder))
    return sorted((record for record in found if record is not None), key=lambda record: -record.started)


def _as_run(folder: Path, one: Started) -> RunRecord | None:
    """None for a run that ended well: the graph had its node."""
    if one.is_alive:
        return RunRecord(one.run, "running", "api", one.at)
    path = folder / f"refresh-{one.run}.log"
    text = path.read_bytes()[-TAIL:].decode(errors="replace").strip() if path.is_file() else ""
    last = _answer(text)
    if last is not None and "state" in last:
        return None
    said = last["error"]["detail"] if last is not None else text.rpartition("\n")[2]
    error = said or "the process ended before it said anything"
    ended = path.stat().st_mtime if path.is_file() else one.at
    return RunRecord(one.run, "failed", "api", one.at, max(ended, one.at), error=error)


def _answer(log: str) -> dict[str, Any] | None:
    """The one object that a command prints, None where it did not come to that."""
    for line in reversed(log.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and ("state" in found or "detail" in (found.get("error") or {})):
                return found
    return None


def _spawn(settings: Settings, folder: Path, run: str, options: list[str]) -> Started:
    with (folder / f"refresh-{run}.log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "--json", "--trigger", "api", "--run-id", run, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment(settings)},
            start_new_session=True,  # it outlives the server
        )
    # A child that nobody waits for stays in the process table.
    threading.Thread(target=process.wait, name=f"refresh {run}", daemon=True).start()
    try:
        began = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        began = 0.0
    started = Started(run, process.pid, began, time.time())
    temporary = folder / f".refresh-{run}"
    temporary.write_text(json.dumps(asdict(started)), encoding="utf-8")
    temporary.replace(folder / f"refresh-{run}.json")
    return started


def environment(settings: Settings) -> Mapping[str, str]:
    """The settings as the variables that say the same to another process. It reads a secret where this one did."""
    values: dict[str, Any] = settings.model_dump(mode="json", exclude_unset=True, exclude={"language_key"})
    values["home"] = str(settings.home.resolve())
    return {f"INTERLACE_{name.upper()}": str(value) for name, value in values.items() if value is not None}


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """HOME/log, while no other worker of the server starts anything."""
    folder = home / LOG
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".refresh-start", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unsupported(
            f"this server cannot refresh: it may not write in {str(home)!r} ({error.strerror})",
            valid="a server whose home folder is writable",
            remedy="run interlace refresh where the home is written: docker compose exec refresh interlace refresh",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)


def _records(folder: Path) -> Iterator[Started]:
    for path in folder.glob("refresh-*.json"):
        try:
            yield Started(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # pruned meanwhile, or not ours
            continue


def _prune(folder: Path) -> None:
    """Keeps the files of the last `KEPT` runs."""
    names = sorted({path.stem for path in folder.glob("refresh-*.*")})
    for name in names[:-KEPT]:
        for path in folder.glob(f"{name}.*"):
            path.unlink(missing_ok=True)
