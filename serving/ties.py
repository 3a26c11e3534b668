"""What joins two items of an index, whoever asks: the attribute they share, how alike they are, people who met both.

One a worker and index, behind reasons. The same popular items are liked by many, so what is computed of an item or of
two is remembered (`REMEMBERED` at most of each sort); what the overlay changed is computed each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from graph.explain_words import VERBS, is_name
from graph.schema import KIND_TO_TYPE, KINDS
from serving.crowd import Crowd, Together
from serving.effect_forms import Known
from serving.inherit import Floats
from serving.live import Live

UNNAMED = 0.6
SAMPLED = 256
"""Items by whose cosines the usual likeness of an item is known."""
RARE = 5.0
REMEMBERED = 50_000
TOLD = ("text", "image", "audio")
"""Modalities by which two items may be said to be alike."""
ALIKE = 2.5
"""From so many standard deviations above the cosines of the liked item with all others two items are alike."""
VERY_ALIKE = 6.0
LIFT = 1.2
"""People who did something with one item did it with the other at least so many times as often as anybody."""
MOST_SAID = 1.05
"""No join says more: one of 1 whose order is told besides."""
IN_ORDER = 0.6
"""Of those who did something with both items, the share who did it in this order, from which on it is told."""
_KIND_OF: Mapping[str, int] = {type_: KINDS.index(kind) for kind, type_ in KIND_TO_TYPE.items()}

Usual = tuple[float, float]
"""Mean and standard deviation of an item's cosines with others."""
Named = tuple[float, str, str]
"""How much an attribute says, its label and its id."""

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Join:
    """One thing that joins a liked item with another. `says`: how much; `facts`: parameters of `proof` but for the ends
    and the liking.
    """

    proof: str
    says: float
    facts: Mapping[str, Any]


class Ties:
    """Safe in threads: what two of them compute at once is the same."""

    def __init__(self) -> None:
        self._joins: dict[tuple[int, int, str], tuple[Join, ...]] = {}
        self._usual: dict[tuple[str, int], Usual | None] = {}
        self._nodes: dict[int, frozenset[int]] = {}
        self._named: dict[int, Named] = {}
        self.known = Known()

    def joins(self, live: Live, crowd: Crowd, liked: int, item: int, liking: str) -> tuple[Join, ...]:
        """All that joins two items; `liking`: the type of the relationship by which the first one was liked."""
        by = liking if liking in VERBS else "RATED"
        key = liked, item, by
        return self._learnt(live, self._joins, key, key[:2], lambda: tuple(self._joined(live, crowd, *key)))

    def _joined(self, live: Live, crowd: Crowd, liked: int, item: int, by: str) -> Iterator[Join]:
        shared = self.shared(live, liked, item)
        if shared is not None:
            says, label, via = shared
            yield Join("attribute", says, {"label": label, "via": via})
        for modality in (one for one in TOLD if one in live.index.vectors):
            alike = self.alike(live, modality, liked, item)
            if alike is not None and alike[1] >= ALIKE:
                cosine, deviations = alike
                says = 0.4 + 0.6 * min(1.0, deviations / VERY_ALIKE)
                yield Join(f"similar_{modality}", says, {"cosine": round(cosine, 2)})
        both = crowd.together(liked, item, _KIND_OF[by])
        if both.people and both.people * both.everybody >= LIFT * both.first * both.second:
            yield _of_people(both, by)

    def alike(self, live: Live, modality: str, liked: int, item: int) -> tuple[float, float] | None:
        """The cosine, and how many standard deviations it lies above the liked item's mean; None where one has none."""
        mine, theirs = live.vector(liked, modality), live.vector(item, modality)
        if mine is None or theirs is None:
            return None
        usual = self._learnt(live, self._usual, (modality, liked), (liked,), lambda: _usual(live, modality, mine))
        if usual is None:
            return None
        cosine = float(mine @ theirs)
        return cosine, (cosine - usual[0]) / max(1e-6, usual[1])

    def shared(self, live: Live, liked: int, item: int) -> Named | None:
        """The attribute that both items have and that says most."""
        if live.index.inherit is None:
            return None
        both = self._attributes(live, liked) & self._attributes(live, item)
        return max((self._name(live, node) for node in both), default=None)

    def _attributes(self, live: Live, item: int) -> frozenset[int]:
        return self._learnt(live, self._nodes, item, (item,), lambda: frozenset(live.attributes(item)[0].tolist()))

    def _name(self, live: Live, node: int) -> Named:
        found = self._named.get(node)
        if found is None:
            found = self._named[node] = _named(live, node)
        return found

    def _learnt(
        self, live: Live, known: dict[Key, Value], key: Key, items: tuple[int, ...], compute: Callable[[], Value]
    ) -> Value:
        """Remembered for items that are as the index says."""
        if max(items) >= live.index.num_items or (live.changed and not live.changed.keys().isdisjoint(items)):
            return compute()
        try:
            return known[key]
        except KeyError:
            if len(known) >= REMEMBERED:
                known.clear()
            found = known[key] = compute()
            return found


def _of_people(both: Together, by: str) -> Join:
    says = 0.4 + 0.6 * min(1.0, 2 * both.people / (both.first * both.second) ** 0.5)
    if both.after and both.after >= IN_ORDER * both.people:
        return Join("next", MOST_SAID * says, {"people": both.after, "by": by})
    return Join("people", says, {"people": both.people, "by": by})


def _usual(live: Live, modality: str, vector: Floats) -> Usual | None:
    table = live.index.vectors[modality]
    step = max(1, len(table.unit) // SAMPLED)
    cosines = (table.unit[::step] @ vector)[table.present[::step]]
    return (float(cosines.mean()), float(cosines.std())) if len(cosines) else None


def _named(live: Live, node: int) -> Named:
    table, inherit = live.index.attributes, live.index.inherit
    assert inherit is not None
    label, _, identity = inherit.entities[node].decode().partition(":")
    known = 1.0 if is_name(identity, "") else UNNAMED
    return known * (0.5 + 0.5 * min(1.0, float(table.rarity[node]) / RARE)), label, identity
