"""RDF files to tables of statements, block by block: N-Triples by whole columns, Turtle by pyoxigraph.

Columns: `ROW`, subject, predicate, object, kind (`iri`, `blank`, `literal`), datatype, language. Blank nodes are
`_:name`, IRIs without their brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from gzip import GzipFile
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData
from graph.sources.chunks import ROW, Raw, refused_table
from graph.sources.tables import BLOCK_BYTES, empty, opened

ENDINGS = (".nt", ".nt.gz", ".ttl", ".ttl.gz")
COLUMNS = ("subject", "predicate", "object", "kind", "datatype", "language")
STATEMENTS_A_BLOCK = 50_000

_TERM = r"<[^<>\s]*>|_:[^\s<>\"]+"
_LITERAL = r"\"(?:[^\"\\]|\\.)*\"(?:\^\^<[^<>\s]*>|@[A-Za-z]+(?:-[A-Za-z0-9]+)*)?"
_LINE = (
    rf"^\s*(?P<subject>{_TERM})\s*(?P<predicate><[^<>\s]*>)\s*"
    rf"(?P<object><[^<>\s]*>|{_LITERAL}|_:[^\s<>\"]+?)\s*\.\s*(?:#.*)?$"
)
_PARTS = r"^(?s:\"(?P<text>.*)\")(?:\^\^<(?P<datatype>[^<>\s]*)>|@(?P<language>[A-Za-z0-9-]+))?$"
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_SHORT = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


def is_rdf(path: Path) -> bool:
    """Whether the name says so."""
    return path.name.lower().endswith(ENDINGS)


def read_statements(path: Path) -> Iterator[Raw]:
    """The statements of a file. Raises `InvalidData` for Turtle that breaks its grammar, and for a file without any."""
    blocks = _ntriples(path) if path.name.lower().removesuffix(".gz").endswith(".nt") else _turtle(path)
    found = 0
    for raw in blocks:
        found += raw.rows.num_rows + raw.refused.num_rows
        yield raw
    if not found:
        raise empty(path)


def _ntriples(path: Path) -> Iterator[Raw]:
    first = 1
    with opened(path) as file:
        while lines := file.readlines(BLOCK_BYTES):
            yield _parse_lines(lines, first)
            first += len(lines)


def _parse_lines(lines: list[bytes], first: int) -> Raw:
    texts = pa.array([line.decode("utf-8", "replace").rstrip("\r\n") for line in lines], pa.large_string())
    numbers = pa.array(np.arange(first, first + len(lines), dtype=np.int64))
    wanted = pc.invert(pc.match_substring_regex(texts, r"^\s*(#.*)?$"))
    texts, numbers = texts.filter(wanted), numbers.filter(wanted)
    broken = pc.match_substring(texts, "\ufffd")  # not UTF-8, or nearly never: a text that holds this very character
    found = pc.extract_regex(texts, _LINE)
    fits = pc.and_(pc.is_valid(found), pc.invert(broken))
    refused = _refused(texts, numbers, pc.invert(fits))
    found, numbers = found.filter(fits), numbers.filter(fits)
    columns = {name: pc.struct_field(found, name) for name in ("subject", "predicate", "object")}
    rows = _terms(columns["subject"], columns["predicate"], columns["object"])
    return Raw(rows.append_column(ROW, numbers), refused)


def _refused(texts: pa.Array, numbers: pa.Array, bad: pa.Array) -> pa.Table:
    kept = texts.filter(bad).to_pylist()
    return refused_table(numbers.filter(bad).to_pylist(), ["not a statement in UTF-8"] * len(kept), kept)


def _terms(subject: pa.Array, predicate: pa.Array, obj: pa.Array) -> pa.Table:
    parts = pc.extract_regex(obj, _PARTS)
    literal = pc.starts_with(obj, '"')
    kind = pc.if_else(literal, "literal", pc.if_else(pc.starts_with(obj, "<"), "iri", "blank"))
    value = pc.if_else(literal, pc.struct_field(parts, "text"), _bare(obj))
    return pa.table(
        {
            "subject": _unescaped(_bare(subject)),
            "predicate": _unescaped(_bare(predicate)),
            "object": _unescaped(value),
            "kind": kind,
            "datatype": _filled(parts, "datatype"),
            "language": pc.utf8_lower(_filled(parts, "language")),
        }
    )


def _filled(parts: pa.Array, name: str) -> pa.Array:
    return pc.fill_null(pc.struct_field(parts, name), "").cast(pa.string())


def _bare(terms: pa.Array) -> pa.Array:
    """Without the brackets of an IRI."""
    inner = pc.utf8_slice_codeunits(terms, 1, -1)
    return pc.if_else(pc.starts_with(terms, "<"), inner, terms)


def _unescaped(texts: pa.Array) -> pa.Array:
    texts = texts.cast(pa.string())
    escaped = pc.match_substring(texts, "\\")
    if not pc.any(escaped).as_py():
        return texts
    found = [_unescape(text) for text in texts.filter(escaped).to_pylist()]
    return pc.replace_with_mask(texts, escaped, pa.array(found, pa.string()))


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    number = found[1] or found[2]
    if not number:
        return _SHORT.get(found[3], found[0])
    code = int(number, 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def _binary(file: IO[bytes] | GzipFile) -> IO[bytes]:
    """The parser asks for a stream of bytes, which an unpacking one is too."""
    return cast(IO[bytes], file)


def _turtle(path: Path) -> Iterator[Raw]:
    from pyoxigraph import RdfFormat, parse

    names = _Blanks()
    first = 1
    with opened(path) as file:
        try:
            found = iter(parse(_binary(file), format=RdfFormat.TURTLE, base_iri="urn:interlace:file:"))
            while quads := list(islice(found, STATEMENTS_A_BLOCK)):
                numbers = np.arange(first, first + len(quads), dtype=np.int64)
                yield Raw(_table(quads, names).append_column(ROW, pa.array(numbers)))
                first += len(quads)
        except (SyntaxError, ValueError) as error:
            raise InvalidData(f"{path} is not Turtle: {error}", valid="Turtle in UTF-8", remedy="mend it") from error


class _Blanks:
    """Blank nodes without a name get one by their order: the same each time that the file is read."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        if len(name) != 32:
            return f"_:{name}"
        return self._names.setdefault(name, f"_:anonymous{len(self._names)}")


def _table(quads: list[Any], names: _Blanks) -> pa.Table:
    from pyoxigraph import BlankNode, Literal

    rows: list[tuple[str, ...]] = []
    for quad in quads:
        subject = names(quad.subject.value) if isinstance(quad.subject, BlankNode) else quad.subject.value
        value = quad.object
        if isinstance(value, Literal):
            datatype = "" if value.language else value.datatype.value
            tail = value.value, "literal", datatype, (value.language or "").lower()
        elif isinstance(value, BlankNode):
            tail = names(value.value), "blank", "", ""
        else:
            tail = value.value, "iri", "", ""
        rows.append((subject, quad.predicate.value, *tail))
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(COLUMNS)}
    return pa.table(columns)
