"""Answers as CSV (RFC 4180): a header, values as text, lists and graph values as JSON, null empty.

A text that a spreadsheet would run as a formula gets an apostrophe before it: whoever wrote it is not whoever opens it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from graph.result_answer import Answer
from graph.result_json import dumps
from graph.result_values import Json

CSV = "text/csv"
_SPECIAL = re.compile(r'[",\r\n]|^\s|\s$')
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_blocks(answer: Answer, limit: int) -> Iterator[bytes]:
    """The header, then a line a row; stops before `limit` bytes."""
    size = 0
    yield _line([_safe(name) for name in answer.columns])
    for row in answer:
        line = _line([_cell(value) for value in row])
        size += len(line)
        if size > limit:
            answer.truncated = True
            break
        yield line


def _line(cells: Sequence[str]) -> bytes:
    return (",".join(map(_quoted, cells)) + "\r\n").encode("utf-8", "replace")


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _SPECIAL.search(cell) else cell


def _cell(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _safe(value)
    return dumps(value).decode()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
