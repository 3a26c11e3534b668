"""The local store's bulk path: columns to JSON Lines to the server's batch endpoint.

Relationships name their ends by record id, which the server looks up without an index; so the record ids of a label
are read once, when the first batch of relationships needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from graph.bulk_check import refuse_odd_numbers
from graph.errors import InvalidData
from graph.json_lines import lines
from graph.local_http import LocalHttp
from graph.schema import Batch, EdgeBatch, NodeBatch, safe_name
from graph.store import Written

ROWS_PER_REQUEST = 50_000
RECORDS_PER_PAGE = 250_000
"""The server refuses to answer with more than a million rows at once."""
FIRST_RECORD = "#-1:-1"
ENDS = ("@from", "@to")


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
        self._send(batch, progress)

    def _edges(self, batch: EdgeBatch, progress: Callable[[int], None] | None) -> None:
        self._ensure_type(safe_name(batch.type))
        self._send(batch, progress)

    def with_ends(self, batch: Batch) -> pa.Table:
        """The rows; of relationships with the record ids of their ends in place of head and tail.

        Once a batch: looking ids up begins with a hash table of all that are known.
        """
        if isinstance(batch, NodeBatch):
            return batch.rows
        ends = zip(ENDS, (batch.head_label, batch.tail_label), ("head", "tail"), strict=True)
        rows = batch.rows.drop_columns(["head", "tail"])
        for name, label, end in ends:
            rows = rows.append_column(name, self._record_ids(label, batch.rows.column(end)))
        return rows

    def _send(self, batch: Batch, progress: Callable[[int], None] | None) -> None:
        """While the server takes in one request, the next one is made."""
        if not batch.rows.num_rows:
            return
        rows = self.with_ends(batch)
        parts = [rows.slice(start, ROWS_PER_REQUEST) for start in range(0, rows.num_rows, ROWS_PER_REQUEST)]
        with ThreadPoolExecutor(1) as maker:
            coming = maker.submit(encoded, batch, parts[0])
            for part, following in zip(parts, [*parts[1:], None], strict=True):
                body = coming.result()
                if following is not None:
                    coming = maker.submit(encoded, batch, following)
                self._http.batch(body, part.num_rows)
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
        pages: list[pa.Table] = []
        after = FIRST_RECORD
        while rows := self._http.sql(
            f"SELECT id, @rid AS record FROM `{safe_name(label)}` WHERE @rid > {after} LIMIT {RECORDS_PER_PAGE}"  # noqa: S608  both are safe
        ):
            pages.append(pa.table({key: pa.array([row[key] for row in rows], pa.string()) for key in ("id", "record")}))
            after = rows[-1]["record"]
        if not pages:
            return pa.array([], pa.string()), pa.array([], pa.string())
        known = pa.concat_tables(pages)
        return known.column("id").combine_chunks(), known.column("record").combine_chunks()


def encoded(batch: Batch, rows: pa.Table) -> memoryview:
    """Some rows of a batch, from `with_ends`, as JSON Lines."""
    if isinstance(batch, NodeBatch):
        return lines(f'{{"@type":"vertex","@class":"{safe_name(batch.label)}"', {}, rows)
    ends = {name: rows.column(name).combine_chunks() for name in ENDS}
    return lines(f'{{"@type":"edge","@class":"{safe_name(batch.type)}"', ends, rows.drop_columns([*ENDS]))
