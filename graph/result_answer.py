"""An answer on its way out: rows of plain values, taken from the store in portions, and the types of its columns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

from graph.reader import DriverRow, EndedError, Reader, Records, Ticket
from graph.result_types import ColumnTypes
from graph.result_values import Ends, Json, Shaper, nameless_ends

PORTION = 500


class Answer:
    """Iterate once; `types`, `truncated` and `seconds` are right after that. A format may set `truncated` too."""

    def __init__(self, reader: Reader, records: Records, shaper: Shaper, *, started: float, ticket: Ticket) -> None:
        self.columns = records.columns
        self.truncated = False
        self._reader, self._records, self._shaper = reader, records, shaper
        self._started, self._ticket = started, ticket
        self._types = ColumnTypes(len(records.columns))

    def __iter__(self) -> Iterator[list[Json]]:
        rows = iter(self._records)
        while portion := list(islice(rows, PORTION)):
            if self._ticket.ended:
                raise EndedError
            ends = self._ends(portion)
            for row in portion:
                self._types.observe(row)
                yield self._shaper.row(row, ends)
        self.truncated = self.truncated or self._records.truncated

    @property
    def types(self) -> list[str]:
        return self._types.names()

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _ends(self, portion: list[DriverRow]) -> Ends:
        wanted = {element for row in portion for element in nameless_ends(row)}
        return self._reader.ends(sorted(wanted)) if wanted else {}
