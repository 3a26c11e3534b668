"""What is to be erased and how far that is, on disk before anything is removed: a kill loses nothing.

`HOME/erasures/ID.open.json` (mode 0600) names the users, because it must, until all is done; then it makes way for the
receipt, `HOME/erasures/ID.json`, which names nobody.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from graph.errors import Conflict, NotFound
from graph.whole_files import write_json

FOLDER = "erasures"
OPEN = ".open.json"


@dataclass(frozen=True)
class Done:
    """A place is done: when (Unix seconds), and what was removed there, counted."""

    at: float
    removed: Mapping[str, int]


@dataclass(frozen=True)
class Erasure:
    """One request to erase people. `users`: their ids on all platforms that are erased; `persons`: nodes that join
    them. `whole`: all platforms of each person; `resolved`: those have been looked up. `done` by place.
    """

    id: str
    asked: float
    by: str
    users: tuple[str, ...]
    whole: bool = True
    persons: tuple[str, ...] = ()
    resolved: bool = False
    done: Mapping[str, Done] = field(default_factory=dict)

    def with_done(self, place: str, removed: Mapping[str, int]) -> Erasure:
        """With one more place done; what an earlier try of it counted stays counted."""
        before = self.done[place].removed if place in self.done else {}
        total = {name: before.get(name, 0) + removed.get(name, 0) for name in {**before, **removed}}
        return replace(self, done={**self.done, place: Done(time.time(), total)})


def begin(home: Path, users: Iterable[str], *, by: str, whole: bool = True) -> Erasure:
    """A new erasure, on disk when this returns."""
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
    erasure = Erasure(name, time.time(), by, tuple(sorted(set(users))), whole)
    save(home, erasure)
    return erasure


def save(home: Path, erasure: Erasure) -> None:
    """Writes how far it is."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    old = os.umask(0o077)
    try:
        write_json(home / FOLDER / f"{erasure.id}{OPEN}", asdict(erasure), durable=True)
    finally:
        os.umask(old)


def close(home: Path, erasure: Erasure, receipt: Mapping[str, Any]) -> Path:
    """The receipt in place of the record: first the one, then the other, so that a kill between leaves both."""
    path = home / FOLDER / f"{erasure.id}.json"
    write_json(path, receipt, durable=True)
    (home / FOLDER / f"{erasure.id}{OPEN}").unlink(missing_ok=True)
    return path


def still_open(home: Path) -> list[Erasure]:
    """Erasures that are not done, oldest first. Raises `Conflict` for a record that cannot be read."""
    return [_read(path) for path in sorted((home / FOLDER).glob(f"*{OPEN}"))]


def receipt_of(home: Path, name: str) -> dict[str, Any]:
    """A receipt by the id of its erasure. Raises `NotFound`."""
    path = home / FOLDER / f"{Path(name).name}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(
            f"no receipt of an erasure {name!r}",
            valid=", ".join(_receipts(home)[-5:]) or "none is there",
            remedy="name one of these; interlace erase goes on with what is not done",
        ) from error
    return found


def _receipts(home: Path) -> Sequence[str]:
    return sorted(path.stem for path in (home / FOLDER).glob("*.json") if not path.name.endswith(OPEN))


def _read(path: Path) -> Erasure:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        done = {name: Done(one["at"], one["removed"]) for name, one in found.pop("done").items()}
        users, persons = tuple(found.pop("users")), tuple(found.pop("persons"))
        return Erasure(**found, users=users, persons=persons, done=done)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Conflict(f"{path} cannot be read ({error})", valid="a record as this version wrote it",
                       remedy="ask for the erasure again, then delete it") from error  # fmt: skip
