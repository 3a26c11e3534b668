"""Interactions that are older than they may be leave the graph, through the change log, so that a snapshot follows.

What goes is written down first (a plan, as an ingest's), then deleted as one load: one that was killed anywhere is
carried out by the next.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from graph.changes import Load
from graph.id_pages import id_pages
from graph.load import PLAN, finish
from graph.plan import Plan
from graph.queries_expire import expired_of
from graph.schema import ITEM, KIND_TO_TYPE, USER, safe_name
from graph.stage import Edges
from graph.store import GraphStore
from graph.sync import table_of

RUN = "expire.load"
"""Folder in the home of a load that goes on."""


def expire(store: GraphStore, home: Path, before: Mapping[str, int]) -> dict[str, int]:
    """Deletes interactions of each kind that happened before a time (Unix seconds); returns how many of each.

    Those without a time have no age and stay.
    """
    resume(store, home)
    aside = home / f".{RUN}"
    shutil.rmtree(aside, ignore_errors=True)
    counts = _plan(store, before, aside / PLAN)
    if any(counts.values()):
        aside.rename(home / RUN)  # from here on it is carried out, whoever is killed
        resume(store, home)
    shutil.rmtree(aside, ignore_errors=True)
    return counts


def count_expired(store: GraphStore, before: Mapping[str, int]) -> dict[str, int]:
    """How many `expire` would delete."""
    return _plan(store, before, None)


def resume(store: GraphStore, home: Path) -> None:
    """Carries out what was written down and not ended."""
    run = home / RUN
    if (run / PLAN).is_dir():
        load = Load(store, home, run)
        finish(store, run)
        load.end(run / PLAN)
    shutil.rmtree(run, ignore_errors=True)


def _plan(store: GraphStore, before: Mapping[str, int], folder: Path | None) -> dict[str, int]:
    counts = dict.fromkeys(before, 0)
    types = {row[0] for row in store.query("types_known")}
    plan = None if folder is None else Plan(folder)
    wanted = {kind: KIND_TO_TYPE[kind] for kind in before if KIND_TO_TYPE[kind] in types}
    after = ""
    for ids in id_pages(store, USER) if wanted else ():
        for kind, name in wanted.items():
            asked = {"after": after, "upto": ids[-1], "before": before[kind]}
            rows = store.query(expired_of(safe_name(name)), asked).rows
            counts[kind] += len(rows)
            if rows and plan is not None:
                gone = [{**properties, "head": head, "tail": tail} for head, tail, properties in rows]
                plan.save(Edges(name, USER, ITEM), "gone", table_of(gone, ("head", "tail")))
        after = ids[-1]
    return counts
