"""Zero-shot tags: words become tags of items, with a confidence, without one item labelled for it.

After `encoders.encode` in the flow: an item's vectors on the graph are compared with the labels' (`zeroshot_labels`),
standardised, fused and calibrated (`zeroshot_scores`), and the best labels above a threshold written as
`(Item)-[:TAGGED {confidence, encoder, modality}]->(:ZeroShotTag {id, name})`. What the catalogue taught is fitted once
and kept in HOME/tags, so that a new item's tags do not move everybody else's; it is fitted anew when labels or encoders
change, when the catalogue has grown by a fifth, or when asked to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from encoders.item_pages import item_pages
from encoders.zeroshot_fit import Attribute, Fitted, fitted, read_vectors
from encoders.zeroshot_labels import Space
from encoders.zeroshot_scores import combinations
from encoders.zeroshot_state import Tagged, load_state, save_state
from graph.derived import TAGGED_EDGES, Difference, Edges, settle
from graph.errors import InvalidData
from graph.queries_tags import named_nodes
from graph.schema import TAG, Entity, safe_name
from graph.store import GraphStore

PAGE = 256
SOURCES = ("Genre", "Category")
"""Labels whose nodes' names are the tags when nobody names any: the first of which there are nodes."""
NOT_WORDS = frozenset({"", "unknown", "(no genres listed)", "other"})
MOST_LABELS = 1_000
CALIBRATED_THRESHOLD = 0.3
PERCENTILE_THRESHOLD = 0.95
DIGITS = 4

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with `tags`, the items done and the items in all."""


@dataclass(frozen=True)
class TagReport:
    """`items` looked at, of which `compared` anew; `written` relationships; `skipped`: modalities left out, and why.

    `calibrated`: confidences are probabilities; else they are percentiles (see `zeroshot_scores`).
    """

    labels: int
    items: int
    compared: int
    calibrated: bool
    refitted: bool
    edges: Difference
    skipped: Mapping[str, str]
    seconds: float

    @property
    def written(self) -> int:
        return self.edges.written

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {**asdict(self), "written": self.written}


def tag_items(
    store: GraphStore,
    *,
    home: Path,
    labels: Sequence[str] | None = None,
    source: str | None = None,
    top: int = 3,
    threshold: float | None = None,
    refit: bool = False,
    device: str | None = None,
    progress: Progress | None = None,
) -> TagReport:
    """Gives every item with a vector its best `top` labels of at least `threshold` confidence.

    `labels`: words; by default the names of the graph's own nodes of label `source` (default: `default_source`), and
    the items that are known to have them calibrate.
    `threshold`: by default 0.3 for probabilities, 0.95 for percentiles. `refit`: learn from the catalogue anew. Only
    items whose vectors changed are compared again. Raises `InvalidData` for a source without nodes or too few labels,
    `NotFound` when no item has a vector.
    """
    begun = time.perf_counter()
    names, attribute = _labels(store, labels, source)
    fit = fitted(store, home, names, attribute, refit=refit, device=device)
    _prepare_tags(store, names)
    least = (
        threshold if threshold is not None else (CALIBRATED_THRESHOLD if fit.fit.calibrated else PERCENTILE_THRESHOLD)
    )
    job = _Job(store, fit, names, top, least)
    before = load_state(home, job.version)
    total = int(store.query("item_count").rows[0][0])
    state: dict[str, Tagged] = {}
    compared, edges, done = 0, Difference(), 0
    for rows in item_pages(store, PAGE):
        tagged, written, stale = _tag_page(job, rows, before)
        state |= tagged
        edges += written
        compared += stale
        done += len(rows)
        if progress is not None:
            progress("tags", done, max(done, total))
    store.query("drop_unused_tags", {"ids": [tag_id(name) for name in names]})
    save_state(home, job.version, state)
    return TagReport(
        len(names),
        done,
        compared,
        fit.fit.calibrated,
        fit.fresh,
        edges,
        fit.skipped,
        round(time.perf_counter() - begun, 3),
    )


def _tag_page(
    job: _Job, rows: Sequence[Mapping[str, Any]], before: Mapping[str, Tagged]
) -> tuple[dict[str, Tagged], Difference, int]:
    """A page's items as they are tagged now, what was written for it, and how many had to be compared."""
    there = {row[0]: row[1] for row in job.store.query("tag_counts", {"ids": [row["id"] for row in rows]})}
    current = {row["id"]: job.mark(row) for row in rows}
    stale = [item for item, mark in current.items() if before.get(item) != Tagged(mark, there.get(item, 0))]
    written = Difference()
    if stale:
        wanted = job.wanted(stale)
        written = settle(job.store, TAGGED_EDGES, wanted, run="")
        there |= {item: len(found) for item, found in wanted.items()}
    return {item: Tagged(mark, there.get(item, 0)) for item, mark in current.items()}, written, len(stale)


