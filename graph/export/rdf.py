"""The graph as RDF: N-Triples or Turtle, in the words of `graph.sources.rdf_words`, which reads it back as it was.

A relationship without properties is one statement; one with properties is an rdf:Statement, as plain RDF has no other
way. Lists are rdf:JSON literals, since statements have no order and no repetition.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from graph.export.folder import write_about
from graph.export.spool import Key, Spool
from graph.json_lines import encode
from graph.sources.rdf_words import (
    BOOLEAN,
    JSON,
    LABEL,
    NODE,
    OBJECT,
    PREDICATE,
    PROPERTY,
    RDF,
    RDF_TYPE,
    SAFE,
    STATEMENT,
    SUBJECT,
    TYPE,
    XSD,
)

ROWS_A_BLOCK = 20_000
PREFIXES = {"rdf": RDF, "xsd": XSD, "label": LABEL, "property": PROPERTY, "type": TYPE}
_PLAIN = r"^[A-Za-z0-9_.:~-]*$"
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"))


class Style:
    """How statements about one subject are written. `prefixes`: names in place of whole IRIs (Turtle)."""

    def __init__(self, prefixes: bool) -> None:
        self.prefixes = prefixes

    def iri(self, iri: str) -> str:
        """An IRI of a vocabulary."""
        for name, start in PREFIXES.items() if self.prefixes else ():
            if iri.startswith(start):
                return f"{name}:{iri[len(start) :]}"
        return f"<{iri}>"

    def statements(self, subject: pa.Array, pairs: list[tuple[str, pa.Array | str]]) -> pa.Array:
        """One text a row: the subject with each of its predicates that has an object there."""
        rows = len(subject)
        if not self.prefixes:
            lines = [_join(subject, f" {self.iri(name)} ", value, " .\n", rows=rows) for name, value in pairs]
            return _join(*lines, rows=rows, nulls="replace")
        first, *rest = pairs
        begun = _join(subject, f" {self.iri(first[0])} ", first[1], rows=rows)
        more = [_join(f" ;\n  {self.iri(name)} ", value, rows=rows) for name, value in rest]
        return _join(begun, *more, " .\n", rows=rows, nulls="replace")


def write_ntriples(spool: Spool, folder: Path) -> None:
    """`graph.nt`."""
    _write(spool, folder, "graph.nt", Style(prefixes=False))


def write_turtle(spool: Spool, folder: Path) -> None:
    """`graph.ttl`."""
    _write(spool, folder, "graph.ttl", Style(prefixes=True))


def _write(spool: Spool, folder: Path, name: str, style: Style) -> None:
    with (folder / name).open("wb") as out:
        if style.prefixes:
            out.writelines(f"@prefix {short}: <{iri}> .\n".encode() for short, iri in PREFIXES.items())
        first = 1
        for key in spool.sorts():
            for rows in _blocks(spool, key):
                texts = _nodes(key[0], rows, style) if len(key) == 1 else _edges(key, rows, style, first)
                first += rows.num_rows if len(key) > 1 else 0
                _put(texts, out)
    write_about(spool, folder)


def _blocks(spool: Spool, key: Key) -> Iterator[pa.Table]:
    for table in spool.tables(key):
        for start in range(0, table.num_rows, ROWS_A_BLOCK):
            yield table.slice(start, ROWS_A_BLOCK).combine_chunks()


def _put(texts: pa.Array, out: IO[bytes]) -> None:
    out.writelines(text.as_buffer() for text in texts)


def _nodes(label: str, rows: pa.Table, style: Style) -> pa.Array:
    pairs: list[tuple[str, pa.Array | str]] = [(RDF_TYPE, style.iri(LABEL + label))]
    pairs += _properties(rows, ("id",), style)
    return style.statements(node_iris(label, _column(rows, "id")), pairs)


def _edges(key: Key, rows: pa.Table, style: Style, first: int) -> pa.Array:
    kind, head_label, tail_label = key
    heads, tails = node_iris(head_label, _column(rows, "head")), node_iris(tail_label, _column(rows, "tail"))
    properties = _properties(rows, ("head", "tail"), style)
    plain = style.statements(heads, [(TYPE + kind, tails)])
    if not properties:
        return plain
    names = pa.array([f"_:r{number}" for number in range(first, first + rows.num_rows)], pa.large_string())
    reified = style.statements(
        names,
        [
            (RDF_TYPE, style.iri(STATEMENT)),
            (SUBJECT, heads),
            (PREDICATE, style.iri(TYPE + kind)),
            (OBJECT, tails),
            *properties,
        ],
    )
    has = pc.is_valid(properties[0][1])
    for _, values in properties[1:]:
        has = pc.or_(has, pc.is_valid(values))
    return pc.if_else(has, reified, plain)


def node_iris(label: str, ids: pa.Array) -> pa.Array:
    """`<IRI>` of each node."""
    ids = ids.cast(pa.large_string())
    odd = pc.invert(pc.match_substring_regex(ids, _PLAIN))
    if pc.any(odd).as_py():
        quoted = [quote(one, safe=SAFE) for one in ids.filter(odd).to_pylist()]
        ids = pc.replace_with_mask(ids, odd, pa.array(quoted, pa.large_string()))
    return _join(f"<{NODE}{label}:", ids, ">", rows=len(ids))


def _properties(rows: pa.Table, ends: tuple[str, ...], style: Style) -> list[tuple[str, pa.Array]]:
    return [(PROPERTY + name, literals(_column(rows, name), style)) for name in rows.column_names if name not in ends]


def literals(column: pa.Array, style: Style) -> pa.Array:
    """Each value as a literal, null where there is none."""
    kind = column.type
    if pa.types.is_list(kind):
        texts = pa.array([None if one is None else orjson.dumps(one).decode() for one in column.to_pylist()])
        return _typed(_escaped(texts), JSON, style)
    if pa.types.is_boolean(kind):
        return _typed(encode(column), BOOLEAN, style)
    if pa.types.is_integer(kind):
        return _typed(encode(column), f"{XSD}integer", style)
    if pa.types.is_floating(kind):
        return _typed(encode(column), f"{XSD}double", style)
    return _join('"', _escaped(column), '"', rows=len(column))


def _escaped(texts: pa.Array) -> pa.Array:
    texts = texts.cast(pa.large_string())
    for plain, escaped in _ESCAPES:
        texts = pc.replace_substring(texts, plain, escaped)
    return texts


def _typed(texts: pa.Array, datatype: str, style: Style) -> pa.Array:
    return _join('"', texts.cast(pa.large_string()), f'"^^{style.iri(datatype)}', rows=len(texts))


def _column(rows: pa.Table, name: str) -> pa.Array:
    column = rows.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _join(*pieces: pa.Array | str, rows: int, nulls: str = "emit_null") -> pa.Array:
    large = [
        pa.scalar(one, pa.large_string()) if isinstance(one, str) else one.cast(pa.large_string()) for one in pieces
    ]
    if all(isinstance(one, str) for one in pieces):
        large[0] = pa.array([pieces[0]] * rows, pa.large_string())
    empty = pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(*large, empty, null_handling=nulls, null_replacement="")
