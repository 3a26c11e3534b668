"""The graph as a snapshot, as cheaply as may be: the newest kept one brought up to date, or all of it read.

`HOME/changes/kept` remembers which version of a store each kept snapshot is of; `graph.changes` says what every later
version brought. A version that nobody explains (a writer that was killed, another home), or counts in the store that do
not fit, mean that everything is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from graph.changes import FOLDER, Mark, deltas_since, forget, mark_of
from graph.errors import InterlaceError
from graph.snapshot import Snapshot
from graph.snapshot_apply import apply
from graph.snapshot_delta import read_changes
from graph.snapshot_files import content_hash, load, save
from graph.snapshot_notes import Notes, surplus
from graph.snapshot_store import Reading, read_graph
from graph.snapshot_tables import ReadAll
from graph.store import GraphStore
from graph.whole_files import write_json

SNAPSHOTS = "snapshots"
KEPT = "kept"
KEEP = 3
ATTEMPTS = 3

How: TypeAlias = Literal["all", "changes", "nothing"]
"""What was read: the whole graph, what changed, or nothing as nothing had changed."""


@dataclass(frozen=True)
class Taken:
    """A snapshot, its content hash, and what had to be read for it; `why`: the reason that everything was."""

    snapshot: Snapshot
    hash: str
    how: How
    why: str = ""


@dataclass(frozen=True)
class _Kept:
    """Which version of a store a kept snapshot is of."""

    path: Path
    hash: str
    version: int
    store: str
    notes: Notes
    part: str = ""


def take_snapshot(store: GraphStore, home: Path, *, full: bool = False) -> Taken:
    """The present graph, kept in `HOME/snapshots/HASH`. `full` reads everything, whatever is kept."""
    for attempt in range(ATTEMPTS):
        mark = mark_of(store)
        reading, how, why = _reading(store, home, mark, full=full and attempt == 0)
        taken = Taken(reading.snapshot, "", how, why)
        after = mark_of(store)
        taken = _keep(store, home, reading, mark, taken, still=mark == after)
        if mark == after or mark is None:
            break
    return taken


def _reading(store: GraphStore, home: Path, mark: Mark | None, *, full: bool) -> tuple[Reading, How, str]:
    why = "asked for" if full else ""
    if mark is None or mark.loading:
        why = why or ("no version is known" if mark is None else "a load is going on")
    elif not full:
        try:
            return _brought_up(store, home, mark)
        except (ReadAll, InterlaceError, OSError) as error:
            why = str(error)
    return read_graph(store), "all", why


def _brought_up(store: GraphStore, home: Path, mark: Mark) -> tuple[Reading, How, str]:
    kept = _kept(home)
    found = deltas_since(home, mark, kept)
    if found is None:
        raise ReadAll("no kept snapshot leads to this version")
    token, deltas = found
    base = kept[token]
    if not base.notes.links:
        raise ReadAll("the kept snapshot is of a version that did not read links' probabilities")
    reading = Reading(load(home / SNAPSHOTS / base.hash, verify=False), base.notes)
    changed = read_changes(deltas)
    if changed.empty:
        how: How = "nothing"
    else:
        reading, how = apply(store, reading, changed), "changes"
    if base.notes.surplus is not None:
        counted = surplus(store, reading.snapshot, reading.notes.user_types)
        if counted != base.notes.surplus:
            raise ReadAll("the store's counts do not fit: somebody else has written")
    return reading, how, ""


def _keep(store: GraphStore, home: Path, reading: Reading, mark: Mark | None, taken: Taken, *, still: bool) -> Taken:
    digest = content_hash(reading.snapshot)
    folder = home / SNAPSHOTS / digest
    if not folder.is_dir():
        save(reading.snapshot, folder, digest=digest)
    if mark is not None and not mark.loading:
        _remember(store, home, mark, digest, reading.notes, still=still)
    return Taken(taken.snapshot, digest, taken.how, taken.why)


def _remember(store: GraphStore, home: Path, mark: Mark, digest: str, notes: Notes, *, still: bool) -> None:
    """Notes which version this snapshot is of; forgets older ones and the deltas that only they need.

    Where others wrote meanwhile it may hold some of what they wrote: their deltas, applied again, set that right; only
    its counts say nothing.
    """
    folder = home / FOLDER / KEPT
    folder.mkdir(parents=True, exist_ok=True)
    counted = notes.json() if still else {**notes.json(), "surplus": None}
    record = {"snapshot": digest, "version": mark.version, "store": store.url, "notes": counted}
    temporary = folder / f".{mark.token}-{os.getpid()}"
    temporary.write_text(json.dumps(record), encoding="utf-8")
    temporary.replace(folder / f"{mark.token}.json")
    ours = sorted((one for one in _kept(home).values() if one.store == store.url), key=lambda one: one.version)
    for old in ours[:-KEEP]:
        old.path.unlink(missing_ok=True)
    forget(home, store.url, ours[-KEEP:][0].version)


def _kept(home: Path) -> Mapping[str, _Kept]:
    """What is remembered of kept snapshots, by token; of those that are still there."""
    found = {}
    for path in (home / FOLDER / KEPT).glob("*.json"):
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if (home / SNAPSHOTS / record["snapshot"]).is_dir():
            notes = Notes.of_json(record["notes"])
            found[path.stem] = _Kept(
                path, record["snapshot"], record["version"], record["store"], notes, record.get("part", "")
            )
    return found


def version_of(home: Path, digest: str) -> int | None:
    """The newest version of the graph that a snapshot (or the part of one) is known to hold; None where nobody noted
    it.
    """
    return max((one.version for one in _kept(home).values() if digest in (one.hash, one.part)), default=None)


def keep_part(home: Path, whole: str, part: Snapshot) -> str:
    """Keeps what may be used of a kept snapshot, `HOME/snapshots/HASH` too, and notes that it holds the same version;
    returns its hash. Later snapshots are made from the whole.
    """
    digest = content_hash(part)
    folder = home / SNAPSHOTS / digest
    if not folder.is_dir():
        save(part, folder, digest=digest)
    for one in _kept(home).values():
        if one.hash == whole and one.part != digest:
            write_json(one.path, {**json.loads(one.path.read_text(encoding="utf-8")), "part": digest})
    return digest


def needed(home: Path) -> set[str]:
    """Hashes of the snapshots that later ones may be made from."""
    return {one.hash for one in _kept(home).values()}
