"""How much a model tells about who taught it: membership inference, measured on models of the same recipe.

Threat model: the attacker knows all that a person did, may show the model any history as a stranger's and read the
score of every item (more than the API gives: it gives the best of them, in order), and has the data of other people,
enough to train the same recipe. Two questions:

- user: was this person in the training data at all?
- interaction: of two things that a person in it did, which one was in the data?

`models` models are fitted, each on half of the users (every user is in half of them), and on four fifths of what each
of those did. Each in turn is attacked, the others are the attacker's: the statistic of a history is measured less its
mean in those others that did not see the user (difficulty calibration, Watson et al. 2022; the offline attack of
Carlini et al. 2022, «Membership Inference Attacks From First Principles»). Statistics are standard scores, over the
items that the history does not have, of

- rest: one half of what the user did, the other half shown;
- same: all that the user did, all of it shown.

Which one is attacked with is chosen on half of the users; the area under the ROC curve is of the other half, its
interval by bootstrap over users. One half says that nothing is told to *this* attacker; a stronger one may do better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from training.data import UNKNOWN, Histories, TrainingData, UserBatch
from training.evaluate import BLOCK_CELLS
from training.pairs import auc
from training.recommender import Recommender, Scorer

Fit: TypeAlias = Callable[[TrainingData], Recommender]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

MODELS = 4
FEWEST_ITEMS = 5
"""Of a user who is attacked: there must be something to show, to ask of, and to hold back."""
FEWEST_USERS = 40
HELD = 0.2
"""Share of each user's items that no model sees."""
ROUNDS = 400
FALSE_ALARMS = 0.01
"""False positive rate at which true positives are told: an attack that is sure of a few matters too."""
THREAT = (
    "an attacker who knows all that a person did, may show the model any history and read every score, and has other "
    "people's data and the recipe"
)


@dataclass(frozen=True)
class Attack:
    """`auc` with its 95% interval: 0.5 is a guess. `sure`: true positives at 1% false ones: 0.01 is a guess."""

    statistic: str
    auc: float
    low: float
    high: float
    sure: float


@dataclass(frozen=True)
class Leakage:
    """What the attacks found. `users`: how many were attacked; `models`: how many models were fitted."""

    user: Attack
    interaction: Attack
    users: int
    models: int
    threat: str = THREAT

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Targets:
    """Whom is asked about. `users` (n,); `core` what a fit may see of them, `first` the half of it that is shown for
    «rest»; `inside` one item of the core and `outside` one that no fit sees (n,), `without` the core less the former.
    """

    users: NDArray[np.int64]
    core: Histories
    first: Histories
    without: Histories
    inside: NDArray[np.int64]
    outside: NDArray[np.int64]


def leakage(
    fit: Fit,
    data: TrainingData,
    *,
    models: int = MODELS,
    seed: int = 42,
    progress: Callable[[str], None] = lambda _text: None,
) -> Leakage:
    """Fits the recipe `models` times and attacks it. Raises `InvalidData` for fewer than 4 models or too few users."""
    if models < MODELS or models % 2:
        raise InvalidData(f"{models} models cannot be attacked", valid=f"an even number from {MODELS} on: each user is "
                          "in half of them", remedy=f"for example {MODELS}")  # fmt: skip
    rng = np.random.default_rng(seed)
    seen, targets = _targets(data.histories, rng)
    inside = _balanced(data.num_users, models, rng)
    measured: dict[str, list[Floats]] = {}
    for number, member in enumerate(inside.T, start=1):
        progress(f"model {number} of {models}, on half of the users")
        length = np.diff(data.histories.indptr)
        histories = data.histories.keep(seen & np.repeat(member, length))
        model = fit(replace(data, histories=histories, validation=None))
        for name, values in _statistics(model, targets).items():
            measured.setdefault(name, []).append(values)
    stacked = {name: np.stack(columns, axis=1) for name, columns in measured.items()}
    return _attacked(stacked, inside[targets.users], models, rng)


def _targets(histories: Histories, rng: np.random.Generator) -> tuple[Flags, _Targets]:
    """What fits may see at all (a flag for each interaction), and whom is asked about.

    Each user's items are put in random order: the first `HELD` of them no fit sees, the rest is the core.
    """
    users, items, place = _pairs(histories)
    counts = np.bincount(users, minlength=len(histories))
    asked = np.flatnonzero(counts >= FEWEST_ITEMS)
    if len(asked) < FEWEST_USERS:
        raise InvalidData(
            f"{len(asked)} users with {FEWEST_ITEMS} items or more", valid=f"{FEWEST_USERS} of them or more",
            remedy="measure a larger data set",
        )  # fmt: skip
    rank = np.empty(len(users), np.int64)
    rank[np.lexsort((rng.random(len(users)), users))] = np.arange(len(users)) - (np.cumsum(counts) - counts)[users]
    held, size = np.ceil(HELD * counts)[users], counts[users]
    core, last = rank >= held, rank == size - 1
    shown = (core & (rank - held < (size - held) / 2), core & ~last)
    first, without = (histories.keep(flags[place]).take(asked) for flags in shown)
    whole = histories.keep(core[place])
    item = np.zeros((2, len(histories)), np.int64)
    item[0, users[last]], item[1, users[rank == 0]] = items[last], items[rank == 0]
    return core[place], _Targets(asked, whole.take(asked), first, without, *item[:, asked])


