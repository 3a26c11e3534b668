"""Sessions of somebody nobody knows: what of the items they met, in order, says what comes next, and how much.

Four members score the catalogue for a session: the model itself folded in (`model`), what comes after each item
(`next`), what is met beside it (`together`) and how often an item is met at all (`popular`). Their weights are learned
on the validation part, the model as it was fitted on train: `learn_sessions`. In `next` and `together` an item of a
session that is `age` steps back counts `decay` ** age.

    next:      t_ij = sum over places where j comes d <= WINDOW steps after i of TARGET_DECAY^(d - 1)
               / (n_i n_j)^1/2, the counted transitions from i and to j
    together:  ItemKNN's weights (`training.models.item_knn`)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from graph.snapshot import Interactions
from training.blend import standardise
from training.data import UNKNOWN, HeldOut, Histories, TrainingData, UserBatch
from training.evaluate import evaluate
from training.metrics import TARGET
from training.models.item_knn import ItemKNN
from training.models.linear_sequence import decayed
from training.near import near
from training.recommender import Scorer
from training.stacking import candidates, learn

MODEL, NEXT, TOGETHER, POPULAR = "model", "next", "together", "popular"
LAST = 10
"""Newest items of a session that are read."""
WINDOW = 5
"""Steps between two items that still count as one after the other."""
TARGET_DECAY = 0.7
NEIGHBOURS = 100
"""Items kept for each."""
DECAYS = (1.0, 0.8, 0.6, 0.4)
MOST_SESSIONS = 4_000
"""Of validation, that weights are learned on."""


@dataclass(frozen=True)
class SessionWeights:
    """`weights` by member, 0 and up, together 1; `decay` a step back. `sessions`: how many they were learned on."""

    weights: Mapping[str, float]
    decay: float
    sessions: int = 0
    validation: Mapping[str, float] | None = None
    """ndcg@10 on validation of each member alone, and of the blend."""

    def json(self) -> dict[str, Any]:
        return {"weights": dict(self.weights), "decay": self.decay, "sessions": self.sessions,
                "validation": dict(self.validation or {})}  # fmt: skip


@dataclass(frozen=True)
class ItemScores:
    """score = decayed session @ weights."""

    name: str
    weights: csr_matrix
    decay: float

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return np.asarray((decayed(users.histories, self.decay, LAST) @ self.weights).toarray(), np.float32)


@dataclass(frozen=True)
class SameForAll:
    """log(1 + interactions) of every item."""

    scores: NDArray[np.float32]
    name: str = POPULAR

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return np.broadcast_to(self.scores, (len(users), len(self.scores))).copy()


@dataclass(frozen=True)
class Mixed:
    """The members' scores, each standardised over the catalogue, weighed and added."""

    parts: Sequence[Scorer]
    weights: Mapping[str, float]
    name: str = "session"

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        total = np.zeros((len(users), users.histories.num_items), np.float32)
        for part in self.parts:
            if part.name in self.weights:
                total += np.float32(self.weights[part.name]) * standardise(part.score(users))
        return total


@dataclass(frozen=True)
class FoldedIn:
    """The model, told the session and not whose it is."""

    model: Scorer
    name: str = MODEL

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return self.model.score(UserBatch(np.full(len(users), UNKNOWN), users.histories))


def transitions(histories: Histories) -> csr_matrix:
    """(items, items) float32: row = item met, column = item that comes next; the best `NEIGHBOURS` of each row."""
    found = near(histories, TARGET_DECAY ** np.arange(WINDOW)).counts
    scale = [1 / np.sqrt(np.maximum(np.asarray(found.sum(axis=axis)).ravel(), 1e-12)) for axis in (1, 0)]
    return strongest(csr_matrix(diags(scale[0]) @ found @ diags(scale[1]), dtype=np.float32), NEIGHBOURS)


