"""What the labels, types and properties of a foreign graph mean here: which nodes are users and items, and so on.

Read from a TOML file (`--map`) or made from options; applied to every batch of a graph source.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from graph.errors import InvalidData, NotFound
from graph.schema import ITEM, KIND_TO_TYPE, USER, Batch, NodeBatch, safe_name

_LISTS = ("users", "items")
_TABLES = ("interactions", "properties", "ids")


@dataclass(frozen=True)
class GraphMap:
    """Their words -> ours. Empty: the graph speaks our own schema.

    `users`, `items`: their labels; `interactions`: their relationship type -> kind; `properties`: their property, or
    `Label.property` for one label or type alone, -> ours; `ids`: their label -> the property that identifies a node.
    """

    users: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    interactions: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def label(self, labels: Sequence[str]) -> str:
        """Our label of a node that has all of these: users and items first."""
        for ours, theirs in ((USER, self.users), (ITEM, self.items)):
            if ours in labels or theirs.intersection(labels):
                return ours
        return labels[0]

    def type(self, theirs: str) -> str:
        """Our relationship type."""
        kind = self.interactions.get(theirs)
        return KIND_TO_TYPE[kind] if kind else theirs

    def property(self, of: str, name: str) -> str:
        """Our name of a property of a label or type."""
        return self.properties.get(f"{of}.{name}") or self.properties.get(name, name)

    def batch(self, batch: Batch) -> Batch:
        """The batch in our words."""
        if not self:
            return batch
        if isinstance(batch, NodeBatch):
            return NodeBatch(self.label([batch.label]), self._renamed(batch.rows, batch.label, ("id",)))
        rows = self._renamed(batch.rows, batch.type, ("head", "tail"))
        ends = self.label([batch.head_label]), self.label([batch.tail_label])
        return replace(batch, type=self.type(batch.type), head_label=ends[0], tail_label=ends[1], rows=rows)

    def _renamed(self, rows: pa.Table, of: str, kept: tuple[str, ...]) -> pa.Table:
        names = [name if name in kept else self.property(of, name) for name in rows.column_names]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidData(
                f"two properties of {of} would both be {twice[0]!r}",
                valid="one property of theirs for each of ours",
                remedy="correct the map's properties",
            )
        return rows.rename_columns(names)


def make_map(
    *, users: Sequence[str] = (), items: Sequence[str] = (), interactions: Sequence[str] = (), file: Path | None = None
) -> GraphMap:
    """A map from options (`interactions`: `TYPE=kind`) and a file; the options add to the file."""
    found = read_map(file) if file else GraphMap()
    pairs = dict(_pair(one) for one in interactions)
    joined = {**found.interactions, **pairs}
    return replace(
        found, users=found.users | set(users), items=found.items | set(items), interactions=_checked_kinds(joined)
    )


def read_map(path: Path) -> GraphMap:
    """The map in a TOML file. Raises `InvalidData` that names the key that is wrong."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}", valid="a TOML file", remedy="correct --map") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidData(f"{path} is not TOML ({error})", valid="TOML", remedy="mend the file") from error
    unknown = sorted(set(content) - {*_LISTS, *_TABLES})
    if unknown:
        raise _bad(path, unknown[0], "users, items, [interactions], [properties] and [ids]")
    for name in _LISTS:
        if not _are_texts(content.get(name, [])):
            raise _bad(path, name, "a list of labels")
    for name in _TABLES:
        values = content.get(name, {})
        if not isinstance(values, dict) or not _are_texts(list(values.values())):
            raise _bad(path, name, "a table of texts")
    for name in content.get("properties", {}).values():
        safe_name(name)
    return GraphMap(
        users=frozenset(content.get("users", ())),
        items=frozenset(content.get("items", ())),
        interactions=_checked_kinds(content.get("interactions", {})),
        properties=content.get("properties", {}),
        ids=content.get("ids", {}),
    )


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(one, str) for one in values)


def _bad(path: Path, name: str, valid: str) -> InvalidData:
    return InvalidData(f"{path}: {name!r} is not valid", valid=valid, remedy="correct the map")


def _pair(text: str) -> tuple[str, str]:
    theirs, separator, kind = text.partition("=")
    if not separator:
        raise InvalidData(f"{text!r} is no TYPE=KIND", valid="BOUGHT=purchased", remedy="correct --interaction")
    return theirs, kind


def _checked_kinds(kinds: Mapping[str, str]) -> Mapping[str, str]:
    for theirs, kind in kinds.items():
        if kind not in KIND_TO_TYPE:
            raise InvalidData(
                f"{kind!r} (for {theirs}) is no kind of interaction",
                valid=", ".join(KIND_TO_TYPE),
                remedy="map it to one of these kinds",
            )
    return kinds