def default_source(store: GraphStore) -> str | None:
    """The label whose nodes' names are the tags by default; None where the graph has none of `SOURCES`."""
    there = {row[0] for row in store.query("labels_known")}
    return next((label for label in SOURCES if label in there and _named(store, label)), None)


def _named(store: GraphStore, label: str) -> dict[str, str]:
    """Name -> id of the nodes of a label."""
    rows = store.query(named_nodes(safe_name(label))).rows
    return {name: node for node, name in rows if name.strip().lower() not in NOT_WORDS}


def _labels(
    store: GraphStore, labels: Sequence[str] | None, source: str | None
) -> tuple[tuple[str, ...], Attribute | None]:
    """The words, and the nodes that say which items have them where every word is the name of one."""
    label = source or default_source(store)
    nodes = _named(store, label) if label else {}
    names = tuple(dict.fromkeys(one.strip() for one in labels if one.strip())) if labels else tuple(sorted(nodes))
    if not 0 < len(names) <= MOST_LABELS:
        raise InvalidData(
            f"there are {len(names)} labels to tag items with" + (f": no {label} node has a name" if label else ""),
            valid=f"1 to {MOST_LABELS} words, or a label of named nodes ({', '.join(SOURCES)} by default)",
            remedy="interlace tag --labels comedy,horror,western or --from LABEL",
        )
    if not label or not set(names) <= nodes.keys():
        return names, None
    return names, Attribute(label, tuple(nodes[name] for name in names))


def _prepare_tags(store: GraphStore, names: Sequence[str]) -> None:
    store.ensure_schema([TAG])
    there = {row[0] for row in store.query("tag_names")}
    missing = [Entity(TAG, tag_id(name), {"name": name}) for name in names if tag_id(name) not in there]
    if missing:
        store.write(missing)


def tag_id(name: str) -> str:
    """Id of a tag's node."""
    return f"{TAG}:{name}"


@dataclass(frozen=True)
class _Job:
    store: GraphStore
    fit: Fitted
    names: Sequence[str]
    top: int
    threshold: float

    @property
    def version(self) -> str:
        """Of everything but the items that decides their tags."""
        return f"{self.fit.version} top {self.top} threshold {self.threshold} store {self.store.url}"

    def mark(self, row: Mapping[str, Any]) -> str:
        """Changes when a vector of the item does."""
        parts = (
            f"{name}:{row[f'{name}_version']}:{row[f'{name}_source']}"
            for name in self.fit.spaces
            if self._usable(row, name)
        )
        return " ".join(parts)

    def _usable(self, row: Mapping[str, Any], name: str) -> bool:
        return bool(row[f"has_{name}"]) and (row[f"{name}_encoder"], row[f"{name}_version"]) == self.fit.encoders[name]

    def wanted(self, ids: Sequence[str]) -> dict[str, Edges]:
        """The tags that items shall have."""
        found: dict[str, Edges] = {item: {} for item in ids}
        items, vectors, present = read_vectors(self.store, ids, self.fit.encoders)
        for rows, names in combinations(present):
            spaces = [self.fit.spaces[name] for name in names]
            scores = {space.modality: space.scores(vectors[space.modality][rows]) for space in spaces}
            confidences = self.fit.fit.confidences(scores).round(DIGITS)
            for row, confidence in zip(rows.tolist(), confidences, strict=True):
                found[items[row]] = self._best(confidence, spaces)
        return found

    def _best(self, confidence: NDArray[np.float64], spaces: Sequence[Space]) -> Edges:
        order = np.lexsort((np.arange(len(confidence)), -confidence))[: self.top]
        made_by = "+".join(space.encoder for space in spaces), "+".join(space.modality for space in spaces)
        kept = (label for label in order.tolist() if confidence[label] >= self.threshold)
        return {(tag_id(self.names[label]),): (float(confidence[label]), *made_by) for label in kept}
