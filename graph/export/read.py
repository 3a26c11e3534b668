"""The whole graph out of a store as batches: nodes label by label, then relationships by ranges of their heads.

First step of every export. In bounded memory: a page of nodes, or the relationships of some hundred heads, at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.id_pages import id_pages
from graph.queries_export import edges_out, edges_with_properties, whole_page
from graph.schema import DERIVED_TYPES, OPERATIONAL_LABELS, Batch, EdgeBatch, NodeBatch, safe_name
from graph.snapshot import NO_TIME
from graph.sources.graph_lines import any_column
from graph.store import GraphStore

NODES_A_PAGE = 10_000
HEADS_A_PAGE = 500
EMBEDDINGS = tuple(f"{modality}_embedding" for modality in ("text", "image", "audio"))
_SAID_OF_EMBEDDINGS = tuple(f"{name}_{what}" for name in EMBEDDINGS for what in ("encoder", "version", "source"))


@dataclass(frozen=True)
class What:
    """How much of a graph is exported.

    `embeddings`: the vectors on the nodes too. `derived`: also what Interlace writes back (recommendations, similar
    items, tags) and its own book-keeping; else what a snapshot holds, which is what people brought in.
    """

    embeddings: bool = False
    derived: bool = False


@dataclass
class _Ranges:
    """Ids that end each page of heads, by label."""

    ends: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def of(self, label: str) -> Iterator[tuple[str, str]]:
        after = ""
        for upto in self.ends[label]:
            yield after, upto
            after = upto


def read_graph(store: GraphStore, what: What | None = None) -> Iterator[Batch]:
    """All nodes, then all relationships, in id order. A node without an `id` is none of Interlace's and left out."""
    what = what or What()
    labels = sorted(row[0] for row in store.query("labels_known"))
    if not what.derived:
        labels = [label for label in labels if label not in OPERATIONAL_LABELS]
    ranges = _Ranges()
    for label in labels:
        yield from _nodes(store, label, what, ranges)
    skipped = [] if what.derived else sorted(DERIVED_TYPES)
    for label in labels:
        yield from read_edges(store, label, ranges.of(label), labels=set(labels), skipped=skipped)


def _nodes(store: GraphStore, label: str, what: What, ranges: _Ranges) -> Iterator[NodeBatch]:
    left_out = () if what.embeddings else (*EMBEDDINGS, *_SAID_OF_EMBEDDINGS)
    text, after = whole_page(safe_name(label), left_out), ""
    while rows := store.query(text, {"after": after, "limit": NODES_A_PAGE}).rows:
        ids = [row[0] for row in rows]
        ranges.ends[label] += [*ids[HEADS_A_PAGE - 1 :: HEADS_A_PAGE], ids[-1]]
        yield NodeBatch(label, _table({"id": pa.array(ids, pa.string())}, [row[1] for row in rows]))
        after = ids[-1]


def _table(ends: dict[str, pa.Array], properties: list[dict[str, Any]]) -> pa.Table:
    names = sorted({name for one in properties for name, value in one.items() if value is not None} - {"id"})
    return pa.table({**ends, **{name: any_column([one.get(name) for one in properties]) for name in names}})


def read_edges(
    store: GraphStore, label: str, between: Iterable[tuple[str, str]], *, labels: set[str], skipped: Sequence[str] = ()
) -> Iterator[EdgeBatch]:
    """Relationships out of the nodes of a label to nodes of `labels`, by ranges `after < id <= upto` of their heads.

    `skipped`: types that are left out.
    """
    text = edges_out(safe_name(label))
    for after, upto in between:
        ends = {"after": after, "upto": upto}
        rows = store.query(text, {**ends, "not": list(skipped), "nan": float("nan"), "none": NO_TIME}).rows
        groups: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
        for row in rows:
            groups[row[1], row[2]].append(row)
        for (kind, tail), group in sorted(groups.items()):
            if tail in labels:
                yield _plain(label, group) or _with_properties(store, (label, kind, tail), ends)


def ranges_of(store: GraphStore, label: str, after: str, before: str) -> Iterator[tuple[str, str]]:
    """Ranges of heads for `read_edges`: of the nodes of a label between two ids."""
    for ids in id_pages(store, label, after=after, before=before, limit=HEADS_A_PAGE):
        yield after, ids[-1]
        after = ids[-1]


def _plain(label: str, rows: list[tuple[Any, ...]]) -> EdgeBatch | None:
    """Relationships that have no properties but `value` and `at`; None where they have."""
    times = list(chain.from_iterable(row[5] for row in rows))
    values = list(chain.from_iterable(row[4] for row in rows))
    if not all(isinstance(time, int) for time in times) or not all(isinstance(one, float | int) for one in values):
        return None
    at, value = np.array(times, np.int64), np.array(values, np.float64)
    known = int((at != NO_TIME).sum() + (~np.isnan(value)).sum())
    if known != sum(row[6] for row in rows):
        return None
    table = pa.table({"head": _heads(rows, 3), "tail": pa.array(list(chain.from_iterable(row[3] for row in rows)))})
    for name, column in (("value", pa.array(value, mask=np.isnan(value))), ("at", pa.array(at, mask=at == NO_TIME))):
        if column.null_count < len(column):
            table = table.append_column(name, column)
    return EdgeBatch(rows[0][1], label, rows[0][2], table)


def _with_properties(store: GraphStore, key: tuple[str, str, str], between: dict[str, str]) -> EdgeBatch:
    label, kind, tail = map(safe_name, key)
    rows = store.query(edges_with_properties(label, kind, tail), between).rows
    ends = {"head": _heads(rows, 1), "tail": pa.array(list(chain.from_iterable(row[1] for row in rows)), pa.string())}
    return EdgeBatch(kind, label, tail, _table(ends, list(chain.from_iterable(row[2] for row in rows))))


def _heads(rows: list[tuple[Any, ...]], lists: int) -> pa.Array:
    places: NDArray[np.int64] = np.repeat(np.arange(len(rows)), [len(row[lists]) for row in rows])
    return pa.array([row[0] for row in rows], pa.string()).take(pa.array(places))
