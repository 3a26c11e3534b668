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
TIMES = 5
LARGEST = 1_000


def pool_size(n: int) -> int:
    """How many candidates a list of n is chosen from."""
    return max(POOL, least_pool(n))


def least_pool(n: int) -> int:
    """How many are enough, where more would have to be searched for."""
    return min(LARGEST, TIMES * n)


@timed(RERANK)
def diversify(
    live: Live, items: NDArray[np.int64], scores: NDArray[np.float32], *, weight: float, n: int
) -> NDArray[np.int64]:
    """Places among `items` (candidates, best first) of the n to show, in their order."""
    likeness = Likeness.of(live, items)
    low, high = float(scores.min()), float(scores.max())
    worth = (1 - weight) * (np.ones(len(items)) if high <= low else (scores.astype(np.float64) - low) / (high - low))
    chosen = [int(worth.argmax())]  # among equals the first stage's order
    nearest = likeness.to(chosen[0])
    while len(chosen) < min(n, len(items)):
        worth[chosen[-1]] = -np.inf
        chosen.append(int((worth - weight * nearest).argmax()))
        np.maximum(nearest, likeness.to(chosen[-1]), out=nearest)
    return np.array(chosen, np.int64)


@dataclass(frozen=True)
class Likeness:
    """Mean cosine between candidates over what is known; an item of which nothing is known is like none.

    Made for the chosen ones alone, each against all: a list of ten needs a tenth of all pairs. `vectors` (candidates,
    d): those of all modalities side by side, so that one product gives the sum of their cosines, and attributes where
    they are a handful. `nodes` and `weights` of all candidates' other attributes one after the other, each candidate's
    from its place in `starts` on.
    """

    vectors: NDArray[np.float32]
    nodes: NDArray[np.integer]
    weights: NDArray[np.float32]
    starts: NDArray[np.int64]
    told: NDArray[np.bool_]
    """Which candidates have attributes."""
    parts: int
    """Cosines that the mean is over."""
    scratch: NDArray[np.float32]

    @classmethod
    def of(cls, live: Live, items: NDArray[np.int64]) -> Likeness:
        """Of these candidates."""
        vectors = [_rows(live, name, items) for name in sorted(live.index.vectors)]
        known = bool(len(live.index.attributes.weights))
        parts = len(vectors) + known
        table = live.index.attributes.table if known and live.plain else None
        if table is not None:
            vectors.append(table[items])
        together = np.concatenate(vectors, axis=1) if vectors else np.zeros((len(items), 0), np.float32)
        nodes, weights, counts = _attributes(live, items) if known and table is None else _NO_ATTRIBUTES
        starts = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=starts[1:])
        scratch = np.zeros(int(nodes.max()) + 1 if len(nodes) else 1, np.float32)
        nodes, weights = np.append(nodes, 0), np.append(weights, np.float32(0))  # so that each start is a place in them
        return cls(together, nodes, weights, starts, counts > 0, max(1, parts), scratch)

    def to(self, place: int) -> NDArray[np.float32]:
        """(candidates,): how alike each is with one of them."""
        total: NDArray[np.float32] = self.vectors @ self.vectors[place]
        if len(self.told) and self.told[place]:
            mine = slice(self.starts[place], self.starts[place + 1])
            self.scratch[self.nodes[mine]] = self.weights[mine]
            sums = np.add.reduceat(self.weights * self.scratch[self.nodes], self.starts[:-1])
            total += sums * self.told  # of an empty range reduceat gives what stands there
            self.scratch[self.nodes[mine]] = 0
        return total / np.float32(self.parts)


_NO_ATTRIBUTES = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int64)


def _rows(live: Live, modality: str, items: NDArray[np.int64]) -> NDArray[np.float32]:
    unit = live.index.vectors[modality].unit
    if live.plain:
        return unit[items]
    rows = [live.vector(place, modality) for place in items.tolist()]
    return np.stack([np.zeros(unit.shape[1], np.float32) if one is None else one for one in rows])


def _attributes(
    live: Live, items: NDArray[np.int64]
) -> tuple[NDArray[np.integer], NDArray[np.float32], NDArray[np.int64]]:
    """Nodes and weights of the items, one after the other, and how many each has."""
    if not live.plain and len(items):
        found = [live.attributes(place) for place in items.tolist()]
        counts = np.array([len(nodes) for nodes, _ in found], np.int64)
        return np.concatenate([nodes for nodes, _ in found]), np.concatenate([one for _, one in found]), counts
    table = live.index.attributes
    places, counts = table.rows.spans(items)
    return table.rows.columns[places], table.weights[places], counts
