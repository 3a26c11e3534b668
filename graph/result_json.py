"""Answers as JSON, one object, and as JSON Lines, one object a row: written as the rows come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from graph.result_answer import Answer

JSON = "application/json"
LINES = "application/x-ndjson"


def json_blocks(answer: Answer, limit: int) -> Iterator[bytes]:
    """`{"columns", "rows", "types", "truncated", "seconds"}`; stops (truncated) before `limit` bytes of rows."""
    yield b'{"columns":%b,"rows":[' % orjson.dumps(answer.columns)
    comma, size = b"", 0
    for row in answer:
        line = comma + dumps(row)
        size += len(line)
        if size > limit:
            answer.truncated = True
            break
        yield line
        comma = b","
    yield b"]," + orjson.dumps(summary(answer))[1:]


def line_blocks(answer: Answer, limit: int) -> Iterator[bytes]:
    """A row a line, as an object by column; the last line is `{"_type": "summary", …}`."""
    size = 0
    for row in answer:
        line = dumps(dict(zip(answer.columns, row, strict=True))) + b"\n"
        size += len(line)
        if size > limit:
            answer.truncated = True
            break
        yield line
    yield orjson.dumps({"_type": "summary", "columns": answer.columns, **summary(answer)}) + b"\n"


def json_error(problem: dict[str, Any]) -> bytes:
    """How a JSON answer ends that had begun when the query failed."""
    return b'],"truncated":true,"error":%b}' % orjson.dumps(problem)


def line_error(problem: dict[str, Any]) -> bytes:
    """How JSON Lines end when the query failed on the way."""
    return orjson.dumps({"_type": "error", "error": problem}) + b"\n"


def summary(answer: Answer) -> dict[str, Any]:
    """What is known once the rows have been read."""
    return {"types": answer.types, "truncated": answer.truncated, "seconds": answer.seconds}


def dumps(value: Any) -> bytes:
    """Integers stay integers beyond 2^53; a string that is no Unicode is shown with its lone halves replaced."""
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError):
        return orjson.dumps(_mended(value))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(one) for key, one in value.items()}
    return value
