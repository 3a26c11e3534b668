"""Derived relationships (what models and encoders say of the graph): what shall be, against what is there.

Only the difference is written, the owners of one call in one transaction: whoever reads finds a node's old
relationships or its new ones, and a writer that was killed and runs again writes what was missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graph.schema import RECOMMENDED, SIMILAR, TAGGED
from graph.store import GraphStore, Transaction

Key: TypeAlias = tuple[str, ...]
Values: TypeAlias = tuple[Any, ...]
Edges: TypeAlias = Mapping[Key, Values]
"""Relationships of one owner. Key: the tail's id, then the rest of what tells two relationships apart."""


@dataclass(frozen=True)
class Kind:
    """A derived relationship type; `query` begins the names of its queries in `graph.queries_write_back`."""

    type: str
    query: str
    keys: tuple[str, ...]
    values: tuple[str, ...]


RECOMMENDED_EDGES = Kind(RECOMMENDED, "recommended", ("tail",), ("rank", "score", "model"))
SIMILAR_EDGES = Kind(SIMILAR, "similar", ("tail", "modality"), ("score",))
TAGGED_EDGES = Kind(TAGGED, "tagged", ("tail",), ("confidence", "encoder", "modality"))


@dataclass(frozen=True)
class Difference:
    """How many relationships were made, changed, taken away, and were right already."""

    created: int = 0
    changed: int = 0
    removed: int = 0
    kept: int = 0

    def __add__(self, other: Difference) -> Difference:
        return Difference(
            self.created + other.created, self.changed + other.changed,
            self.removed + other.removed, self.kept + other.kept,
        )  # fmt: skip

    @property
    def written(self) -> int:
        return self.created + self.changed + self.removed


def settle(store: GraphStore, kind: Kind, wanted: Mapping[str, Edges], *, run: str) -> Difference:
    """Makes the owners' relationships of this kind what `wanted` says, in one transaction. `run` marks what is written.

    An owner or a tail that is not in the graph gets nothing. Safe to repeat, also when an answer was lost.
    """
    return store.transact(lambda transaction: _settle(transaction, kind, wanted, run))


def _settle(transaction: Transaction, kind: Kind, wanted: Mapping[str, Edges], run: str) -> Difference:
    there = _there(transaction, kind, list(wanted))
    remove: list[tuple[str, Key]] = []
    change: list[tuple[str, Key]] = []
    create: list[tuple[str, Key]] = []
    kept = 0
    for owner, edges in wanted.items():
        found = dict(there.get(owner, ()))
        times = Counter(key for key, _ in there.get(owner, ()))
        double = {key for key, count in times.items() if count > 1}
        remove += [(owner, key) for key in found if key not in edges or key in double]
        create += [(owner, key) for key in edges if key not in found or key in double]
        both = [key for key in edges if key in found and key not in double]
        change += [(owner, key) for key in both if found[key] != edges[key]]
        kept += sum(found[key] == edges[key] for key in both)
    if remove:
        transaction.query(f"{kind.query}_remove", {"rows": _grouped(kind, remove)})
    if change:
        transaction.query(f"{kind.query}_change", {"rows": _grouped(kind, change, wanted), "run": run})
    created = 0
    if create:
        # By tail: writers that lock the same nodes in the same order do not wait for each other in a circle.
        rows = [{"id": owner, **_edge(kind, key, wanted[owner][key])} for owner, key in sorted(create, key=_by_tail)]
        created = int(transaction.query(f"{kind.query}_create", {"rows": rows, "run": run}).rows[0][0])
    return Difference(created, len(change), len(remove), kept)


def _there(transaction: Transaction, kind: Kind, owners: list[str]) -> dict[str, list[tuple[Key, Values]]]:
    found: dict[str, list[tuple[Key, Values]]] = {}
    ends = len(kind.keys)
    for owner, *columns in transaction.query(f"{kind.query}_there", {"ids": owners}):
        rows = zip(*columns, strict=True)
        found[owner] = [(tuple(row[:ends]), tuple(row[ends:])) for row in rows]
    return found


def _grouped(
    kind: Kind, pairs: Iterable[tuple[str, Key]], wanted: Mapping[str, Edges] | None = None
) -> list[dict[str, Any]]:
    """One row for each owner and rest of the key: the tails, and with `wanted` the properties they shall have."""
    groups: dict[tuple[str, Key], list[Key]] = defaultdict(list)
    for owner, key in pairs:
        groups[owner, key[1:]].append(key)
    rows = []
    for (owner, rest), keys in groups.items():
        row: dict[str, Any] = {"id": owner, **dict(zip(kind.keys[1:], rest, strict=True))}
        if wanted is None:
            row["tails"] = [key[0] for key in keys]
        else:
            row["edges"] = [_edge(kind, key, wanted[owner][key]) for key in keys]
        rows.append(row)
    return rows


def _edge(kind: Kind, key: Key, values: Values) -> dict[str, Any]:
    return dict(zip((*kind.keys, *kind.values), (*key, *values), strict=True))


def _by_tail(pair: tuple[str, Key]) -> tuple[Key, str]:
    return pair[1], pair[0]
