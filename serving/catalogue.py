"""Users and items as the API shows them, rendered to JSON once, when an index is published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.guard.hidden import Hidden
from graph.guard.policy import HIDDEN_PROPERTIES, Policy
from graph.private import is_hidden
from graph.schema import ENTITY, USER_BLOCKED
from graph.snapshot import IdMap, Snapshot
from serving.media_keys import is_media_key

CARD = ("title", "kind", "year", "image")
MEDIA = "/media/"
DEFAULT_KIND = "item"
NOT_SHOWN = ("id", "platform", "text")
PRIVATE = Hidden(Policy(hidden_properties=HIDDEN_PROPERTIES))
"""Secrets and addresses of people: no index holds them, so that no answer can show them."""


def properties(table: Any, row: int) -> dict[str, Any]:
    """The non-null values of a row of an Arrow table, embeddings and private ones left out."""
    return public({name: table.column(name)[row].as_py() for name in table.column_names if _is_shown(name)})


def public(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of these properties, those that answers may show."""
    return {
        name: value for name, value in values.items() if value is not None and _is_shown(name) and not is_hidden(value)
    }


def rows(table: Any) -> Iterator[dict[str, Any]]:
    """Every row as `properties` gives it, read batch by batch."""
    kept = table.select([name for name in table.column_names if _is_shown(name)])
    for batch in kept.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            yield public(row)


def _is_shown(name: str) -> bool:
    return "embedding" not in name and not PRIVATE.property(name)


def platform_of(identity: str, values: Mapping[str, Any]) -> str:
    """The property, else the part of the id before the colon."""
    return str(values.get("platform") or identity.partition(":")[0])


def item_card(identity: str, values: Mapping[str, Any], attributes: Mapping[str, list[str]]) -> dict[str, Any]:
    """What a list shows of an item: id, title, kind, year, image address, attributes by label."""
    image = values.get("image")
    return {
        "id": identity,
        "title": str(values.get("title") or identity),
        "kind": str(values.get("kind") or DEFAULT_KIND),
        "year": _year(values.get("year")),
        "image": f"{MEDIA}{image}" if is_media_key(str(image)) else None,
        "attributes": dict(attributes),
    }


def item_page(card: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A card with the item's text and every other property."""
    rest = {name: value for name, value in values.items() if name not in (*CARD, *NOT_SHOWN)}
    return {**card, "text": values.get("text"), "properties": rest}


def user_card(identity: str, values: Mapping[str, Any], interactions: int) -> dict[str, Any]:
    """A user as lists show one."""
    rest = {name: value for name, value in values.items() if name not in (*NOT_SHOWN, USER_BLOCKED)}
    return {
        "id": identity,
        "platform": platform_of(identity, values),
        "interactions": interactions,
        "properties": rest,
    }


def attributes_by_item(snapshot: Snapshot) -> list[dict[str, list[str]]]:
    """Per item: label -> sorted names of its attribute nodes. Entities known by a code alone are left out."""
    labels = [_attribute(name) for name in snapshot.entities.ids]
    found: list[dict[str, list[str]]] = [{} for _ in range(len(snapshot.items))]
    items = len(snapshot.items)
    named = np.array([False] * items + [label is not None for label in labels], bool)
    rows = (snapshot.triples.head < items) & named[snapshot.triples.tail]
    pairs = np.stack([snapshot.triples.head[rows], snapshot.triples.tail[rows]], axis=1)
    for head, tail in np.unique(pairs, axis=0).tolist():
        label, name = labels[tail - items] or ("", "")
        found[head].setdefault(label, []).append(name)
    return [{label: sorted(entry[label]) for label in sorted(entry)} for entry in found]


def _attribute(entity: str) -> tuple[str, str] | None:
    """`Genre:Genre:Comedy` -> (`Genre`, `Comedy`); None for an entity of triples, which has no name."""
    label, _, identity = entity.partition(":")
    prefix = f"{label}:"
    if label == ENTITY or not identity.startswith(prefix):
        return None
    return label, identity.removeprefix(prefix)


def kind_codes(kinds: list[str]) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    """The distinct kinds, sorted, and each item's place among them."""
    names = tuple(sorted(set(kinds)))
    places = {name: place for place, name in enumerate(names)}
    return names, np.array([places[kind] for kind in kinds], np.int16)


def dumps(value: Any) -> bytes:
    """JSON bytes; dates as ISO 8601, NaN as null."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def searchable(ids: IdMap, cards: list[dict[str, Any]]) -> list[str]:
    """What a search looks through: title and id."""
    return [f"{card['title']} {identity}" for identity, card in zip(ids.ids, cards, strict=True)]


def _plain(value: Any) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def _year(value: Any) -> int | None:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None
