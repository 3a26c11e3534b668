"""What a reading of the whole graph knew that its arrays do not hold, and that bringing them up to date needs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from graph.queries_snapshot import count_nodes
from graph.schema import ITEM, KIND_TO_TYPE, USER, safe_name
from graph.snapshot import Snapshot
from graph.snapshot_build import NOT_ENTITIES
from graph.store import GraphStore

TYPES = tuple(KIND_TO_TYPE.values())


@dataclass(frozen=True)
class Notes:
    """`mixed`: properties (`Item.year`) whose values are of several types. `others`: modalities of which some vectors
    are another encoder's. `attributes`: labels that users point at; `user_types`: by which types; `hidden`: whether one
    of them hides a user's property of that name. `surplus`: how many more nodes of a label or relationships of a type
    the store holds than the snapshot shows (parallel ones, for example); None where it could not be counted. `links`:
    was it read how likely identities are and which items are the same; older versions did not.
    """

    mixed: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    user_types: frozenset[str] = frozenset()
    hidden: bool = False
    links: bool = False
    surplus: Mapping[str, int] | None = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return {key: sorted(value) if isinstance(value, frozenset) else value for key, value in asdict(self).items()}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Notes:
        fields: dict[str, Any] = {
            key: frozenset(found) if isinstance(found, list) else found for key, found in value.items()
        }
        return cls(**fields)


def held(snapshot: Snapshot) -> dict[str, int]:
    """How many nodes of each label and relationships of each type a snapshot shows."""
    found = {f":{USER}": len(snapshot.users), f":{ITEM}": len(snapshot.items)}
    ids, place = snapshot.entities.ids, 0
    while place < len(ids):
        label = ids[place].partition(":")[0]
        after = bisect_left(ids, f"{label};", place)  # `;` follows `:`
        found[f":{label}"], place = after - place, after
    kinds = np.bincount(snapshot.interactions.kind, minlength=len(TYPES)).tolist()
    relations = np.bincount(snapshot.triples.relation, minlength=len(snapshot.relations)).tolist()
    return {
        **found,
        **{name: count for name, count in zip(TYPES, kinds, strict=True) if count},
        **dict(zip(snapshot.relations, relations, strict=True)),
    }


def surplus(store: GraphStore, snapshot: Snapshot, user_types: frozenset[str]) -> dict[str, int]:
    """The store's counts less the snapshot's; types by which users point at attributes are not counted."""
    labels = {row[0] for row in store.query("labels_known")}
    types = {row[0] for row in store.query("types_known")}
    ours = held(snapshot)
    counted: dict[str, int] = {}
    for label in labels - NOT_ENTITIES | (labels & {USER, ITEM}):
        counted[f":{label}"] = store.query(count_nodes(safe_name(label))).rows[0][0]
    for name in types & {*TYPES, *snapshot.relations} - user_types:
        counted[name] = store.relationship_count(name)
    names = {*counted, *ours} - user_types
    found = {name: counted.get(name, 0) - ours.get(name, 0) for name in names}
    return {name: count for name, count in sorted(found.items()) if count}
