"""The local store's bulk path: columns to JSON Lines to the server's batch endpoint.

Relationships name their ends by record id, which the server looks up without an index; so the record ids of a label
are read once, when the first batch of relationships needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from graph.bulk_check import refuse_odd_numbers
from graph.errors import InvalidData
from graph.json_lines import lines
from graph.local_http import LocalHttp
from graph.schema import Batch, EdgeBatch, NodeBatch, safe_name
from graph.store import Written

ROWS_PER_REQUEST = 50_000


class LocalBulk:
    """One bulk load. `prepare` makes a label's type and index."""

    def __init__(self, http: LocalHttp, prepare: Callable[[set[str]], None]) -> None:
        self._http = http
        self._prepare = prepare
        self._records: dict[str, tuple[pa.Array, pa.Array]] = {}
        self._types: set[str] = set()

    def load(self, batches: Iterable[Batch], progress: Callable[[int], None] | None) -> Written:
        """Loads the batches in order."""
        nodes = relationships = 0
        for batch in batches:
            refuse_odd_numbers(batch.rows)
            if isinstance(batch, NodeBatch):
                self._nodes(batch, progress)
                nodes += batch.rows.num_rows
            else:
                self._edges(batch, progress)
                relationships += batch.rows.num_rows
        return Written(nodes, relationships)

    def _nodes(self, batch: NodeBatch, progress: Callable[[int], None] | None) -> None:
        self._prepare({batch.label})
        self._records.pop(batch.label, None)
        head = f'{{"@type":"vertex","@class":"{safe_name(batch.label)}"'
        self._send(batch.rows, lambda rows: lines(head, {}, rows), progress)

    def _edges(self, batch: EdgeBatch, progress: Callable[[int], None] | None) -> None:
        self._ensure_type(safe_name(batch.type))
        head = f'{{"@type":"edge","@class":"{batch.type}"'

        def encode(rows: pa.Table) -> memoryview:
            ends = {
                "@from": self._record_ids(batch.head_label, rows.column("head")),
                "@to": self._record_ids(batch.tail_label, rows.column("tail")),
            }
            return lines(head, ends, rows.drop_columns(["head", "tail"]))

        self._send(batch.rows, encode, progress)

    def _send(
        self, rows: pa.Table, encode: Callable[[pa.Table], memoryview], progress: Callable[[int], None] | None
    ) -> None:
        for start in range(0, rows.num_rows, ROWS_PER_REQUEST):
            part = rows.slice(start, ROWS_PER_REQUEST)
            self._http.batch(encode(part), part.num_rows)
            if progress is not None:
                progress(part.num_rows)

    def _ensure_type(self, name: str) -> None:
        if name not in self._types:
            self._http.sql(f"CREATE EDGE TYPE `{name}` IF NOT EXISTS")
            self._types.add(name)

    def _record_ids(self, label: str, ids: pa.ChunkedArray) -> pa.Array:
        if label not in self._records:
            self._records[label] = self._read_records(label)
        known, records = self._records[label]
        where = pc.index_in(ids.combine_chunks(), value_set=known)
        if where.null_count:
            missing = ids.filter(pc.is_null(where))
            raise InvalidData(
                f"no {label} node with id {missing[0].as_py()!r} ({len(missing)} rows name nodes that are not there)",
                valid="ids of nodes that are in the graph",
                remedy=f"load the {label} nodes before the relationships",
            )
        return records.take(where)

    def _read_records(self, label: str) -> tuple[pa.Array, pa.Array]:
        self._prepare({label})
        rows = self._http.sql(f"SELECT id, @rid AS record FROM `{safe_name(label)}`")  # noqa: S608  the name is safe
        return tuple(pa.array([row[key] for row in rows], pa.string()) for key in ("id", "record"))
