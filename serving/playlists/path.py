"""An order that makes neighbours alike: the nearest one next, then 2-opt (Croes 1958) until no turned part is better.

A path, not a tour: its end is open, and its beginning too unless something came before it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Alike = NDArray[np.float32]
ROUNDS = 400
GAIN = 1e-6


def smooth(alike: Alike, before: NDArray[np.float32] | None = None) -> list[int]:
    """Places in the order to play. `alike` (n, n), symmetric; `before` (n,): how alike each is with what came before.

    Never rougher than the order that was given: that is improved too, and the better of both taken.
    """
    count = len(alike)
    padded = np.zeros((count + 2, count + 2))  # the first row is what came before, the last what nothing comes after
    padded[1:-1, 1:-1] = alike
    if before is not None:
        padded[0, 1:-1] = padded[1:-1, 0] = before
    given = np.arange(count + 2)
    found = max((_turned(padded, order) for order in (_nearest(padded, before is None), given)),
                key=lambda order: _sum(padded, order))  # fmt: skip
    return [int(place) - 1 for place in found[1:-1]]


def smoothness(alike: Alike, order: list[int]) -> float:
    """Mean likeness of neighbours; 0 for fewer than two."""
    if len(order) < 2:
        return 0.0
    return float(np.mean([alike[one, other] for one, other in pairwise(order)]))


def _nearest(padded: NDArray[np.float64], anywhere: bool) -> NDArray[np.int64]:
    """From what came before, else from the best one, always the nearest that is left."""
    count = len(padded) - 2
    left = np.zeros(len(padded), np.bool_)
    left[1:-1] = True
    order = [0]
    while left.any():
        likeness = np.where(left, padded[order[-1]], -np.inf)
        chosen = 1 if anywhere and len(order) == 1 else int(likeness.argmax())
        order.append(chosen)
        left[chosen] = False
    return np.array([*order, count + 1])


def _turned(padded: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turns the part i..j that gains most, again and again."""
    order = order.copy()
    last = len(order) - 1
    for _ in range(ROUNDS):
        near = padded[np.ix_(order, order)]
        steps = np.diagonal(near, 1)  # steps[i]: from place i to the next
        gain = near[: last - 1, 1:last] + near[1:last, 2:] - steps[: last - 1, None] - steps[None, 1:last]
        gain = np.triu(gain, 1)  # gain[i, j]: of turning the places i + 1 to j + 1
        best = int(gain.argmax()) if gain.size else 0
        i, j = divmod(best, max(1, gain.shape[1]))
        if not gain.size or gain[i, j] < GAIN:
            break
        order[i + 1 : j + 2] = order[i + 1 : j + 2][::-1]
    return order


def _sum(padded: NDArray[np.float64], order: NDArray[np.int64]) -> float:
    return float(padded[order[:-1], order[1:]].sum())
