"""Calibrated lists: the kinds of a list in the proportions of what the user chose himself (Steck 2018, RecSys).

After candidates, before the list; NumPy and Numba alone. A list I maximises (1 - weight) sum_{i in I} score(i) -
weight KL(p || q(I)), p the kinds of the history, q those of the list, smoothed to (1 - alpha) q + alpha p; greedily,
which is within 1 - 1/e of the best (the objective is submodular). `training.beyond.calibration` measures the same KL.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from training.rerank.diversity import check, unit_range

SMOOTHING = 0.01
"""Steck's alpha."""


def proportions(histories: csr_matrix, shares: csr_matrix) -> NDArray[np.float64]:
    """(users, kinds) mean share of each kind over the items of a history (users, items) whose kinds are known.

    `shares` (items, kinds): rows add up to one, empty where unknown. A user without a known item gets zeros.
    """
    known = (np.diff(shares.indptr) > 0).astype(np.float64)
    total = np.asarray((histories @ shares).todense(), np.float64)
    return np.asarray(total / np.maximum(histories @ known, 1e-12)[:, None])


def calibrate(
    scores: NDArray[np.float32],
    items: NDArray[np.int32],
    shares: csr_matrix,
    wanted: NDArray[np.float64],
    *,
    weight: float,
    k: int = 10,
) -> NDArray[np.int32]:
    """(users, k) item positions, -1 where candidates ended; `scores` and `items` (users, n) as in `diversity.mmr`.

    `shares` (items, kinds) and `wanted` (users, kinds) as in `proportions`. Items of unknown kind count neither for nor
    against; a user whose `wanted` is all zero keeps the first stage's order. Raises `InvalidData` as `mmr` does.
    """
    check(scores, items, shares, weight)
    if wanted.shape != (len(items), shares.shape[1]):
        raise InvalidData(f"wanted proportions of shape {wanted.shape}", valid=f"({len(items)}, {shares.shape[1]}): "
                          "one row a user, one column a kind", remedy="make them with `proportions`")  # fmt: skip
    some, rows = np.unique(items, return_inverse=True)  # the candidates alone: a catalogue's shares would not fit
    rows = np.where(items < 0, -1, rows.reshape(items.shape)).astype(np.int32)
    dense = np.asarray(shares[np.maximum(some, 0)].todense(), np.float64)
    found = np.full((len(items), k), -1, np.int32)
    _calibrate(unit_range(scores, items), rows, dense, np.asarray(wanted, np.float64), weight, found)
    return np.where(found < 0, -1, some[found]).astype(np.int32)


@njit(cache=True)
def _divergence(wanted, total, more, count):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """KL between `wanted` and the mean of `count` items, whose shares add up to `total` + `more`."""
    found = 0.0
    for kind in range(len(wanted)):
        if wanted[kind] > 0:
            share = (total[kind] + more[kind]) / count if count else 0.0
            mixed = (1 - SMOOTHING) * share + SMOOTHING * wanted[kind]
            found += wanted[kind] * np.log(wanted[kind] / mixed)
    return found


@njit(cache=True)
def _calibrate(scores, items, shares, wanted, weight, found):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    users, n = items.shape
    nothing = np.zeros(shares.shape[1])
    known = np.array([row.sum() > 0 for row in shares])
    for user in range(users):
        free, total, count = items[user] >= 0, np.zeros(shares.shape[1]), 0
        for step in range(found.shape[1]):
            best, best_value = -1, -np.inf
            now = _divergence(wanted[user], total, nothing, count)
            for i in range(n):
                if free[i]:
                    item, after = items[user, i], now
                    if known[item]:
                        after = _divergence(wanted[user], total, shares[item], count + 1)
                    value = (1 - weight) * scores[user, i] - weight * after
                    if value > best_value:
                        best, best_value = i, value
            if best < 0:
                break
            free[best] = False
            found[user, step] = items[user, best]
            if known[items[user, best]]:
                total += shares[items[user, best]]
                count += 1
