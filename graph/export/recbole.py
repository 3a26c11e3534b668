"""One platform of the graph as RecBole's atomic files: what `graph.sources.recbole` and RecBole itself read.

They hold users, items, interactions, triples between items and entities, and friendships: not a second platform, not
people, not vectors, not properties of other relationships; nor tabs and line breaks in texts, nor blanks in the values
of attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData
from graph.export.spool import Key, Spool
from graph.schema import ENTITY, FRIEND, ITEM, TYPE_TO_KIND, USER

LOST = (
    "vectors", "people and other platforms", "properties of relationships but value, time and kind",
    "line breaks, tabs, and blanks in attribute values (`_` in their place)", "relationships between attributes",
)  # fmt: skip
TITLE = {"title": "title", "year": "release_year", "text": "description"}


def write_recbole(spool: Spool, folder: Path, platform: str | None = None) -> tuple[str, ...]:
    """`NAME.inter`, `.item`, `.user`, `.kg`, `.link`, `.net`, where NAME is the platform."""
    name = platform or _only_platform(spool)
    writer = _Writer(spool, folder, name)
    writer.interactions()
    for label, ending in ((USER, "user"), (ITEM, "item")):
        writer.nodes(label, ending)
    writer.triples()
    writer.friends()
    return LOST


def _only_platform(spool: Spool) -> str:
    found: set[str] = set()
    for table in spool.tables((ITEM,)) if (ITEM,) in spool.sorts() else ():
        found |= set(pc.unique(_before(table.column("id"))).to_pylist())
    if len(found) == 1:
        return found.pop()
    raise InvalidData(
        f"the graph holds {len(found)} platforms, and RecBole's files one",
        valid=", ".join(sorted(found)) or "a graph with items",
        remedy="choose one: --platform NAME",
    )


def _before(ids: pa.ChunkedArray) -> pa.Array:
    return pc.struct_field(pc.extract_regex(ids.combine_chunks(), r"(?s)^(?P<platform>[^:]*):"), "platform")


class _Writer:
    def __init__(self, spool: Spool, folder: Path, platform: str) -> None:
        self._spool = spool
        self._folder = folder
        self._platform = platform

    def interactions(self) -> None:
        """One line an interaction."""
        with self._open(
            "inter", ["user_id:token", "item_id:token", "kind:token", "rating:float", "timestamp:float"]
        ) as out:
            for key in self._spool.sorts():
                if len(key) == 3 and key[0] in TYPE_TO_KIND and key[1:] == (USER, ITEM):
                    for rows in self._ours(key, "head", "tail"):
                        kind = pa.array([TYPE_TO_KIND[key[0]]] * rows.num_rows)
                        columns = [self._native(rows, "head"), self._native(rows, "tail"), kind]
                        columns += [_texts(rows, name) for name in ("value", "at")]
                        _lines(columns, out)

    def nodes(self, label: str, ending: str) -> None:
        """One line a user or item, with its attributes in columns."""
        if (label,) not in self._spool.sorts():
            return
        kinds = {name: kind for name, kind in self._spool.columns((label,)).items() if name not in {"id", "platform"}}
        attributes = self._attributes(label)
        header = [f"{label.lower()}_id:token", *(_column_name(name, kind) for name, kind in kinds.items())]
        header += [f"{name}:token_seq" for name in attributes]
        with self._open(ending, header) as out:
            for rows in self._ours((label,), "id"):
                ids = rows.column("id").to_pylist()
                columns = [self._native(rows, "id"), *(_texts(rows, name) for name in kinds)]
                lists = [[" ".join(values.get(one, ())) or None for one in ids] for values in attributes.values()]
                columns += [pa.array(one, pa.string()) for one in lists]
                _lines(columns, out)

    def _attributes(self, label: str) -> dict[str, dict[str, list[str]]]:
        """Label of attribute nodes -> id -> values."""
        found: dict[str, dict[str, list[str]]] = {}
        for key in self._spool.sorts():
            if len(key) == 3 and key[1] == label and key[0] == f"HAS_{key[2].upper()}":
                values = found.setdefault(key[2], {})
                for rows in self._spool.tables(key):
                    for head, tail in zip(
                        rows.column("head").to_pylist(), rows.column("tail").to_pylist(), strict=True
                    ):
                        values.setdefault(head, []).append(re.sub(r"\s", "_", tail.removeprefix(f"{key[2]}:")))
        return found

    def triples(self) -> None:
        """`.kg` between items and entities; an item is linked to an entity of its own id."""
        linked: set[str] = set()
        keys = [
            key for key in self._spool.sorts()
            if len(key) == 3 and {*key[1:]} <= {ITEM, ENTITY} and key[0] not in TYPE_TO_KIND
        ]  # fmt: skip
        if not keys:
            return
        with self._open("kg", ["head_id:token", "relation_id:token", "tail_id:token"]) as out:
            for key in keys:
                for rows in self._ours(key, "head", "tail"):
                    ends = [
                        self._entity(rows, name, label, linked)
                        for name, label in zip(("head", "tail"), key[1:], strict=True)
                    ]
                    _lines([ends[0], pa.array([key[0]] * rows.num_rows), ends[1]], out)
        with self._open("link", ["item_id:token", "entity_id:token"]) as out:
            items = sorted(linked)
            _lines([pa.array(items, pa.string()), pa.array([f"item {one}" for one in items], pa.string())], out)

    def _entity(self, rows: pa.Table, name: str, label: str, linked: set[str]) -> pa.Array:
        native = self._native(rows, name)
        if label == ENTITY:
            return native
        linked.update(native.to_pylist())
        return pc.binary_join_element_wise("item ", native, "")

    def friends(self) -> None:
        """`.net`."""
        key = (FRIEND, USER, USER)
        if key not in self._spool.sorts():
            return
        with self._open("net", ["source_id:token", "target_id:token"]) as out:
            for rows in self._ours(key, "head", "tail"):
                _lines([self._native(rows, "head"), self._native(rows, "tail")], out)

    def _ours(self, key: Key, *names: str) -> Iterator[pa.Table]:
        for table in self._spool.tables(key):
            ours = [pc.starts_with(table.column(name), f"{self._platform}:") for name in names]
            yield table.filter(ours[0] if len(ours) == 1 else pc.and_(ours[0], ours[1])).combine_chunks()

    def _native(self, rows: pa.Table, name: str) -> pa.Array:
        return pc.utf8_slice_codeunits(rows.column(name).combine_chunks(), len(self._platform) + 1)

    @contextmanager
    def _open(self, ending: str, header: list[str]) -> Iterator[IO[str]]:
        with (self._folder / f"{self._platform}.{ending}").open("w", encoding="utf-8", newline="") as out:
            out.write("\t".join(header) + "\n")
            yield out


def _column_name(name: str, kind: pa.DataType) -> str:
    shown = TITLE.get(name, name)
    if pa.types.is_list(kind):
        return f"{shown}:{'float_seq' if pa.types.is_primitive(kind.value_type) else 'token'}"
    numeric = pa.types.is_floating(kind) or (pa.types.is_integer(kind) and name != "year")
    return f"{shown}:{'float' if numeric else 'token'}"


def _texts(rows: pa.Table, name: str) -> pa.Array:
    if name not in rows.column_names:
        return pa.nulls(rows.num_rows, pa.string())
    column = rows.column(name).combine_chunks()
    if pa.types.is_list(column.type):
        return pc.binary_join(column.cast(pa.list_(pa.string())), " ")
    return column.cast(pa.string())


def _lines(columns: list[pa.Array], out: IO[str]) -> None:
    clean = [pc.replace_substring_regex(column.cast(pa.string()), r"[\t\r\n\x0b\x0c]", " ") for column in columns]
    texts = pc.binary_join_element_wise(*clean, "\t", null_handling="replace", null_replacement="")
    out.writelines(f"{text}\n" for text in texts.to_pylist())
