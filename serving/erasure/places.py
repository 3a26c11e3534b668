"""Every place where something of a person may be, in the order in which it is erased: one list.

A new store of personal data belongs in `PLACES`; one that does not name its files in either list below fails
`tests/serving/erasure/test_places.py`, which walks a home in which everything was exercised.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from serving.erasure import files, graph, ledgers, models, versions
from serving.erasure.begin import AT_ONCE
from serving.erasure.work import Place

PLACES: tuple[Place, ...] = (
    *AT_ONCE,
    Place("blocks", "others' lists that name them, on their way to the graph", ledgers.blocks),
    Place("profiles", "what a language model wrote of them, its vectors", files.profiles, ("cache/*.sqlite*",)),
    Place("graph", "nodes, relationships, written lists, others' lists, persons", graph.nodes, ("store/databases/**",)),
    Place("models", "versions that learned from them are marked; checkpoints", models.mark, ("checkpoints/**",)),
    Place("republish", "an index without them is current", versions.republish),
    Place("indexes", "versions of the index that hold them", versions.indexes, ("index/**",)),
    Place("measures", "their rows of per-user measures", models.measures),
    Place("weights", "weights of marked versions that do not serve", models.weights),
    Place("snapshots", "kept snapshots that hold them", versions.snapshots, ("snapshots/**", "changes/kept/*")),
    Place("changes", "deltas between snapshots that name them", versions.deltas_gone, ("changes/**", "events.load/**")),
    Place("shown again", "what workers wrote down meanwhile", ledgers.exposures),
    Place("events again", "what came in meanwhile", ledgers.events),
    Place("marks", "the marks by which workers knew that they are gone", ledgers.marks),
    Place("files", "logs, reports, refused rows, lists", files.texts,
          ("audit*.jsonl*", "log/**", "refused/**", "link/**", "reports/**", "run/**", "*.csv", "*.parquet")),
    Place("store", "bytes of deleted nodes in the store's files", graph.files, ("store/**",)),
)  # fmt: skip

NOTHING_PERSONAL = (
    "sources.json", "encoders.json", "refresh.json", "refresh.lock", "overlay.lock", "experiments.sqlite*",
    "experiments.yaml", "retention.yaml", "scenarios/**",
    "signing.key", "signing.pub", "steps/**", "ingest/lock", "media/**", "tags/**", "encoders/**",
    "studies/**", "erasures/**",
)  # fmt: skip
"""Files of a home that say nothing of any user (the record of an open erasure does, until it is closed)."""
SOURCES = ("data/**",)
"""Data sets as they were downloaded: where the data comes from is not Interlace's to change."""


def owner(path: str) -> str:
    """Which place answers for a file of a home (its path below it); `nothing personal`, `sources`, or empty."""
    for place in PLACES:
        if _matches(path, place.files):
            return place.name
    if _matches(path, NOTHING_PERSONAL):
        return "nothing personal"
    return "sources" if _matches(path, SOURCES) else ""


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    found = PurePosixPath(path)
    return any(path.startswith(one[:-2]) if one.endswith("/**") else _glob(found, one) for one in patterns)


def _glob(path: PurePosixPath, pattern: str) -> bool:
    return len(path.parts) == len(PurePosixPath(pattern).parts) and path.match(pattern)
