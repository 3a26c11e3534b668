"""What is known of a user and an item from labelled rows, told so that no row's features know its own label.

`out_of_fold` is the one way by which a statistic of labels becomes a feature: a train row gets it from the other folds,
a validation or test row from all of train. Read by `training.ctr.features`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graph.snapshot import NO_TIME, Interactions
from training.ctr.rows import Clicks
from training.split import TRAIN

FOLDS = 5
SMOOTHING = 10.0
"""Rows of the overall rate that a rate is mixed with."""
RECENT = (1, 5, 20)
"""Lengths of the windows of a user's latest labels."""
EVEN = 0.5
"""Stands for a label not yet given: no mean of the labels, which would know later ones and the row's own."""

FloatArray = NDArray[np.float32]
Statistic = Callable[[Interactions, Interactions], FloatArray]
"""(rows whose labels are known, rows asked about) -> (rows asked about, features)."""


def out_of_fold(clicks: Clicks, statistic: Statistic, *, seed: int) -> FloatArray:
    """(rows, features). Folds are drawn at random over train rows, never by label."""
    train, rest = clicks.positions(TRAIN), np.flatnonzero(clicks.part != TRAIN)
    fold = np.random.default_rng(seed).permutation(len(train)) % FOLDS
    known = clicks.rows.take(train)
    of_rest = statistic(known, clicks.rows.take(rest))
    found = np.empty((len(clicks.rows), of_rest.shape[1]), np.float32)
    found[rest] = of_rest
    for number in range(FOLDS):
        found[train[fold == number]] = statistic(known.take(fold != number), known.take(fold == number))
    return found


def rates(known: Interactions, asked: Interactions) -> FloatArray:
    """Smoothed rate of clicks (log odds) and log count, of the user and of the item: (len(asked), 4)."""
    prior = float(known.value.mean())
    columns = []
    for mine, theirs in ((known.user, asked.user), (known.item, asked.item)):
        size = int(max(mine.max(initial=0), theirs.max(initial=0))) + 1
        count = np.bincount(mine, minlength=size)
        clicked = np.bincount(mine, known.value, minlength=size)
        rate = (clicked + SMOOTHING * prior) / (count + SMOOTHING)
        columns += [log_odds(rate)[theirs], np.log1p(count)[theirs]]
    return np.stack(columns, 1).astype(np.float32)


RATES = ("user rate", "user count", "item rate", "item count")


def item_rate(clicks: Clicks) -> FloatArray:
    """(rows,) smoothed rate of each row's item over train: what popularity predicts."""
    known = clicks.rows.take(clicks.positions(TRAIN))
    count = np.bincount(known.item, minlength=len(clicks.snapshot.items))
    clicked = np.bincount(known.item, known.value, minlength=len(count))
    rate = (clicked + SMOOTHING * known.value.mean()) / (count + SMOOTHING)
    return np.asarray(rate[clicks.rows.item], np.float32)


def log_odds(rate: NDArray[np.floating]) -> NDArray[np.float64]:
    """log(p / (1 - p)), kept finite."""
    rate = np.clip(np.asarray(rate, np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(rate) - np.log1p(-rate))


PAST = ("place in history", "log seconds since the last", *(f"rate of the last {window}" for window in RECENT))


def past(clicks: Clicks) -> FloatArray:
    """(rows, len(PAST)): what a system knows of the user at the row's time, from train rows strictly earlier than it.

    Log of the number of earlier rows, log of seconds since the latest of them, and the mean label of the last 1, 5 and
    20, smoothed by one row of `EVEN`. Zeros, and `EVEN`, for a user's first row and for rows without a time.
    """
    rows, known = clicks.rows, clicks.part == TRAIN
    order = np.lexsort((rows.time, rows.user))
    user, time = rows.user[order], rows.time[order]
    label, counts = np.where(known, rows.value, 0.0)[order], known[order].astype(np.int64)
    fresh = np.r_[True, (user[1:] != user[:-1]) | (time[1:] != time[:-1])]
    start = np.flatnonzero(fresh)[
        np.cumsum(fresh) - 1
    ]  # the first row of this user and time: all before it are earlier
    first = np.flatnonzero(np.r_[True, user[1:] != user[:-1]])[np.cumsum(np.r_[True, user[1:] != user[:-1]]) - 1]
    place = np.r_[0, np.cumsum(counts)]
    before = place[start] - place[first]
    train = np.flatnonzero(counts)  # sorted rows of train: the k-th train row is at train[k]
    sums = np.r_[0.0, np.cumsum(label[train])]
    latest = train[np.maximum(place[start] - 1, 0)]
    gap = np.where(before > 0, np.log1p(np.maximum(time - time[latest], 0).astype(np.float64)), 0.0)
    columns = [np.log1p(before), gap]
    for window in RECENT:
        taken = np.minimum(before, window)
        clicked = sums[place[start]] - sums[place[start] - taken]
        columns.append((clicked + EVEN) / (taken + 1))
    found = np.stack(columns, 1)
    found[time == NO_TIME] = (0.0, 0.0, *([EVEN] * len(RECENT)))
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return np.asarray(found[back], np.float32)