def _pairs(histories: Histories) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """User and item of each distinct pair, and which of them each interaction is."""
    rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    keys, place = np.unique(rows * histories.num_items + histories.items, return_inverse=True)
    return keys // histories.num_items, keys % histories.num_items, place


def _balanced(users: int, models: int, rng: np.random.Generator) -> Flags:
    """(users, models): each user in half of the models, at random."""
    order = np.argsort(rng.random((users, models)), axis=1)
    return order < models // 2


def _statistics(model: Scorer, targets: _Targets) -> dict[str, Floats]:
    """(n,) of each statistic; `in` and `out`: standard scores of the two items that interactions are asked about."""
    rest, same, inside, outside = (np.empty(len(targets.users)) for _ in range(4))
    step = max(1, BLOCK_CELLS // max(1, targets.core.num_items))
    for start in range(0, len(targets.users), step):
        rows = np.arange(start, min(start + step, len(targets.users)))
        core, first = (part.take(rows).matrix.toarray() > 0 for part in (targets.core, targets.first))
        rest[rows] = _mean(_scored(model, targets.first.take(rows)), core & ~first)
        same[rows] = _mean(_scored(model, targets.core.take(rows)), core)
        scores = _scored(model, targets.without.take(rows))
        inside[rows] = scores[np.arange(len(rows)), targets.inside[rows]]
        outside[rows] = scores[np.arange(len(rows)), targets.outside[rows]]
    return {"rest": rest, "same": same, "in": inside, "out": outside}


def _scored(model: Scorer, shown: Histories) -> Floats:
    """(rows, num_items): scores for strangers with these histories, standardised over the items they do not have."""
    scores = model.score(UserBatch(np.full(len(shown), UNKNOWN), shown)).astype(np.float64)
    others = np.where(shown.matrix.toarray() > 0, np.nan, scores)
    spread = np.nanstd(others, axis=1, keepdims=True)
    return np.asarray((scores - np.nanmean(others, axis=1, keepdims=True)) / np.maximum(spread, 1e-12))


def _mean(scores: Floats, wanted: Flags) -> Floats:
    return np.asarray((scores * wanted).sum(1) / np.maximum(1, wanted.sum(1)))


def _attacked(values: Mapping[str, Floats], inside: Flags, models: int, rng: np.random.Generator) -> Leakage:
    """Both attacks. `values` (n, models) of each statistic; `inside`: which model saw whom."""
    chosen = rng.permutation(len(inside)) < len(inside) // 2
    signals = {name: _calibrated(values[name], inside) for name in ("rest", "same")}
    by_name = {name: auc(one[chosen].ravel(), inside[chosen].ravel()) for name, one in signals.items()}
    best = max(by_name, key=lambda name: by_name[name])
    user = _measured(best, signals[best][~chosen], inside[~chosen], rng)
    pairs = np.stack([_calibrated(values[name], inside) for name in ("in", "out")], axis=2)
    pairs[~inside] = np.nan  # who was not in the data has nothing that was
    labels = np.broadcast_to(np.array([True, False]), pairs.shape)
    interaction = _measured("item", pairs.reshape(len(inside), -1), labels.reshape(len(inside), -1), rng)
    return Leakage(user, interaction, len(inside), models)


def _calibrated(values: Floats, inside: Flags) -> Floats:
    """(n, models): less the mean of the other models that did not see the user."""
    out = np.where(inside, 0.0, values)
    others = (~inside).sum(1, keepdims=True) - ~inside
    return np.asarray(values - (out.sum(1, keepdims=True) - out) / others)


def _measured(name: str, signals: Floats, labels: Flags, rng: np.random.Generator) -> Attack:
    """Area and interval; rows are users, who are drawn whole. Cells without a signal do not count."""

    def area(rows: NDArray[np.int64]) -> float:
        scores, truth = signals[rows].ravel(), labels[rows].ravel()
        known = np.isfinite(scores)
        return auc(scores[known], truth[known])

    everybody = np.arange(len(signals))
    drawn = [area(rng.integers(0, len(signals), len(signals))) for _ in range(ROUNDS)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    known = np.isfinite(signals)
    negatives = signals[known & ~labels]
    sure = float(np.mean(signals[known & labels] > np.quantile(negatives, 1 - FALSE_ALARMS)))
    return Attack(name, area(everybody), float(low), float(high), sure)
