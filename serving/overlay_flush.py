"""Changes of the overlay into the graph, in their order; each is done again until it has been done whole.

By the worker that took a change, right after its answer, and by every refresh before its first step. A lock in the home
lets one do it at a time, so that an older state of an item never comes after a newer one.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from graph import changes
from graph.changes import mark_of
from graph.queries_live import detaching
from graph.schema import USER, Entity, safe_name
from graph.schema import ITEM
from graph.store import GraphStore
from serving.catalogue import platform_of
from serving.item_body import graph_of
from serving.overlay import FILE, Change, Overlay

LOCK = "overlay.lock"


def flush(store: GraphStore, home: Path) -> int:
    """Writes what waits into the graph; returns how many changes. Nothing is lost where it is killed."""
    if not (home / FILE).is_file():
        return 0
    with closing(Overlay(home)) as overlay, _alone(home):
        waiting = overlay.waiting()
        for change in waiting:
            _apply(store, home, change)
            mark = mark_of(store)
            overlay.apply(change, 0 if mark is None else mark.version)
        return len(waiting)


def _apply(store: GraphStore, home: Path, change: Change) -> None:
    if change.gone:
        changes.erase_nodes(store, home, change.label, [change.id])
        return
    if change.label == USER:
        properties = {**change.body, "platform": platform_of(change.id, change.body)}
        store.write([Entity(USER, change.id, properties)])
        return
    entities, triples = graph_of(change.id, change.body, platform_of(change.id, {}))
    store.ensure_schema([ITEM])
    for label in sorted(_replaced(change)):
        store.query(detaching(safe_name(label)), {"id": change.id})
    store.write(entities, (), triples)


def _replaced(change: Change) -> set[str]:
    """Labels whose relationships the change says anew."""
    return {*(change.body.get("attributes") or {}), *(label for _, label, _, _ in change.body.get("relations") or ())}


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
