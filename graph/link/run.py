"""`interlace link` from end to end: read, compare, group, write the difference, report. And the way back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from graph.link.clusters import STRONG, cluster
from graph.link.model import link
from graph.link.records import Rules, records
from graph.link.report import examples, histogram, weights_of, write_report
from graph.link.store import FOLDER, apply, difference, given_people, read_rows, undo, wanted
from graph.store import GraphStore

THRESHOLD = 0.3
"""Of the joint rule of probability and one user a platform: see the curve in docs/guide/people.md."""


@dataclass(frozen=True)
class LinkReport:
    """What a run did. `folder`: where its report is; None for an undoing."""

    run: str
    what: str
    counts: dict[str, int]
    threshold: float
    dry: bool
    folder: str | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run_link(
    store: GraphStore,
    home: Path,
    what: str,
    *,
    rules: Rules | None = None,
    threshold: float = THRESHOLD,
    dry: bool = False,
    show_values: bool = False,
    seed: int = 42,
    progress: Callable[[str], None] = lambda _text: None,
) -> LinkReport:
    """Links users (`people`) or `items` of the graph. The same graph again changes nothing.

    Errors: `InvalidData` where the nodes have nothing to compare, `Unsupported` without splink.
    """
    began = time.perf_counter()
    run = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{what}-{secrets.token_hex(2)}"
    progress("reading")
    frame = records(list(read_rows(store, what)), what, rules)
    given = given_people(store) if what == "people" else {}
    progress(f"comparing {len(frame):,} {what}")
    found = link(frame, what, seed=seed)
    groups = cluster(found.pairs, threshold=threshold, given=given)
    changes = difference(store, what, wanted(groups, what, given, run))
    counts = {
        what: len(frame), "pairs compared and likely": len(found.pairs), "groups": len(groups.members),
        "linked": sum(map(len, groups.members)), "pairs refused: two of one platform": len(groups.refused),
        "links written": len(changes.write), "links taken away": len(changes.remove), "links as before": changes.kept,
    }  # fmt: skip
    folder = home / FOLDER / run
    progress("writing")
    write_report(
        folder,
        {
            "run": run, "what": what, "counts": counts, "threshold": threshold, "strong": STRONG, "dry": dry,
            "blocks": list(found.blocks), "weights": weights_of(found.settings),
            "prior": found.settings["probability_two_random_records_match"],
            "histogram": histogram(found.pairs, threshold),
            "examples": examples(found.pairs, frame, found.settings, threshold, show_values=show_values),
        },
    )  # fmt: skip
    if not dry:
        apply(store, home, what, changes, run)
    return LinkReport(run, what, counts, threshold, dry, str(folder), time.perf_counter() - began)


def undo_link(store: GraphStore, home: Path, run: str) -> LinkReport:
    """Takes a run back. Errors as `graph.link.store.undo`."""
    began = time.perf_counter()
    changes = undo(store, home, run)
    counts = {"links taken away": len(changes.remove), "links that returned": len(changes.write)}
    report = LinkReport(run, "undo", counts, THRESHOLD, False, None, 0.0)
    return replace(report, seconds=time.perf_counter() - began)
