"""Items related to an item, each with the facts that say why: an answer from the index alone.

Request path. What was put since the index was published has no relations yet; what was deleted comes in none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import InvalidData, Unsupported
from serving.live import Live
from serving.observe.record import SEARCH, timed
from serving.recommend import choose
from serving.related_parts import ALTERNATIVES, COMPLEMENTS, PAIRED, RELATIONS, TOGETHER, Relation

MOST_SHARED = 3
"""Names of shared attributes that the words of a reason tell."""
TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "en": {
        TOGETHER: "At least {people} people have both close together; chance would give {chance:g}",
        COMPLEMENTS: "At least {people} people have both close together, chance would give {chance:g}; other category",
        ALTERNATIVES: "Both: {shared}; alike {likeness:.2f}",
        "unnamed": "Of the same category; alike {likeness:.2f}",
    },
    "zh": {
        TOGETHER: "至少 {people} 人在相近时间选过两者, 偶然只会有 {chance:g} 人",
        COMPLEMENTS: "至少 {people} 人在相近时间选过两者, 偶然只会有 {chance:g} 人 (类别不同)",
        ALTERNATIVES: "同属 {shared} (相似度 {likeness:.2f})",
        "unnamed": "同一类别 (相似度 {likeness:.2f})",
    },
})  # fmt: skip


@dataclass(frozen=True)
class RelatedWish:
    """At most `n` items of a relation; `kind`: of this kind alone; `exclude`: ids that shall not come."""

    relation: str
    n: int = 10
    kind: str | None = None
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class RelatedItems:
    """Positions best first, and beside them the facts: `people` and `chance` of pairs that people take, else None."""

    item: int
    relation: str
    items: list[int]
    scores: list[float]
    people: list[int] | None
    chance: list[float] | None

    def reasons(self, live: Live, language: str) -> list[dict[str, Any]]:
        """Why each is there, as answers tell it."""
        return [self._reason(live, place, language) for place in range(len(self.items))]

    def _reason(self, live: Live, place: int, language: str) -> dict[str, Any]:
        shared = shared_attributes(live, self.item, self.items[place])
        paired = self.people is not None and self.chance is not None
        facts: dict[str, Any] = {
            "people": None if self.people is None else self.people[place],
            "chance": None if self.chance is None else float(f"{self.chance[place]:.2g}"),
            "likeness": None if paired else round(self.scores[place], 4),
        }
        names = [name for values in shared.values() for name in values][:MOST_SHARED]
        text = TEXTS[language][self.relation if paired or names else "unnamed"]
        return {"text": text.format(**facts, shared=", ".join(names)), **facts, "shared": shared}


@timed(SEARCH)
def related(live: Live, item: int, wish: RelatedWish) -> RelatedItems:
    """What is related to an item, best first. Raises `Unsupported` for a relation that this index does not have,
    `InvalidData` for none of the `RELATIONS`, or a kind that no item has.
    """
    relation, chosen = relation_of(live, wish.relation), choose(live, wish.kind, wish.exclude)
    span = relation.rows.span(item) if item < len(relation.rows) else slice(0, 0)
    kept = np.arange(span.start, span.stop)[chosen.keep(live, relation.rows.columns[span])][: wish.n]
    paired = wish.relation in PAIRED
    return RelatedItems(
        item,
        wish.relation,
        relation.rows.columns[kept].tolist(),
        relation.scores[kept].tolist(),
        relation.people[kept].tolist() if paired else None,
        relation.chance[kept].tolist() if paired else None,
    )


def relation_of(live: Live, name: str) -> Relation:
    """One of the index's relations; raises as `related`."""
    if name not in RELATIONS:
        raise InvalidData(f"the relation {name!r}", valid=", ".join(RELATIONS), remedy="name one of these")
    parts = live.index.related
    if parts is None or name not in parts.relations:
        has = () if parts is None else tuple(parts.relations)
        raise Unsupported(
            f"no {name} in this index", valid=", ".join(has) or "none: it is of a version before",
            remedy="ingest items with attributes (a Category, say), then interlace refresh",
        )  # fmt: skip
    return parts.relations[name]


def scores_of(live: Live, item: int, name: str) -> NDArray[np.float32] | None:
    """(items,) how much each is related, -inf for what is not; None where nothing is, or the index has no such."""
    parts = live.index.related
    if parts is None or name not in parts.relations or item >= live.index.num_items:
        return None
    relation = parts.relations[name]
    span = relation.rows.span(item)
    found = np.full(live.num_items, -np.inf, np.float32)
    found[relation.rows.columns[span]] = relation.scores[span]
    return found if span.stop > span.start else None


def shared_attributes(live: Live, one: int, other: int) -> dict[str, list[str]]:
    """Label -> names that both items' cards show; those that say the category first."""
    cards = [orjson.loads(live.card(place))["attributes"] for place in (one, other)]
    labels = live.index.related.labels if live.index.related is not None else ()
    found = {}
    for label in sorted(cards[0], key=lambda name: (name not in labels, name)):
        names = [name for name in cards[0][label] if name in cards[1].get(label, ())]
        if names:
            found[label] = names
    return found
