"""The evaluator: full ranking of the whole catalogue in blocks of users, per-user measures kept.

After the fit. The only reader of a test part. Ties count against the model: at equal scores an irrelevant item stands
before a relevant one, so a model that gives everybody the same score earns nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData
from training.data import HeldOut
from training.metrics import KS, beyond_accuracy, means, per_user
from training.prepare import Prepared
from training.recommender import Scorer
from training.topk import top_k

BLOCK_CELLS = 2_000_000
"""Scores held at once (users x items): 8 MB."""


@dataclass(frozen=True)
class Evaluation:
    """`metrics`: means over users and catalogue measures. `per_user`: each accuracy measure by user, for paired tests.

    `users` (n,) are their positions; `ranking` (n, max k) the items shown, -1 where fewer exist. `cost` of the ranking:
    `rank_cpu_s` (CPU seconds of all threads) and `rank_ms_a_user` (elapsed).
    """

    metrics: Mapping[str, float]
    per_user: Mapping[str, NDArray[np.float64]]
    users: NDArray[np.int64]
    ranking: NDArray[np.int32]
    cost: Mapping[str, float] = field(default_factory=dict)


def rank(recommender: Scorer, held_out: HeldOut, depth: int) -> NDArray[np.int32]:
    """(users, depth) best items that may be ranked, ties against the model. Raises `InvalidData` for NaN scores."""
    num_items = held_out.relevant.shape[1]
    step = max(1, BLOCK_CELLS // max(1, num_items))
    ranking = np.empty((len(held_out), depth), np.int32)
    for start in range(0, len(held_out), step):
        rows = slice(start, start + step)
        scores = np.array(recommender.score(held_out.batch(rows)), dtype=np.float32)
        if np.isnan(scores).any():
            raise InvalidData(f"model {recommender.name!r} gave NaN scores", valid="finite scores or -inf",
                              remedy="lower its learning rate or raise its regularization")  # fmt: skip
        if held_out.candidates is not None:
            ranking[rows] = _among_candidates(scores, held_out.take(np.arange(len(held_out))[rows]), depth)
            continue
        _lower_relevant(scores, held_out, rows)
        if held_out.limited:
            held_out.mask(scores, rows)
        ranking[rows] = top_k(scores, held_out.excluded[rows], depth)[0]
    return ranking


def _among_candidates(scores: NDArray[np.float32], held_out: HeldOut, depth: int) -> NDArray[np.int32]:
    """As below of the few that are ranked: (users, depth), without a pass over the whole catalogue."""
    candidates = held_out.candidates
    assert candidates is not None  # asked before
    counts, num_items = np.diff(candidates.indptr), scores.shape[1]
    row, item = np.repeat(np.arange(len(counts)), counts), candidates.indices.astype(np.int64)
    place = np.arange(len(row)) - np.repeat(candidates.indptr[:-1], counts)
    key = row * num_items + item
    found = scores[row, item]
    found = np.where(np.isin(key, _keys(held_out.relevant)), np.nextafter(found, np.float32(-np.inf)), found)
    barred = np.isin(key, _keys(held_out.excluded))
    if held_out.only is not None:
        barred |= ~held_out.only[item]
    few = np.full((len(counts), max(depth, int(counts.max(initial=0)))), -np.inf, np.float32)
    names = np.full(few.shape, -1, np.int32)
    few[row, place], names[row, place] = np.where(barred, -np.inf, found), item
    best = top_k(few, None, depth)[0]
    return np.where(best >= 0, np.take_along_axis(names, np.maximum(best, 0), 1), -1).astype(np.int32)


def _keys(matrix: csr_matrix) -> NDArray[np.int64]:
    """Each cell as one number."""
    cells = matrix.tocoo()
    return np.asarray(cells.row.astype(np.int64) * matrix.shape[1] + cells.col)


def _lower_relevant(scores: NDArray[np.float32], held_out: HeldOut, rows: slice) -> None:
    """Puts each relevant item a float's breadth below its tie group, in place."""
    relevant = held_out.relevant[rows].tocoo()
    cells = scores[relevant.row, relevant.col]
    scores[relevant.row, relevant.col] = np.nextafter(cells, np.float32(-np.inf))


def evaluate(
    recommender: Scorer,
    held_out: HeldOut,
    *,
    ks: Sequence[int] = KS,
    item_counts: NDArray[np.int64] | None = None,
    num_users: int = 1,
) -> Evaluation:
    """Ranks and measures. With `item_counts` (train interactions an item) coverage, Gini and novelty are there too."""
    began = time.perf_counter(), time.process_time()
    ranking = rank(recommender, held_out, max(ks))
    elapsed, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    cost = {"rank_cpu_s": cpu, "rank_ms_a_user": 1000 * elapsed / max(1, len(held_out))}
    measures = per_user(ranking, held_out.relevant, ks)
    metrics = means(measures)
    if item_counts is not None:
        metrics |= beyond_accuracy(ranking, item_counts, num_users, ks)
    return Evaluation(metrics, measures, held_out.users, ranking, cost)


def on_test(recommender: Scorer, prepared: Prepared, *, ks: Sequence[int] = KS) -> Evaluation:
    """The one look at the test part, catalogue measures included."""
    data = prepared.data
    counts = np.bincount(data.matrix.indices, minlength=data.num_items)
    return evaluate(recommender, prepared.test, ks=ks, item_counts=counts, num_users=data.num_users)
