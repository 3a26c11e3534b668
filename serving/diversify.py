"""A list that does not repeat itself: maximal marginal relevance over the best candidates, at request time.

After candidates and filters, before the answer. NumPy's version of `training.rerank.diversity.mmr`, whose table says
what it costs and brings: next comes argmax (1 - weight) score(i) - weight max_{j chosen} cos(i, j) (Carbonell and
Goldstein 1998, SIGIR), scores brought to 0..1 among the candidates. `tests/serving/test_diversify.py` holds both equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.index import Attributes, Index

POOL = 100
"""Candidates that are looked at, or five times as many as are asked for."""
LARGEST = 1_000


def pool_size(n: int) -> int:
    """How many candidates a list of n is chosen from."""
    return min(LARGEST, max(POOL, 5 * n))


def diversify(
    index: Index, items: NDArray[np.int64], scores: NDArray[np.float32], *, weight: float, n: int
) -> NDArray[np.int64]:
    """Places among `items` (candidates, best first) of the n to show, in their order."""
    likeness = similarities(index, items)
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


def similarities(index: Index, items: NDArray[np.int64]) -> NDArray[np.float64]:
    """(candidates, candidates): mean cosine over what is known; an item of which nothing is known is like none."""
    parts = [table.unit[items].astype(np.float64) for _, table in sorted(index.vectors.items())]
    found = [part @ part.T for part in parts]
    if len(index.attributes.weights):
        found.append(_by_attributes(index.attributes, items))
    if not found:
        return np.zeros((len(items), len(items)))
    return np.asarray(np.mean(found, axis=0), np.float64)


def _by_attributes(vectors: Attributes, items: NDArray[np.int64]) -> NDArray[np.float64]:
    spans = [vectors.rows.span(int(item)) for item in items]
    columns = np.concatenate([vectors.rows.columns[span] for span in spans])
    nodes, places = np.unique(columns, return_inverse=True)
    dense = np.zeros((len(items), len(nodes)))
    rows = np.repeat(np.arange(len(items)), [span.stop - span.start for span in spans])
    dense[rows, places] = np.concatenate([vectors.weights[span] for span in spans])
    return np.asarray(dense @ dense.T)
