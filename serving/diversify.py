"""A list that does not repeat itself: maximal marginal relevance over the best candidates, at request time.

After candidates and filters, before the answer. NumPy's version of `training.rerank.diversity.mmr`, whose table says
what it costs and brings: next comes argmax (1 - weight) score(i) - weight max_{j chosen} cos(i, j) (Carbonell and
Goldstein 1998, SIGIR), scores brought to 0..1 among the candidates. `tests/serving/test_diversify.py` holds both equal.
"""

from __future__ import annotations

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
    likeness = similarities(live, items)
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
        nearest = np.maximum(nearest, likeness[place])
    return np.array(chosen, np.int64)


def similarities(live: Live, items: NDArray[np.int64]) -> NDArray[np.float64]:
    """(candidates, candidates): mean cosine over what is known; an item of which nothing is known is like none."""
    parts = [_rows(live, name, items) for name in sorted(live.index.vectors)]
    found = [part @ part.T for part in parts]
    if len(live.index.attributes.weights):
        found.append(_by_attributes(live, items))
    if not found:
        return np.zeros((len(items), len(items)))
    return np.asarray(np.mean(found, axis=0), np.float64)


def _rows(live: Live, modality: str, items: NDArray[np.int64]) -> NDArray[np.float64]:
    unit = live.index.vectors[modality].unit
    if live.plain:
        return unit[items].astype(np.float64)
    rows = [live.vector(place, modality) for place in items.tolist()]
    return np.stack([np.zeros(unit.shape[1]) if one is None else one.astype(np.float64) for one in rows])


def _by_attributes(live: Live, items: NDArray[np.int64]) -> NDArray[np.float64]:
    found = [live.attributes(place) for place in items.tolist()]
    columns = np.concatenate([nodes for nodes, _ in found])
    nodes, places = np.unique(columns, return_inverse=True)
    dense = np.zeros((len(items), len(nodes)))
    rows = np.repeat(np.arange(len(items)), [len(nodes) for nodes, _ in found])
    dense[rows, places] = np.concatenate([weights for _, weights in found])
    return np.asarray(dense @ dense.T)