def strongest(matrix: csr_matrix, k: int) -> csr_matrix:
    """The k largest entries of each row; among equals the smaller column."""
    matrix.sort_indices()
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    place = np.arange(len(order)) - matrix.indptr[rows[order]]
    kept = np.sort(order[place < k])
    found = csr_matrix((matrix.data[kept], (rows[kept], matrix.indices[kept])), shape=matrix.shape)
    found.sort_indices()
    return found


def together(data: TrainingData) -> csr_matrix:
    """(items, items): row = item met, column = item that the same people met."""
    return ItemKNN().fit(data).weights


def held_sessions(train: Interactions, held: Interactions, num_items: int, *, seed: int = 42) -> HeldOut:
    """For each held-out interaction (at most `MOST_SESSIONS` of them): what its user did in train until then, as
    somebody's whose past is unknown. Both parts sorted by user and time; what has nothing before it is left out.
    """
    key = np.lexsort((train.time, train.user))
    user, time, item = train.user[key], train.time[key], train.item[key]
    start = np.searchsorted(user, held.user, "left")
    stop = np.searchsorted(user, held.user, "right")
    end = np.array([low + np.searchsorted(time[low:high], at, "right")
                    for low, high, at in zip(start, stop, held.time, strict=True)], np.int64)  # fmt: skip
    some = np.flatnonzero(end > start)
    if len(some) > MOST_SESSIONS:
        some = np.sort(np.random.default_rng(seed).choice(some, MOST_SESSIONS, replace=False))
    spans = [np.arange(max(low, high - LAST), high) for low, high in zip(start[some], end[some], strict=True)]
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in spans])]).astype(np.int64)
    places = np.concatenate(spans) if spans else np.empty(0, np.int64)
    known = Histories(indptr, item[places], time[places], num_items)
    ones = np.ones(len(some), np.float32)
    relevant = csr_matrix((ones, (np.arange(len(some)), held.item[some])), shape=(len(some), num_items))
    excluded = known.matrix - known.matrix.multiply(relevant)
    excluded.eliminate_zeros()
    return HeldOut(np.arange(len(some)), relevant, csr_matrix(excluded), known, newcomers=True)


def members(
    model: Scorer, data: TrainingData, decay: float = 1.0
) -> tuple[FoldedIn, SameForAll, ItemScores, ItemScores]:
    """The four of them, as they are for histories of `data`."""
    return FoldedIn(model), SameForAll(popular(data.histories)), *counted(data, decay)


def popular(histories: Histories) -> NDArray[np.float32]:
    """(items,): log(1 + how often each was met)."""
    return np.log1p(np.bincount(histories.items, minlength=histories.num_items)).astype(np.float32)


def counted(data: TrainingData, decay: float) -> tuple[ItemScores, ItemScores]:
    """`next` and `together`."""
    return ItemScores(NEXT, transitions(data.histories), decay), ItemScores(TOGETHER, together(data), decay)


def learn_sessions(model: Scorer, data: TrainingData, held_out: HeldOut, *, seed: int = 42) -> SessionWeights | None:
    """The weights and the decay that are best on these sessions; None where there are none. `model` and `data`: what
    was fitted on train.
    """
    if not len(held_out):
        return None
    folded, common, *sparse = members(model, data)
    alone = {decay: sum(evaluate(replace(one, decay=decay), held_out, ks=(10,)).metrics[TARGET]
                        for one in sparse) for decay in DECAYS}  # fmt: skip
    decay = max(DECAYS, key=lambda one: alone[one])
    every: list[Scorer] = [folded, common]
    every += [replace(one, decay=decay) for one in sparse]
    found = learn(candidates(every, held_out, seed=seed), seed=seed)
    weights = {one.name: float(weight) for one, weight in zip(every, found, strict=True) if weight > 0}
    measured = {one.name: evaluate(one, held_out, ks=(10,)).metrics[TARGET] for one in every}
    measured["session"] = evaluate(Mixed(every, weights), held_out, ks=(10,)).metrics[TARGET]
    return SessionWeights(weights, decay, len(held_out), measured)
