"""The words of the graph: labels, relationship types, interaction kinds, and the nouns that flow through ingest.

First arrow of the flow: a source reads rows into `NodeBatch` and `EdgeBatch` (columnar, for bulk) or `Entity`,
`Interaction` and `Triple` (one at a time, for live writes); a store writes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from graph.errors import InvalidData

if TYPE_CHECKING:
    import pyarrow as pa

Value: TypeAlias = str | int | float | bool | list[str] | list[float] | None

USER = "User"
ITEM = "Item"
ENTITY = "Entity"
PERSON = "Person"
PLATFORM = "Platform"
REFRESH_RUN = "RefreshRun"
TAG = "ZeroShotTag"
GRAPH_CHANGE = "GraphChange"
REFRESH_LEASE = "RefreshLease"

OPERATIONAL_LABELS = frozenset({REFRESH_RUN, TAG, GRAPH_CHANGE, REFRESH_LEASE})
"""Nodes that Interlace itself writes back or keeps books with: no part of a snapshot."""

FRIEND = "FRIEND"
IS = "IS"
SAME_AS = "SAME_AS"
RECOMMENDED = "RECOMMENDED"
SIMILAR = "SIMILAR"
TAGGED = "TAGGED"

DERIVED_TYPES = frozenset({RECOMMENDED, SIMILAR, TAGGED})
"""What a refresh writes back from models and encoders: read by people and Cypher, never learned from again."""

DERIVED_PROPERTIES = frozenset(
    {"profile_text"} | {f"{name}_{mark}" for name in ("summary", "profile_text") for mark in ("by", "prompt", "source")}
)
"""What a language model wrote of users, from interactions that a split may hold out, and who wrote what: no snapshot
has these as columns. (An item's summary says nothing that its own text does not.)"""

KIND_TO_TYPE: Mapping[str, str] = MappingProxyType(
    {
        "viewed": "VIEWED",
        "clicked": "CLICKED",
        "liked": "LIKED",
        "rated": "RATED",
        "purchased": "PURCHASED",
        "listened": "LISTENED",
        "skipped": "SKIPPED",
        "hidden": "HIDDEN",
        "impressed": "IMPRESSED",
    }
)
"""Interaction kind as users write it -> relationship type in the graph. The order is the kind's code in a snapshot."""

KINDS: tuple[str, ...] = tuple(KIND_TO_TYPE)
TYPE_TO_KIND: Mapping[str, str] = MappingProxyType({value: key for key, value in KIND_TO_TYPE.items()})
NEGATIVE_KINDS = frozenset({"skipped", "hidden", "impressed"})
ITEM_KINDS = ("product", "movie", "video", "track", "artist", "article", "event", "group", "place", "item")

RESERVED_TYPES = frozenset({*KIND_TO_TYPE.values(), FRIEND, IS, SAME_AS, *DERIVED_TYPES})
"""Types with a meaning of their own: a relation in a triples file may not take these names."""

USER_DISCOVERABLE = "discoverable"
USER_HIDES_FRIENDS = "hides_friends"
USER_BLOCKED = "blocked"
"""Properties of users that say what they want: not to be suggested to others (false), not to show who their friends are
(true), and ids of users they want nothing to do with."""

CONSENTS = ("consent_recommendation", "consent_transfer", "consent_explanation")
"""Properties of users that say what they agree to (`graph.consent`): said by themselves, never learned from."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def safe_name(name: str) -> str:
    """Returns `name` when it may stand in Cypher as a label, relationship type or property; raises `InvalidData`.

    The one gate for every name that comes from data: names cannot be parameters in Cypher.
    """
    if _NAME.fullmatch(name):
        return name
    raise InvalidData(
        f"{name!r} cannot be a label, relationship type or property name",
        valid="a letter or underscore, then letters, digits or underscores, at most 128",
        remedy="rename the column or relation in the source",
    )


def relation_type(relation: str) -> str:
    """Relationship type for a relation as data sets write it: `film.film.actor` -> `FILM_FILM_ACTOR`."""
    name = safe_name(re.sub(r"[^A-Za-z0-9_]+", "_", relation).strip("_").upper())
    return f"{name}_" if name in RESERVED_TYPES else name


def node_id(platform: str, native: str) -> str:
    """Graph-wide id of a source's own id: `movielens`, `196` -> `movielens:196`."""
    return f"{platform}:{native}"


@dataclass(frozen=True)
class Entity:
    """A node to be: label, id (`platform:native`), properties."""

    label: str
    id: str
    properties: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Interaction:
    """What a user did with an item. `at`: Unix seconds, None where unknown."""

    user: str
    item: str
    kind: str
    value: float | None = None
    at: int | None = None


@dataclass(frozen=True)
class Triple:
    """head -relation-> tail between an item (or entity) and an entity; `relation` is a relationship type."""

    head: str
    relation: str
    tail: str
    head_label: str = ITEM
    tail_label: str = ENTITY


@dataclass(frozen=True)
class NodeBatch:
    """Many nodes of one label. `rows`: column `id` (string, unique), every other column is a property."""

    label: str
    rows: pa.Table


@dataclass(frozen=True)
class EdgeBatch:
    """Many relationships of one type between two labels. `rows`: `head`, `tail` (ids), other columns are properties."""

    type: str
    head_label: str
    tail_label: str
    rows: pa.Table


Batch: TypeAlias = NodeBatch | EdgeBatch
