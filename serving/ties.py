"""What joins two items of an index, whoever asks: the attribute they share, how alike they are.

One a worker and index, behind reasons. The same popular items are liked by many, so what is computed of an item is
remembered (`REMEMBERED` at most of each sort); what the overlay changed is computed each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from graph.explain_words import is_name
from serving.effect_forms import Covariances
from serving.inherit import Floats
from serving.live import Live

UNNAMED = 0.6
SAMPLED = 256
"""Items by whose cosines the usual likeness of an item is known."""
RARE = 5.0
REMEMBERED = 50_000

Usual = tuple[float, float]
"""Mean and standard deviation of an item's cosines with others."""
Named = tuple[float, str, str]
"""How much an attribute says, its label and its id."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Ties:
    """Safe in threads: what two of them compute at once is the same."""

    def __init__(self) -> None:
        self._usual: dict[tuple[str, int], Usual | None] = {}
        self._nodes: dict[int, frozenset[int]] = {}
        self._named: dict[int, Named] = {}
        self.covariances: Covariances = {}

    def alike(self, live: Live, modality: str, liked: int, item: int) -> tuple[float, float] | None:
        """The cosine, and how many standard deviations it lies above the liked item's mean; None where one has none."""
        mine, theirs = live.vector(liked, modality), live.vector(item, modality)
        if mine is None or theirs is None:
            return None
        usual = self._learnt(live, self._usual, (modality, liked), liked, lambda: _usual(live, modality, mine))
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
        return self._learnt(live, self._nodes, item, item, lambda: frozenset(live.attributes(item)[0].tolist()))

    def _name(self, live: Live, node: int) -> Named:
        found = self._named.get(node)
        if found is None:
            found = self._named[node] = _named(live, node)
        return found

    def _learnt(self, live: Live, known: dict[Key, Value], key: Key, item: int, compute: Callable[[], Value]) -> Value:
        """Remembered for items that are as the index says."""
        if item >= live.index.num_items or item in live.changed:
            return compute()
        if key not in known:
            if len(known) >= REMEMBERED:
                known.clear()
            found = known[key] = compute()
            return found
        return known[key]


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
