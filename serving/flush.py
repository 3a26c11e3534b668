"""What a server took, into the graph: changes of the overlay in their order, then events, then consents; each until it
is done whole.

By the worker that took a change, right after its answer, and by every refresh before its first step. A lock in the home
lets one do it at a time, so that an older state of an item never comes after a newer one.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from graph import changes
from graph.consent import Defaults
from graph.file_lock import alone
from graph.queries_live import detaching
from graph.schema import ITEM, USER, Entity, safe_name
from graph.store import GraphStore
from serving.catalogue import platform_of
from serving.consent import FILE as CONSENTS
from serving.consent import Consents
from serving.consent_graph import flush_consents
from serving.events import FILE as EVENTS
from serving.events import EventLog
from serving.events_flush import flush_events, version_now
from serving.item_body import graph_of
from serving.overlay import FILE, Change, Overlay

LOCK = "overlay.lock"


def flush(store: GraphStore, home: Path) -> int:
    """Writes what waits into the graph; returns how many changes, events, and users with another consent. Nothing is
    lost where it is killed.
    """
    if not any((home / name).is_file() for name in (FILE, EVENTS, CONSENTS)):
        return 0
    with (
        closing(Overlay(home)) as overlay,
        closing(EventLog(home)) as log,
        closing(Consents(home, Defaults())) as consents,
        alone(home / LOCK),
    ):
        waiting = overlay.waiting()
        for change in waiting:
            _apply(store, home, change)
            overlay.apply(change, version_now(store))
        return len(waiting) + flush_events(store, home, log) + flush_consents(store, home, consents)


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
