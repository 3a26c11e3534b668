"""What `interlace ingest` and `export-graph` share: where a source is, whose password it wants, how fast it goes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from graph.errors import InvalidData

if TYPE_CHECKING:
    from graph.sources.chunks import Source
    from graph.sources.graph_map import GraphMap
    from serving.progress import Step

NOTE_SECONDS = 0.5


def is_neo4j(place: str) -> bool:
    """Whether a place is the address of a Neo4j, and no folder or file."""
    scheme, separator, _ = place.partition("://")
    from graph.store import NEO4J_SCHEMES

    return bool(separator) and scheme in NEO4J_SCHEMES


def read_password(file: Path | None, option: str) -> str | None:
    """The password in a file. Raises `InvalidData` for one that cannot be read."""
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidData(
            f"cannot read the password file {str(file)!r} ({error.strerror})",
            valid="a readable file that holds the password alone",
            remedy=f"correct {option}",
        ) from error


def open_place(
    place: str,
    *,
    format: str | None,  # noqa: A002 - the user's word for it
    mapping: GraphMap,
    user: str | None,
    password: Path | None,
) -> Source:
    """The source at a path or in a running Neo4j."""
    now = time.time()
    if is_neo4j(place):
        from graph.neo4j_import import open_neo4j

        secret = read_password(password, "--source-password-file")
        return open_neo4j(place, now=now, mapping=mapping, user=user, password=secret)
    from graph.sources.detect import open_path

    return open_path(Path(place), now=now, format=format, mapping=mapping)


class Rate:
    """Shows how many rows are done, how many a second, and, once it is known how many there are, how long it takes."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._phase = ""
        self._started = self._noted = 0.0

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        """`done` rows of a phase (`reading`, `planning`, `loading`) are done, of `total` where that is known."""
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._started, self._noted = phase, now, 0.0
        if total:
            self._step.at(done, total)
        if now - self._noted >= NOTE_SECONDS:
            self._noted = now
            self._step.note(self._words(done, total, now - self._started))

    def _words(self, done: int, total: int | None, seconds: float) -> str:
        rate = done / seconds if seconds > 0 else 0.0
        words = f"{self._phase} {done:,} rows"
        if rate:
            words += f", {rate:,.0f} a second"
        if total and rate:
            words += f", {_minutes((total - done) / rate)} left"
        return words


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
