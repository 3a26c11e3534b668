"""A small shop with what belongs to what planted in it: who buys a lamp buys bulbs, and one of two lamps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from graph.schema import KINDS
from graph.snapshot import IdMap, Interactions, Snapshot, Triples

CATEGORIES = {
    "lamp-a": "Lamps", "lamp-b": "Lamps", "lamp-c": "Lamps", "bulb": "Bulbs", "bulb-warm": "Bulbs", "mug": "Kitchen",
    "plate": "Kitchen", "bag": "Bags", "umbrella": "Rain", "gift": "",
}  # fmt: skip
"""Of no category: the gift."""
ITEMS = tuple(sorted(f"shop:{name}" for name in CATEGORIES))
FILLER = tuple(f"shop:z{number:02d}" for number in range(60))
USERS = 400
DAY = 24 * 3600


def shop(seed: int = 3, *, users: int = USERS) -> Snapshot:
    """Planted: a lamp (a or b, never both) and a bulb next to each other (of another category); mug and plate (of one
    category). By chance alone: bag and umbrella, which half of the people buy each, anywhere in their histories.
    """
    rng = np.random.default_rng(seed)
    ids = tuple(sorted([*ITEMS, *FILLER]))
    items = IdMap(ids, "item")
    rows = []
    for user in range(users):
        basket = rng.choice(FILLER, 6, replace=False).tolist()
        basket += [f"shop:{name}" for name in ("bag", "umbrella") if rng.random() < 0.5]
        rng.shuffle(basket)
        if rng.random() < 0.3:
            place = int(rng.integers(len(basket)))
            basket[place:place] = [str(rng.choice(["shop:lamp-a", "shop:lamp-b"])), "shop:bulb"]
        if rng.random() < 0.2:
            basket += ["shop:mug", "shop:plate"]
        rows += [(user, items.positions[name], day * DAY) for day, name in enumerate(basket)]
    user_of, item_of, at = (np.array(column) for column in zip(*rows, strict=True))
    return Snapshot(
        users=IdMap(tuple(f"shop:u{user:04d}" for user in range(users)), "user"),
        items=items,
        entities=IdMap(ENTITIES, "entity"),
        relations=("HAS_BRAND", "HAS_CATEGORY"),
        interactions=Interactions(
            user_of.astype(np.int32), item_of.astype(np.int32), np.full(len(rows), KINDS.index("purchased"), np.int8),
            np.full(len(rows), np.nan, np.float32), at.astype(np.int64),
        ),
        triples=_triples(items),
        friendships=np.empty((0, 2), np.int32),
        identities={},
        item_properties=pa.table({
            "title": [name.removeprefix("shop:").title() for name in ids],
            "kind": ["track" if name == "shop:bulb-warm" else "product" for name in ids],
        }),
        user_properties=pa.table({"age": pa.array([30] * users, pa.int64())}),
        embeddings={},
    )  # fmt: skip


def without_attributes(snapshot: Snapshot) -> Snapshot:
    """Nothing says what the items are."""
    nothing = Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32))
    return replace(snapshot, triples=nothing, entities=IdMap((), "entity"), relations=())


ENTITIES = tuple(sorted([
    "Brand:Brand:Acme", *(f"Category:Category:{name}" for name in {*CATEGORIES.values(), "Other"} if name),
]))  # fmt: skip


def _triples(items: IdMap) -> Triples:
    """Everything of the same brand: a brand is no category."""
    entity = {name: len(items) + place for place, name in enumerate(ENTITIES)}
    rows = [(place, 0, entity["Brand:Brand:Acme"]) for place in range(len(items))]
    for place, name in enumerate(items.ids):
        category = CATEGORIES.get(name.removeprefix("shop:"), "Other")
        if category:
            rows.append((place, 1, entity[f"Category:Category:{category}"]))
    head, relation, tail = (np.array(column) for column in zip(*sorted(rows), strict=True))
    return Triples(head.astype(np.int32), relation.astype(np.int16), tail.astype(np.int32))
