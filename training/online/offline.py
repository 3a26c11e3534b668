"""What a challenger would have earned, before anybody is shown its answers: from exploration, its shadow and clicks.

Each place of each answer that was shown with a logged propensity is a row: the action is the item at that place, the
reward whether it was clicked. The challenger's answer to the same request (`serving.shadow`) says with which item it
would have filled the place; it is deterministic, so its probability is 1 or 0. `training.counterfactual` estimates the
mean reward, users resampled together, under the usual assumption that a click depends on item and place, not on the
other items (the item-position model, Li et al. 2018, «Offline evaluation of ranking policies with click models»).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graph.errors import InvalidData
from training.counterfactual import Counterfactual, Expected, evaluate, refuse_without_overlap
from training.counterfactual import Log as Rewards
from training.online.attribution import WINDOW_SECONDS, latest
from training.online.log import Ints, Log, Mask, take_acts, take_shown
from training.online.ratios import Floats

SMOOTHING = 20.0
FOLDS = 2


@dataclass(frozen=True)
class Slots:
    """A row a place of an answer. `wanted`: the item that the challenger would show there."""

    shown: Ints
    wanted: Ints
    rank: Ints
    user: Ints
    reward: Floats
    propensity: Floats


def slots(log: Log, challenger: Mapping[int, Ints], window: int = WINDOW_SECONDS) -> Slots:
    """Of the answers with a propensity that the challenger answered too: `challenger` has its item codes by answer
    (-1 for an item that the log never showed). Answers whose window is not over yet are left out. Raises `InvalidData`.
    """
    rows = ~np.isnan(log.shown.propensity) & (log.shown.at + window <= log.end)
    shown = take_shown(log.shown, rows)
    size = int(shown.rank.max(initial=0))
    answers, place = np.unique(shown.answer, return_inverse=True)
    lists = np.full((len(answers), size), -2, np.int64)
    for row, answer in enumerate(answers.tolist()):
        mine = challenger.get(answer)
        if mine is not None:
            lists[row, : min(size, len(mine))] = mine[:size]
    wanted = lists[place, shown.rank - 1] if size else np.empty(0, np.int64)
    keep = wanted != -2
    if not keep.any():
        raise InvalidData(
            "no answer that was explored was also answered by the challenger",
            valid="an arm with `explore` while a shadow runs, and a day for people to click",
            remedy="interlace experiment start NAME, interlace shadow start VERSION, and wait",
        )
    reward = _clicked(log, rows, window)[keep]
    kept = take_shown(shown, keep)
    return Slots(kept.item, wanted[keep], kept.rank, kept.user, reward, kept.propensity)


def estimate(found: Slots, *, seed: int = 42) -> Counterfactual:
    """Clicks an impression of the challenger: IPS, SNIPS, DR with intervals. Raises `InvalidData` without overlap."""
    rewards = Rewards(found.reward, found.propensity, (found.shown == found.wanted).astype(np.float64), found.user)
    refuse_without_overlap(rewards)
    return evaluate(rewards, expected=expected(found), seed=seed)


def expected(found: Slots) -> Expected:
    """Clicks by a model fitted on the other users' rows (two folds): the place's rate times the item's, smoothed."""
    logged, policy = np.empty(len(found.shown)), np.empty(len(found.shown))
    fold = found.user % FOLDS
    for part in range(FOLDS):
        mine, others = fold == part, fold != part
        logged[mine] = _rates(found, others, found.shown[mine], found.rank[mine])
        policy[mine] = _rates(found, others, found.wanted[mine], found.rank[mine])
    return Expected(logged, policy)


def _rates(found: Slots, fitted: Mask, items: Ints, ranks: Ints) -> Floats:
    size = int(max(found.shown.max(), found.wanted.max())) + 2
    places = int(found.rank.max()) + 1
    item, rank, reward = found.shown[fitted], found.rank[fitted], found.reward[fitted]
    overall = float(reward.mean()) if len(reward) else 0.0
    by_rank = (np.bincount(rank, reward, places) + SMOOTHING * overall) / (
        np.bincount(rank, minlength=places) + SMOOTHING
    )
    usual = np.bincount(item, by_rank[rank], size)
    factor = (np.bincount(item, reward, size) + SMOOTHING * overall) / (usual + max(1e-12, SMOOTHING * overall))
    return np.asarray(np.minimum(1.0, by_rank[ranks] * factor[items]))


def _clicked(log: Log, rows: Mask, window: int) -> Floats:
    found = latest(take_acts(log.acts, log.acts.of("clicked", "purchased")), log.shown, window)
    mask = np.zeros(len(log.shown), np.bool_)
    mask[found[found >= 0]] = True
    return mask[rows].astype(np.float64)
