"""An answer as a table for a terminal: graph values in Cypher's own notation, numbers to the right."""

from __future__ import annotations

import io
import json
from typing import Any, BinaryIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graph.result_answer import Answer

NUMBERS = frozenset({"Integer", "Float", "Number"})
LONGEST = 400


def print_table(answer: Answer, out: BinaryIO, *, width: int | None = None) -> None:
    """Rows of the answer, then how many and how long it took. `width`: None is the terminal's."""
    rows = list(answer)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name, kind in zip(answer.columns, answer.types, strict=True):
        table.add_column(Text(name), justify="right" if kind in NUMBERS else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) if value is not None else Text("null", "dim") for value in row))
    text = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
    console = Console(file=text, highlight=False, width=width)
    console.print(table)
    plural = "row" if len(rows) == 1 else "rows"
    console.print(f"[dim]{len(rows):,} {plural} in {answer.seconds:.3f} s[/]")
    text.detach()


def cell(value: Any) -> str:
    """One value in a line: `(:Item {id: "m:1"})`, `[:RATED {value: 4}]`, lists and maps as Cypher writes them."""
    shown = _shown(value)
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + "…"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _literal(value)


def _literal(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, dict):
        return _graph(value)
    return json.dumps(value, ensure_ascii=False)


def _graph(value: dict[str, Any]) -> str:
    kind = value.get("_type")
    if kind == "node":
        return f"({_labels(value['labels'])}{_properties(value['properties'])})"
    if kind == "relationship":
        start, end = (f"({_labels(value[side]['labels'])} {_literal(value[side]['id'])})" for side in ("start", "end"))
        return f"{start}-[:{value['type']}{_properties(value['properties'])}]->{end}"
    if kind == "path":
        return _path(value["elements"])
    return "{" + ", ".join(f"{name}: {_literal(one)}" for name, one in value.items() if name != "_type") + "}"


def _path(elements: list[dict[str, Any]]) -> str:
    shown = _graph(elements[0])
    for relationship, before, node in zip(elements[1::2], elements[::2], elements[2::2], strict=False):
        forwards = relationship["start"] == {"labels": before["labels"], "id": before["id"]}
        middle = f"[:{relationship['type']}{_properties(relationship['properties'])}]"
        shown += f"-{middle}->{_graph(node)}" if forwards else f"<-{middle}-{_graph(node)}"
    return shown


def _labels(labels: list[str]) -> str:
    return "".join(f":{label}" for label in labels)


def _properties(properties: dict[str, Any]) -> str:
    inside = ", ".join(f"{name}: {_literal(one)}" for name, one in properties.items())
    return f" {{{inside}}}" if inside else ""
