"""Raw rows to canonical rows, part by part; the one place that says which columns a part needs and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import InvalidData
from graph.schema import ENTITY, ITEM, KINDS, PERSON, PLATFORM, USER, safe_name
from graph.sources import values
from graph.sources.chunks import INTERACTION_PARTS, ROW, Chunk, Part, Raw
from graph.sources.values import Checks, mask_of

LISTED = "[]"
"""Ending of a column whose values become attribute nodes."""
SEPARATOR = "|"

ENDS: Mapping[Part, tuple[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(INTERACTION_PARTS, ("user", "item")),
        "negatives": ("user", "item"),
        "links": ("item", "entity"),
        "triples": ("head", "tail"),
        "friends": ("user", "friend"),
        "identities": ("user", "person"),
    }
)
"""Parts whose rows join two ids, and the columns that name them."""

NEEDED: Mapping[Part, tuple[str, ...]] = MappingProxyType(
    {**ENDS, "users": ("user",), "items": ("item",), "triples": ("head", "relation", "tail")}
)
_NOT_ATTRIBUTES = frozenset({USER, ITEM, PERSON, PLATFORM, ENTITY})


@dataclass(frozen=True)
class Context:
    """What cleaning knows beside the rows: the clock, the kind of items that do not say theirs, the platform folder."""

    now: float
    item_kind: str = "item"
    platform: str | None = None


def clean(raws: Iterable[Raw], part: Part, path: Path, file: str, context: Context) -> Iterator[Chunk]:
    """Canonical chunks of one file. Raises `InvalidData` that names the file when a column is missing or unfit."""
    for raw in raws:
        given = raw.rows
        if not given.num_rows and raw.refused.num_rows:  # lines of which none could be read have no columns either
            names = {*given.column_names, *NEEDED[part]} - {ROW}
            given = pa.table({ROW: pa.array([], pa.int64()), **{name: pa.array([], pa.string()) for name in names}})
        _need(given, part, path)
        try:
            rows, refused = _rows(given.combine_chunks(), part, context)
        except InvalidData as error:
            raise InvalidData(f"{path}: {error.what}", valid=error.valid, remedy=error.remedy) from error
        read = given.num_rows + raw.refused.num_rows
        yield Chunk(file, part, rows, pa.concat_tables([raw.refused, refused]), read, context.platform)


def _need(rows: pa.Table, part: Part, path: Path) -> None:
    missing = [name for name in NEEDED[part] if name not in rows.column_names]
    if missing:
        found = ", ".join(repr(name) for name in rows.column_names if name != ROW)
        raise InvalidData(
            f"{path} has no column {missing[0]!r} (it has {found})",
            valid=f"{part} with the columns {', '.join(NEEDED[part])}",
            remedy="rename or add the column",
        )


def _rows(raw: pa.Table, part: Part, context: Context) -> tuple[pa.Table, pa.Table]:
    checks = Checks(raw.num_rows)
    columns: dict[str, pa.Array] = {ROW: _column(raw, ROW)}
    for name in NEEDED[part]:
        columns[name] = values.ids(_column(raw, name), name, checks)
    if part in INTERACTION_PARTS:
        columns |= _interaction_columns(raw, checks, context)
    elif part in {"items", "users"}:
        columns |= _node_columns(raw, part, checks, context)
    elif part == "triples":
        _check_relations(columns["relation"], checks)
    elif part == "friends":
        checks.refuse(mask_of(pc.equal(columns["user"], columns["friend"])), "{} is their own friend", columns["user"])
    return checks.split(pa.table(columns), raw)


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _interaction_columns(raw: pa.Table, checks: Checks, context: Context) -> dict[str, pa.Array]:
    value = values.numbers(_optional(raw, "value"), "value", checks)
    time = values.times(_optional(raw, "time"), "time", checks, context.now)
    default = pc.if_else(pc.is_valid(value), "rated", "viewed")
    given = values.texts(_optional(raw, "kind"))
    kind = pc.coalesce(pc.utf8_lower(pc.utf8_trim_whitespace(given)), default)
    known = pc.is_in(kind, value_set=pa.array(KINDS))
    checks.refuse(mask_of(pc.invert(known)), f"kind {{}} is none of {', '.join(KINDS)}", kind)
    rest = _properties(raw, {*NEEDED["interactions"], "kind", "value", "time"})
    return {"kind": kind, "value": value, "time": time, **rest}


def _node_columns(raw: pa.Table, part: Part, checks: Checks, context: Context) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {}
    given = {*NEEDED[part]}
    if part == "items":
        kind = values.texts(pc.utf8_trim_whitespace(values.texts(_optional(raw, "kind"))))
        columns["kind"] = pc.fill_null(pc.utf8_lower(kind), context.item_kind)
        given.add("kind")
        if "year" in raw.column_names:
            columns["year"] = values.whole_numbers(_column(raw, "year"), "year", checks)
            given.add("year")
        if "created_at" in raw.column_names:
            columns["created_at"] = values.times(_column(raw, "created_at"), "created_at", checks, context.now)
            given.add("created_at")
    lists = {name for name in raw.column_names if name.endswith(LISTED)}
    for name in sorted(lists):
        columns[f"{attribute_label(name)}{LISTED}"] = values.lists(_column(raw, name), SEPARATOR)
    return columns | _properties(raw, given | lists)


def _optional(raw: pa.Table, name: str) -> pa.Array:
    return _column(raw, name) if name in raw.column_names else pa.nulls(raw.num_rows, pa.string())


def _properties(raw: pa.Table, given: set[str]) -> dict[str, pa.Array]:
    found: dict[str, pa.Array] = {}
    for name in raw.column_names:
        if name in given or name == ROW:
            continue
        safe = values.property_name(name)
        if safe in found or safe in given:
            raise InvalidData(
                f"the columns {name!r} and another would both be the property {safe!r}",
                valid="names that differ in letters, digits and _",
                remedy="rename one of them",
            )
        found[safe] = values.property_values(_column(raw, name))
    return found


def attribute_label(column: str) -> str:
    """Label of a `[]` column's attribute nodes. Raises `InvalidData` for one that cannot be or is taken."""
    label = safe_name(column.removesuffix(LISTED))
    if label in _NOT_ATTRIBUTES:
        raise InvalidData(
            f"the column {column!r} would make {label} nodes",
            valid="a label of its own, such as Genre[]",
            remedy="rename the column",
        )
    return label


def _check_relations(relations: pa.Array, checks: Checks) -> None:
    named = pc.match_substring_regex(relations, r"^([^A-Za-z0-9_]*[A-Za-z_]|[./<>#: ]*[0-9])")
    checks.refuse(mask_of(pc.invert(named)), "relation {} has no letter or digit to begin with", relations)
    checks.refuse(mask_of(pc.greater(pc.utf8_length(relations), 100)), "relation {} is too long", relations)
