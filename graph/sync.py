"""What an ingest deletes, as part of its plan: what a source that is the whole truth of its platforms no longer holds
(`--sync`), and what a `deletions` file names.

Everything that goes is first written to the plan with all its properties (`gone` files), so that it can be put back.
Rows of the source win: what it brings is never deleted, whatever its `deletions` say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.columns import stack
from graph.existing import nodes_by_id, unknown_time
from graph.export.read import ranges_of, read_edges
from graph.gather_graph import IdHashes, hash_ids
from graph.id_pages import id_pages
from graph.plan import Plan
from graph.queries_sync import degrees, edges_at, edges_between, whole_nodes
from graph.schema import (
    DERIVED_TYPES,
    IS,
    ITEM,
    OPERATIONAL_LABELS,
    PERSON,
    PLATFORM,
    SAME_AS,
    TYPE_TO_KIND,
    USER,
    safe_name,
)
from graph.sources.graph_lines import any_column
from graph.stage import Edges, Nodes, Stage
from graph.store import GraphStore

IDS_A_QUERY = 1_000
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

ROWS_A_FILE = 100_000


@dataclass(frozen=True)
class Asked:
    """What a `deletions` file names, by graph ids.

    `nodes`: by label. `edges`: user, item, type (None: every interaction), time (None: whenever).
    """

    nodes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    edges: list[tuple[str, str, str | None, int | None]] = field(default_factory=list)


class Deletions:
    """Plans what goes with one ingest. Nodes that go are known by id; relationships are written as they are found."""

    def __init__(self, store: GraphStore, stage: Stage, plan: Plan) -> None:
        self._store = store
        self._stage = stage
        self._plan = plan
        self._labels = sorted(row[0] for row in store.query("labels_known"))
        self._nodes: dict[str, set[str]] = defaultdict(set)
        self._staged: dict[str, IdHashes] = {}
        self._lost: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._waiting: dict[Edges, list[pa.Table]] = defaultdict(list)
        self._prefixes: tuple[str, ...] = ()
        self._kept: frozenset[str] = frozenset()

    def whole(self, prefixes: Sequence[str]) -> None:
        """Everything of the platforms whose ids begin so (`''`: of all) that the source did not bring."""
        self._prefixes = tuple(prefixes)
        self._kept = DERIVED_TYPES | ({IS, SAME_AS} - {key.type for key in self._stage.edges()})
        staged = _staged_edges(self._stage)
        for label in self._labels:
            if label not in OPERATIONAL_LABELS and label != PLATFORM:
                for prefix in prefixes:
                    self._nodes_of(label, prefix)
                    self._edges_of(label, prefix, staged)

    def asked(self, asked: Asked) -> int:
        """What a file names, where it is there and the source does not bring it; returns how many rows that were."""
        before = sum(map(len, self._nodes.values()))
        for label, ids in asked.nodes.items():
            if label in self._labels:
                there = nodes_by_id(self._store, label, pa.array(sorted(set(ids)), pa.string()), ())
                self._nodes[label].update(self._not_staged(label, pa.array(list(there), pa.string())))
        edges = 0
        if asked.edges and not self._prefixes:  # else they are gone already
            staged = _staged_edges(self._stage)
            for key, rows in self._named(asked):
                edges += self._add(key, rows, staged)
        return sum(map(len, self._nodes.values())) - before + edges

    def finish(self) -> None:
        """Adds to the plan what hangs on nodes that go, and attributes and people that nothing points at any more."""
        self._at_gone_nodes()
        for key in list(self._waiting):
            self._flush(key)
        for label, ids in self._orphans().items():
            self._nodes[label].update(ids)
        for label, gone in sorted(self._nodes.items()):
            for part in _parts(sorted(gone), IDS_A_QUERY):
                rows = self._store.query(whole_nodes(safe_name(label)), {"ids": part}).rows
                if rows:
                    self._plan.save(Nodes(label), "gone", table_of([{**row[1], "id": row[0]} for row in rows], ("id",)))
                    self._plan.deleted_nodes += len(rows)

    def _not_staged(self, label: str, ids: pa.Array) -> list[str]:
        if label not in self._staged:
            self._staged[label] = IdHashes()
            if Nodes(label) in self._stage.nodes():
                for rows in self._stage.read(Nodes(label)):
                    self._staged[label].add(rows.column("id").combine_chunks())
        found: list[str] = ids.filter(pa.array(~self._staged[label].holds(ids))).to_pylist()
        return found

    def _nodes_of(self, label: str, prefix: str) -> None:
        for ids in id_pages(self._store, label, after=prefix, before=_behind(prefix)):
            self._nodes[label].update(self._not_staged(label, pa.array(ids, pa.string())))

    def _edges_of(self, label: str, prefix: str, staged: Mapping[Edges, NDArray[np.uint64]]) -> None:
        labels = {one for one in self._labels if one not in OPERATIONAL_LABELS}
        between = ranges_of(self._store, label, prefix, _behind(prefix))
        for batch in read_edges(self._store, label, between, labels=labels, skipped=sorted(self._kept)):
            self._add(Edges(batch.type, batch.head_label, batch.tail_label), batch.rows, staged)

    def _add(self, key: Edges, rows: pa.Table, staged: Mapping[Edges, NDArray[np.uint64]]) -> int:
        """Keeps those that the source does not bring; returns how many."""
        known = staged.get(key)
        gone = rows if known is None else rows.filter(pa.array(~np.isin(_edge_hashes(rows), known)))
        if not gone.num_rows:
            return 0
        if key.tail_label not in {USER, ITEM}:
            for one in pc.value_counts(gone.column("tail").combine_chunks()).to_pylist():
                self._lost[key.tail_label][one["values"]] += one["counts"]
        self._waiting[key].append(gone)
        if sum(table.num_rows for table in self._waiting[key]) >= ROWS_A_FILE:
            self._flush(key)
        return int(gone.num_rows)

    def _flush(self, key: Edges) -> None:
        rows = stack(self._waiting.pop(key))
        self._plan.save(key, "gone", rows)
        self._plan.deleted_relationships += rows.num_rows

    def _named(self, asked: Asked) -> Iterator[tuple[Edges, pa.Table]]:
        types = {row[0] for row in self._store.query("types_known")}
        wanted: dict[str, dict[tuple[str, str], set[int | None]]] = defaultdict(lambda: defaultdict(set))
        for user, item, kind, at in asked.edges:
            for one in [kind] if kind else sorted(types & TYPE_TO_KIND.keys()):
                wanted[one][user, item].add(at)
        for kind, times in wanted.items():
            if kind in types:
                yield from self._matching(Edges(kind, USER, ITEM), times)

    def _matching(
        self, key: Edges, times: Mapping[tuple[str, str], set[int | None]]
    ) -> Iterator[tuple[Edges, pa.Table]]:
        text = edges_between(*map(safe_name, key))
        for part in _parts([{"head": head, "tail": tail} for head, tail in times], IDS_A_QUERY):
            rows = [
                {**properties, "head": head, "tail": tail}
                for head, tail, properties in self._store.query(text, {"rows": part}).rows
                if times[head, tail] & {None, properties.get("at")}
            ]
            if rows:
                yield key, table_of(rows, ("head", "tail"))

    def _at_gone_nodes(self) -> None:
        """Relationships of nodes that go, but for those that are gone already."""
        seen: set[tuple[Any, ...]] = set()
        for label, ids in self._nodes.items():
            text = edges_at(safe_name(label))
            for part in _parts(sorted(ids), IDS_A_QUERY):
                groups: dict[Edges, list[dict[str, Any]]] = defaultdict(list)
                for identity, *names, head, tail, properties in self._store.query(text, {"ids": part}).rows:
                    key = Edges(*names)
                    if identity not in seen and not self._covered(key, head):
                        seen.add(identity)
                        groups[key].append({**properties, "head": head, "tail": tail})
                for key, rows in groups.items():
                    self._add(key, table_of(rows, ("head", "tail")), {})

    def _covered(self, key: Edges, head: str) -> bool:
        """Whether `whole` has met it: then it is gone, or an end of it would not be."""
        met = key.type not in self._kept and not {key.head_label, key.tail_label} & OPERATIONAL_LABELS
        return met and key.head_label != PLATFORM and any(head.startswith(prefix) for prefix in self._prefixes)

    def _orphans(self) -> dict[str, list[str]]:
        """Nodes shared by platforms that lose their last relationship, and that the source does not bring."""
        found: dict[str, list[str]] = {}
        for label, counts in self._lost.items():
            shared = [one for one in counts if label == PERSON or one.startswith(f"{label}:")]
            there: dict[str, int] = {}
            for part in _parts(self._not_staged(label, pa.array(sorted(shared), pa.string())), IDS_A_QUERY):
                there.update(self._store.query(degrees(safe_name(label)), {"ids": part}).rows)
            found[label] = [name for name, degree in there.items() if degree == counts[name]]
        return found


def table_of(rows: list[dict[str, Any]], ends: tuple[str, ...]) -> pa.Table:
    """Rows of a plan: these columns first, then what any row has, null where one has it not."""
    names = [*ends, *sorted({name for row in rows for name in row} - {*ends})]
    return pa.table({name: any_column([row.get(name) for row in rows]) for name in names})


def _behind(prefix: str) -> str:
    """The first text after all that begin with the prefix."""
    return f"{prefix[:-1]};" if prefix else "\U0010ffff"


def _parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _staged_edges(stage: Stage) -> dict[Edges, NDArray[np.uint64]]:
    """Eight bytes for each relationship that the source brings."""
    found: dict[Edges, NDArray[np.uint64]] = {}
    for key in stage.edges():
        found[key] = np.unique(np.concatenate([_edge_hashes(rows) for rows in stage.read(key)]))
    return found


def _edge_hashes(rows: pa.Table) -> NDArray[np.uint64]:
    """A hash of head, tail and time of each row."""
    times = unknown_time(rows.column("at").combine_chunks() if "at" in rows.column_names else None, rows.num_rows)
    head, tail = (hash_ids(rows.column(name).combine_chunks()) for name in ("head", "tail"))
    mixed: NDArray[np.uint64] = (head * _MULTIPLIER + tail) * _MULTIPLIER + times.view(np.uint64)
    return mixed
