"""An item as `PUT /v1/items/{id}` says it is, in the form that is kept: what its card, its page and the graph hold.

JSON values: `title`, `kind`, `text`, `year`, `image`, `audio`, `video` (keys below the media folder), `properties`,
`attributes` (label -> names) and `relations` (lists of relation, label, id, and whether the node points at the item);
the last two are missing where the request left them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graph.schema import ITEM, Entity, Triple, safe_name
from serving import catalogue

COLUMNS = ("title", "kind", "text", "year", "image", "audio", "video")


def card_of(item: str, body: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """What lists show. `before`: the card in the index; labels that the request does not name keep their attributes."""
    attributes = {**({} if before is None else before["attributes"]), **(body.get("attributes") or {})}
    shown = {label: sorted(attributes[label]) for label in sorted(attributes) if attributes[label]}
    return catalogue.item_card(item, body, shown)


def page_of(card: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The card with the text and every other property."""
    return catalogue.item_page(card, {"text": body.get("text"), **catalogue.public(body.get("properties") or {})})


def node_of(label: str, name: str) -> str:
    """Graph id of an attribute node, as every source of ours names it."""
    return f"{label}:{name}"


def entities_of(body: Mapping[str, Any]) -> Iterator[str]:
    """`Label:id` of every node the item is joined with, as a snapshot names entities."""
    for label, names in (body.get("attributes") or {}).items():
        for name in names:
            yield f"{label}:{node_of(label, name)}"
    for _, label, identity, _ in body.get("relations") or ():
        yield f"{label}:{identity}"


def graph_of(item: str, body: Mapping[str, Any], platform: str) -> tuple[list[Entity], list[Triple]]:
    """The item, its attributes and what joins them, as the graph stores them."""
    known = {name: body.get(name) for name in COLUMNS}
    entities = [Entity(ITEM, item, {**(body.get("properties") or {}), **known, "platform": platform})]
    triples = []
    for label, names in (body.get("attributes") or {}).items():
        for name in names:
            entities.append(Entity(label, node_of(label, name), {"name": name}))
            triples.append(Triple(item, safe_name(f"HAS_{label.upper()}"), node_of(label, name), tail_label=label))
    for relation, label, identity, inverse in body.get("relations") or ():
        entities.append(Entity(label, identity))
        outwards = Triple(item, relation, identity, ITEM, label)
        triples.append(Triple(identity, relation, item, label, ITEM) if inverse else outwards)
    return entities, triples
