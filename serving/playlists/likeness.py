"""How alike the entries of a list are: contents and attributes, who liked both, and what people go on to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.diversify import Likeness
from serving.live import Live
from serving.playlists.transitions import Transitions


def pairwise(live: Live, transitions: Transitions, items: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, n), symmetric: the mean of three: cosines of contents and attributes (`serving.diversify.Likeness`), the
    crowd's cosine, and the weight of going from one to the other, in whichever direction is more usual.
    """
    contents = Likeness.of(live, items)
    found = np.stack([contents.to(place) for place in range(len(items))]) if len(items) else np.zeros((0, 0))
    crowd, steps = np.zeros((2, len(items), len(items)), np.float32)
    order = np.argsort(items)
    for place, item in enumerate(items.tolist()):
        if item < live.index.num_items:
            _fill(crowd[place], items, order, live.index.crowd_items[item], live.index.crowd_scores[item])
            _fill(steps[place], items, order, *transitions.after(item))
    crowd, steps = np.maximum(crowd, crowd.T), np.maximum(steps, steps.T)
    total = (found + found.T) / 2 + crowd + np.minimum(steps, 1)
    np.fill_diagonal(total, 0)
    return np.asarray(total / 3, np.float32)


def _fill(
    row: NDArray[np.float32],
    items: NDArray[np.int64],
    order: NDArray[np.int64],
    others: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> None:
    """Writes into `row` the scores of those `others` that are among the `items`."""
    at = np.searchsorted(items, others, sorter=order)
    places = order[np.minimum(at, len(items) - 1)]
    there = items[places] == others
    row[places[there]] = scores[there]
