"""A list that does not repeat itself: maximal marginal relevance over the best candidates, at request time.

After candidates and filters, before the answer. NumPy's version of `training.rerank.diversity.mmr`, whose table says
what it costs and brings: next comes argmax (1 - weight) score(i) - weight max_{j chosen} cos(i, j) (Carbonell and
Goldstein 1998, SIGIR), scores brought to 0..1 among the candidates. `tests/serving/test_diversify.py` holds both equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.live import Live
from serving.observe.record import RERANK, timed

POOL = 100
"""Candidates that are looked at, or five times as many as are asked for."""
LARGEST = 1_000


def pool_size(n: int) -> int:
    """How many candidates a list of n is chosen from."""
    return min(LARGEST, max(POOL, 5 * n))


@timed(RERANK)
def diversify(
    live: Live, items: NDArray[np.int64], scores: NDArray[np.float32], *, weight: float, n: int
) -> NDArray[np.int64]:
    """Places among `items` (candidates, best first) of the n to show, in their order."""
    likeness = Likeness.of(live, items)
    low, high = float(scores.min()), float(scores.max())
    worth = (1 - weight) * (np.ones(len(items)) if high <= low else (scores.astype(np.float64) - low) / (high - low))
    nearest = np.full(len(items), -np.inf)
    chosen: list[int] = []
    left = np.ones(len(items), bool)
    for _ in range(min(n, len(items))):
        gain = worth - weight * np.where(np.isfinite(nearest), nearest, 0.0)
        gain[~left] = -np.inf
        place = int(np.argmax(gain))  # among equals the first stage's order
        chosen.append(place)
        left[place] = False
        nearest = np.maximum(nearest, likeness.to(place))
    return np.array(chosen, np.int64)


@dataclass(frozen=True)
class Likeness:
    """Mean cosine between candidates over what is known; an item of which nothing is known is like none.

    Made for the chosen ones alone, each against all: a list of ten needs a tenth of all pairs. `vectors` by modality
    (candidates, d); of attributes, `nodes` and `weights` of all candidates one after the other, `rows` whose they are.
    """

    size: int
    vectors: tuple[NDArray[np.float64], ...]
    nodes: NDArray[np.integer]
    weights: NDArray[np.float64]
    rows: NDArray[np.int64]
    told: bool
    """Does the index know attributes."""
    scratch: NDArray[np.float64]

    @classmethod
    def of(cls, live: Live, items: NDArray[np.int64]) -> Likeness:
        """Of these candidates."""
        vectors = tuple(_rows(live, name, items) for name in sorted(live.index.vectors))
        told = bool(len(live.index.attributes.weights))
        nodes, weights, counts = _attributes(live, items if told else items[:0])
        rows = np.repeat(np.arange(len(counts)), counts)
        scratch = np.zeros(int(nodes.max()) + 1 if len(nodes) else 0)
        return cls(len(items), vectors, nodes, weights.astype(np.float64), rows, told, scratch)

    def to(self, place: int) -> NDArray[np.float64]:
        """(candidates,): how alike each is with one of them."""
        parts = [part @ part[place] for part in self.vectors]
        if self.told:
            mine = slice(*np.searchsorted(self.rows, (place, place + 1)))
            self.scratch[self.nodes[mine]] = self.weights[mine]
            parts.append(np.bincount(self.rows, self.weights * self.scratch[self.nodes], minlength=self.size))
            self.scratch[self.nodes[mine]] = 0
        total = parts[0] if parts else np.zeros(self.size)
        for part in parts[1:]:
            total = total + part
        return np.asarray(total / max(1, len(parts)), np.float64)


def _rows(live: Live, modality: str, items: NDArray[np.int64]) -> NDArray[np.float64]:
    unit = live.index.vectors[modality].unit
    if live.plain:
        return unit[items].astype(np.float64)
    rows = [live.vector(place, modality) for place in items.tolist()]
    return np.stack([np.zeros(unit.shape[1]) if one is None else one.astype(np.float64) for one in rows])


def _attributes(
    live: Live, items: NDArray[np.int64]
) -> tuple[NDArray[np.integer], NDArray[np.float32], NDArray[np.int64]]:
    """Nodes and weights of the items, one after the other, and how many each has."""
    if not live.plain and len(items):
        found = [live.attributes(place) for place in items.tolist()]
        counts = np.array([len(nodes) for nodes, _ in found], np.int64)
        return np.concatenate([nodes for nodes, _ in found]), np.concatenate([one for _, one in found]), counts
    table = live.index.attributes
    starts, ends = table.rows.indptr[items], table.rows.indptr[items + 1]
    counts = np.asarray(ends - starts, np.int64)
    places = np.arange(counts.sum()) + np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return table.rows.columns[places], table.weights[places], counts
