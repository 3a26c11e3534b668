"""Which of the candidates fill a number of minutes: the best first, then exchanges until the total is near enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOVES = 100


def fill(scores: NDArray[np.float32], minutes: NDArray[np.float64], target: float, tolerance: float) -> list[int]:
    """Places among candidates (best first) whose `minutes` add up to the target, `tolerance` (a share) more or less.

    Where nothing comes as near, the nearest that was found.
    """
    low, high = target * (1 - tolerance), target * (1 + tolerance)
    taken = np.zeros(len(scores), np.bool_)
    total = 0.0
    for place, length in enumerate(minutes.tolist()):
        if total < low and total + length <= high:
            taken[place] = True
            total += length
    for _ in range(MOVES):
        if total >= low:
            break
        move = _move(scores, minutes, taken, total, (low, high))
        if move is None:
            break
        out, into = move
        taken[out] = False
        taken[into] = True
        total = float(minutes[taken].sum())
    return np.flatnonzero(taken).tolist()


def _move(
    scores: NDArray[np.float32],
    minutes: NDArray[np.float64],
    taken: NDArray[np.bool_],
    total: float,
    within: tuple[float, float],
) -> tuple[list[int], int] | None:
    """What to take out (nothing or one) and what to put in: into the range at the least loss, else nearest below it.

    None where no move brings the total nearer.
    """
    low, high = within
    mine, others = np.flatnonzero(taken), np.flatnonzero(~taken)
    if not len(others):
        return None
    out = np.append(mine, -1)  # the last row takes nothing out
    lengths, worth = (np.append(values[mine], 0.0)[:, None] for values in (minutes, scores))
    totals = total - lengths + minutes[others][None]
    loss = worth - scores[others][None]
    fits = (totals >= low) & (totals <= high)
    cost = np.where(fits, loss - loss.max() - high - 1, np.where(totals <= high, -totals, np.inf))
    row, column = np.unravel_index(int(cost.argmin()), cost.shape)
    if not fits[row, column] and not total < totals[row, column] <= high:
        return None
    return ([] if out[row] < 0 else [int(out[row])]), int(others[column])
