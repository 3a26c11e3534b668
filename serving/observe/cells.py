"""The numbers of one worker in a file that all workers of the server map: so any of them can answer for all.

`HOME/run/metrics/SERVER/WORKER.cells` holds float64 numbers, `WORKER.names` says which is whose (one JSON line a
series). A worker alone writes its file, from its event loop, so an addition is one read and one write of memory. It
holds a lock on its file while it lives: of one that died the gauges are forgotten and the counts kept.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import orjson

from serving.observe.metrics import METRICS, Metric

CELLS = ".cells"
NAMES = ".names"
LATELY = ".shown-"
"""What a worker shows by one version of the index (`serving.observe.shown`)."""
ENDED = "ended.json"
LOCK = "lock"
CAPACITY = 1 << 16
"""Numbers a worker may hold. Labels come from routes, statuses and the like, so that few thousand are ever used."""

Key: TypeAlias = tuple[str, tuple[str, ...]]
Values: TypeAlias = dict[Key, list[float]]


class Cells:
    """This worker's numbers. `folder` None: they are its own alone (a test, an embedded application)."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.name = f"{os.getpid()}-{secrets.token_hex(3)}"
        self._lock = Lock()
        self._places: dict[Key, int] = {}
        self._next = 0
        self._file: Any = None
        self._names: Any = None
        if folder is not None:
            with _alone(folder):  # so that nobody sees the file before its lock, and takes the worker for dead
                self._names = (folder / f"{self.name}{NAMES}").open("ab", buffering=0)
                self._file = (folder / f"{self.name}{CELLS}").open("w+b")
                self._file.truncate(8 * CAPACITY)
                fcntl.flock(self._file, fcntl.LOCK_EX)
        self._map = mmap.mmap(-1 if self._file is None else self._file.fileno(), 8 * CAPACITY)
        self._values = memoryview(self._map).cast("d")
        for metric in METRICS.values():
            if not metric.labels and metric.kind != "gauge":
                self._place(metric, ())

    def add(self, metric: Metric, labels: tuple[str, ...] = (), amount: float = 1.0) -> None:
        """Counts; called by the event loop alone."""
        self._values[self._place(metric, labels)] += amount

    def set(self, metric: Metric, value: float, labels: tuple[str, ...] = ()) -> None:
        """What a gauge shows, or a counter that somebody else counts."""
        self._values[self._place(metric, labels)] = value

    def observe(self, metric: Metric, value: float, labels: tuple[str, ...] = ()) -> None:
        """A value of a histogram; called by the event loop alone."""
        place = self._place(metric, labels)
        self._values[place + bisect_left(metric.buckets, value)] += 1.0
        self._values[place + len(metric.buckets) + 1] += value

    def values(self) -> Values:
        """This worker's numbers."""
        widths = {name: metric.width for name, metric in METRICS.items()}
        return {key: list(self._values[place : place + widths[key[0]]]) for key, place in list(self._places.items())}

    def close(self) -> None:
        """The counts stay with the server's other workers, the gauges go."""
        self._values.release()
        self._map.close()
        for file in (self._file, self._names):
            if file is not None:
                file.close()

    def _place(self, metric: Metric, labels: tuple[str, ...]) -> int:
        key = (metric.name, labels)
        place = self._places.get(key)
        return self._made(metric, key) if place is None else place

    def _made(self, metric: Metric, key: Key) -> int:
        with self._lock:
            if key in self._places:
                return self._places[key]
            place = self._next
            self._next = place + metric.width
            if self._names is not None:
                self._names.write(orjson.dumps([*key, place, metric.width]) + b"\n")
            self._places[key] = place
            return place


def read(folder: Path) -> Iterator[tuple[str, Values, bool]]:
    """Of every worker: its name, its numbers, and whether it lives. Those that died are counted together under ''."""
    with _alone(folder):
        ended = _ended(folder)
        for path in sorted(folder.glob(f"*{CELLS}")):
            if _lives(path):
                yield path.stem, _values(path), True
            else:
                _bury(folder, path, ended)
    yield "", ended["values"], False


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time looks for the dead, or joins the living."""
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lives(path: Path) -> bool:
    """Does somebody hold the file's lock."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _values(path: Path) -> Values:
    numbers = memoryview(path.read_bytes()).cast("d")
    lines = path.with_suffix(NAMES).read_bytes().split(b"\n")[:-1]  # a line without its end is being written
    rows = (orjson.loads(line) for line in lines)
    return {(name, tuple(labels)): list(numbers[at : at + width]) for name, labels, at, width in rows}


def _ended(folder: Path) -> dict[str, Any]:
    """What workers that died counted, and which of them that is."""
    try:
        found = orjson.loads((folder / ENDED).read_bytes())
    except FileNotFoundError:
        return {"workers": [], "values": {}}
    return {
        "workers": found["workers"],
        "values": {(name, tuple(labels)): values for name, labels, values in found["values"]},
    }


def _bury(folder: Path, path: Path, ended: dict[str, Any]) -> None:
    """Adds a dead worker's counts to the others', once, wherever this is interrupted."""
    if path.stem not in ended["workers"]:
        add_up(ended["values"], {key: one for key, one in _values(path).items() if METRICS[key[0]].kind != "gauge"})
        ended["workers"] = [*ended["workers"], path.stem][-1000:]
        rows = [[*key, values] for key, values in ended["values"].items()]
        temporary = folder / f".{ENDED}"
        temporary.write_bytes(orjson.dumps({"workers": ended["workers"], "values": rows}))
        temporary.replace(folder / ENDED)
    for part in (*folder.glob(f"{path.stem}{LATELY}*"), path, path.with_suffix(NAMES)):
        part.unlink(missing_ok=True)


def add_up(total: Values, more: Mapping[Key, list[float]]) -> None:
    """Adds series to the total, number by number."""
    for key, values in more.items():
        there = total.get(key)
        total[key] = list(values) if there is None else [a + b for a, b in zip(there, values, strict=True)]
