"""Asks a store as the API does: through the guard, the reader and the JSON shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from graph.guard.policy import Policy
from graph.reader import Question, Reader, ReadLimits, open_reader
from graph.reader_ask import asked
from graph.result_json import json_blocks
from graph.store import GraphStore

LIMITS = ReadLimits(timeout=30.0, rows=100_000)
BYTES = 64 << 20


def ask(store: GraphStore, query: str, parameters: Mapping[str, Any] | None = None) -> tuple[list[str], list[Any]]:
    """Columns and rows of the answer, as a client of `POST /v1/cypher` decodes them."""
    reader = open_reader(store)
    try:
        return ask_reader(reader, query, parameters)
    finally:
        reader.close()


def ask_reader(
    reader: Reader, query: str, parameters: Mapping[str, Any] | None = None, policy: Policy | None = None
) -> tuple[list[str], list[Any]]:
    """The same with a reader that is open already."""
    question = Question(query, dict(parameters or {}), LIMITS)
    with asked(reader, question, policy or Policy()) as answer:
        body = orjson.loads(b"".join(json_blocks(answer, BYTES)))
    assert not body["truncated"]
    return body["columns"], body["rows"]
