"""Listwise learning to rank of events: weights of signals under which what people went to stands above the rest.

Between the signals and the task. With z(u, e) the signals, standardised over the lists that are learned from, and
T(u) what u went to among the candidates C(u),

    score(u, e) = w . z(u, e),   loss = - mean_u mean_{t in T(u)} log softmax_{C(u)}(score)(t) + regularization |w|^2,

the top-one likelihood of ListNet (Cao et al. 2007, «Learning to rank: from pairwise approach to listwise approach»),
known as the conditional logit of choices (McFadden 1974). Convex; solved by L-BFGS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.events.cut import Lists
from training.events.matrices import Floats
from training.metrics import TARGET, per_user
from training.topk import top_k

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Regularizations that validation chooses from."""
FOLDS = 5
BARRED = -1e4
"""Added to the score of what is not ranked: its chance is nought."""
KS = (10, 20)


@dataclass(frozen=True)
class EventRanker:
    """`weights` (signals,) of the standardised signals of `names`; `mean` and `deviation` (signals,) are theirs."""

    names: tuple[str, ...]
    mean: Floats
    deviation: Floats
    weights: NDArray[np.float64]
    regularization: float

    def score(self, signals: Floats) -> Floats:
        """(batch, candidates) of (batch, candidates, signals), in the order of `names`."""
        return np.asarray((signals - self.mean) @ (self.weights / self.deviation).astype(np.float32))


def fit_ranker(names: tuple[str, ...], signals: Floats, lists: Lists, *, regularization: float) -> EventRanker:
    """Learns from the (lists, candidates, signals) of `lists`."""
    mean = signals.mean((0, 1))
    deviation = signals.std((0, 1))
    deviation = np.where(deviation > 1e-6, deviation, np.inf).astype(np.float32)  # what never differs gets no say
    z = ((signals - mean) / deviation).reshape(-1, len(names))
    share = (lists.relevant.toarray() / np.diff(lists.relevant.indptr)[:, None]).astype(np.float32)
    barred = np.where(lists.excluded.toarray() > 0, BARRED, 0).astype(np.float32)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = (z @ weights.astype(np.float32)).reshape(share.shape) + barred
        scores -= scores.max(1, keepdims=True)
        chances = np.exp(scores)
        total = chances.sum(1, keepdims=True)
        cost = float((np.log(total, dtype=np.float64).sum() - np.vdot(share, scores)) / len(lists))
        error = (chances / total - share).ravel() / np.float32(len(lists))
        slope = (error @ z).astype(np.float64) + 2 * regularization * weights
        return cost + regularization * float(weights @ weights), slope

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B")
    return EventRanker(names, mean, deviation, np.asarray(found.x), regularization)


def measure(scores: Floats, lists: Lists, ks: Sequence[int] = KS) -> dict[str, NDArray[np.float64]]:
    """Each measure by person, of scores (lists, candidates); ties count against, as everywhere."""
    found = np.array(scores, np.float32)
    rows, places = lists.relevant.nonzero()
    found[rows, places] = np.nextafter(found[rows, places], np.float32(-np.inf))
    ranking = top_k(found, lists.excluded, max(ks))[0]
    return per_user(ranking, lists.relevant, ks)


def cross_scores(
    names: tuple[str, ...], signals: Floats, lists: Lists, *, regularization: float, seed: int = 42
) -> Floats:
    """(lists, candidates): everybody scored by weights that were learned from other people."""
    fold = np.random.default_rng(seed).permutation(len(lists)) % FOLDS
    scores = np.zeros(signals.shape[:2], np.float32)
    for number in range(FOLDS):
        others, own = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        ranker = fit_ranker(names, signals[others], lists.take(others), regularization=regularization)
        scores[own] = ranker.score(signals[own])
    return scores


def choose_strength(
    names: tuple[str, ...], signals: Floats, lists: Lists, *, seed: int = 42
) -> tuple[float, dict[str, NDArray[np.float64]]]:
    """The regularization whose cross-fitted ndcg@10 is best, and its cross-fitted measures by person."""
    tried = {
        strength: measure(cross_scores(names, signals, lists, regularization=strength, seed=seed), lists)
        for strength in STRENGTHS
    }
    best = max(tried, key=lambda strength: float(tried[strength][TARGET].mean()))
    return best, tried[best]
