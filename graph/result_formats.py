"""The formats of answers, by media type and by the name that the command line gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from graph.result_answer import Answer
from graph.result_arrow import ARROW, arrow_blocks
from graph.result_csv import CSV, csv_blocks
from graph.result_json import JSON, LINES, json_blocks, json_error, line_blocks, line_error


@dataclass(frozen=True)
class Format:
    """`blocks(answer, byte limit)` writes it; `error` ends it when the query fails on the way, where it can say so."""

    media_type: str
    blocks: Callable[[Answer, int], Iterator[bytes]]
    error: Callable[[dict[str, Any]], bytes] | None = None


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "json": Format(JSON, json_blocks, json_error),
        "ndjson": Format(LINES, line_blocks, line_error),
        "csv": Format(CSV, csv_blocks),
        "arrow": Format(ARROW, arrow_blocks),
    }
)
