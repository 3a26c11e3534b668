"""What was made from people's data: index, snapshots, changes between them, and models; made anew, the old removed.

`republish` brings up an index of the graph without them. What is older and holds them cannot be served again, so it
goes: index versions, kept snapshots, the deltas between these. Versions of the model that learned from them are marked
in MLflow, and what they hold of each user (factors, measures) is removed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from graph.changes import FOLDER as CHANGES
from graph.changes import deltas, mark_of
from graph.errors import InterlaceError
from graph.snapshot_fresh import KEPT, SNAPSHOTS
from serving.erasure.work import Counts, Work
from serving.events import EventLog
from serving.index import CURRENT, FOLDER, MANIFEST, current_version, mapped, read_manifest
from serving.index_files import MISSING
from serving.overlay import Overlay
from serving.refresh import Refresh


def republish(work: Work) -> Counts:
    """An index of the graph without them becomes current, unless the current one does not know them."""
    if not (work.home / FOLDER / CURRENT).is_file():
        return {}
    if holds(work.home / FOLDER / current_version(work.home), work.names) == 0:
        return {}
    from serving.progress import Lines

    Refresh(work.settings, work.reporter or Lines(), trigger="erasure").run(work.open_graph())
    return {"published": 1}


def indexes(work: Work) -> Counts:
    """Versions of the index that hold them; never the current one, which does not."""
    current = current_version(work.home) if (work.home / FOLDER / CURRENT).is_file() else ""
    gone = 0
    for folder in _folders(work.home / FOLDER):
        if folder.name != current and holds(folder, work.names):
            shutil.rmtree(folder)
            gone += 1
    kept = [folder.name for folder in _folders(work.home / FOLDER) if (folder / MANIFEST).is_file()]
    with closing(Overlay(work.home)) as overlay, closing(EventLog(work.home)) as log:
        overlay.tidy(kept)
        log.tidy(kept)
    return {"versions": gone}


def holds(index: Path, users: frozenset[str]) -> int:
    """How many of these users a version of the index knows; what cannot be read is taken to know all."""
    try:
        ids = mapped(index, read_manifest(index)).user_ids
    except (InterlaceError, OSError, KeyError, ValueError):
        return len(users)
    return sum(ids.find(user.encode("utf-8", "surrogatepass")) != MISSING for user in users)


def snapshots(work: Work) -> Counts:
    """Kept snapshots that hold them, and with these the notes that the next one could be made from them."""
    gone = 0
    for folder in _folders(work.home / SNAPSHOTS):
        if snapshot_positions(folder, work.names):
            shutil.rmtree(folder)
            gone += 1
    for path in (work.home / CHANGES / KEPT).glob("*.json"):
        if not (work.home / SNAPSHOTS / json.loads(path.read_text(encoding="utf-8"))["snapshot"]).is_dir():
            path.unlink()
    return {"snapshots": gone}


def deltas_gone(work: Work) -> Counts:
    """Deltas of the change log that name them. Where that breaks the chain, the next snapshot reads the whole graph."""
    mark, gone = mark_of(work.open_graph()), 0
    for delta in list(deltas(work.home)):
        if mark is None or _names(delta.folder, work.names):
            shutil.rmtree(delta.folder.parent)
            gone += 1
    return {"deltas": gone}


def snapshot_positions(folder: Path, users: frozenset[str]) -> dict[str, int]:
    """Which of these users a kept snapshot holds, and their positions."""
    path = folder / "users.parquet"
    if not path.is_file():
        return {}
    ids = pq.read_table(path).column("id").to_pylist()
    return {name: place for place, name in enumerate(ids) if name in users}


def _names(plan: Path, users: frozenset[str]) -> bool:
    """Does any column of a delta's files hold one of these ids."""
    for path in plan.glob("*.parquet"):
        table = pq.read_table(path)
        for name in table.column_names:
            column = table.column(name)
            if name in ("id", "head", "tail") and not users.isdisjoint(pc.unique(column).to_pylist()):
                return True
    return False


def _folders(root: Path) -> Iterator[Path]:
    """Of versions; those that are being written are another's."""
    if root.is_dir():
        yield from sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
