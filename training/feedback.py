"""How much each kind of interaction counts, and each value of it: learned from what it says of hidden likings.

After the split, within a model's fit. Interactions fall into classes (`viewed`, `rated 2`, `listened` for long). With
X_c the binary interactions of class c and B a model's item-item weights, a user's scores are linear in the weights:

    score(u) = sum_c w_c (X_c B)_u,

so from one fit on what is left after a tenth of some users' likings was hidden, w is found by coordinate ascent on how
high these are ranked; B is fitted again with the new w, `ROUNDS` times. Nothing says beforehand that a purchase counts
more than a view, or that a skip speaks against: what helps to find likings does. The weights stand only if, on users
whom they were not learned from, they rank better than the plain likings do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.feedback import Weighing, pair_weights
from training.data import Feedback, HeldOut, Histories
from training.evaluate import BLOCK_CELLS
from training.significance import Comparison, paired_test
from training.stacking import Candidates
from training.topk import top_k

MOST_VALUES = 12
"""Different values of a kind up to which each is a class of its own; of more, fifths."""
LEAST = 50
"""Interactions without which a class is joined with the next one."""
HIDDEN = 0.2
MOST_USERS = 2_000
ROUNDS = 2
SWEEPS = 2
DEPTH = 100
STEPS = (-1.0, -0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
LIKING = 0.5
"""Share of likings from which a class counts as one before anything is learned."""

Fit = Callable[[csr_matrix], NDArray[np.float32]]
"""(users, items) weights of what people did -> (items, items) weights by which a row of them is multiplied."""


@dataclass(frozen=True)
class Learned:
    """`weighing` is what stands. `learned`: is it the learned weights; `comparison`: their ndcg@10 against that of
    plain likings, on users they were not learned from.
    """

    weighing: Weighing
    learned: bool
    comparison: Comparison | None = None

    def json(self) -> dict[str, Any]:
        """For model cards."""
        weights = zip(self.weighing.names(), self.weighing.weight.tolist(), strict=True)
        compared = {} if self.comparison is None else {
            "difference": self.comparison.difference, "low": self.comparison.low, "high": self.comparison.high,
            "p_value": self.comparison.p_value,
        }  # fmt: skip
        return {"weights": {name: round(one, 4) for name, one in weights}, "learned": self.learned, **compared}


def classes_of(said: Feedback) -> Weighing:
    """The classes that these interactions fall into, each counting 0."""
    found: list[tuple[int, float, float]] = []
    for kind in np.unique(said.kind).tolist():
        value = said.value[said.kind == kind]
        found += [(kind, np.nan, np.nan)] if np.isnan(value).any() else []
        edges = _edges(value[~np.isnan(value)])
        found += [(kind, low, high) for low, high in pairwise(edges)]
    kinds, low, high = (np.array(column) for column in zip(*found, strict=True)) if found else (np.empty(0),) * 3
    return Weighing(
        kinds.astype(np.int8), low.astype(np.float32), high.astype(np.float32), np.zeros(len(found), np.float32)
    )


def _edges(value: NDArray[np.float32]) -> list[float]:
    if not len(value):
        return []
    different, counts = np.unique(value, return_counts=True)
    if len(different) > MOST_VALUES:
        cuts = np.unique(np.quantile(value, (0.2, 0.4, 0.6, 0.8)))
        return [-np.inf, *(float(one) for one in cuts if one > different[0]), np.inf]
    edges, held = [-np.inf], 0
    for place in range(len(different) - 1):
        held += int(counts[place])
        if held >= LEAST and counts[place + 1 :].sum() >= LEAST:
            edges.append(float(different[place] + different[place + 1]) / 2)
            held = 0
    return [*edges, np.inf]


def plain(classes: Weighing, said: Feedback, likes: csr_matrix) -> Weighing:
    """Classes that are mostly likings count 1, the others nothing: what a model without feedback reads."""
    place = classes.classes(said.kind, said.value)
    liked = np.asarray(likes[said.rows, said.items]).ravel() > 0
    share = np.bincount(place, liked, len(classes)) / np.maximum(1, np.bincount(place, minlength=len(classes)))
    return replace(classes, weight=(share >= LIKING).astype(np.float32))


def weighed(said: Feedback, weighing: Weighing, num_items: int) -> csr_matrix:
    """(users, items): what each did with each item counts."""
    weights = weighing.of(said.kind, said.value)
    rows, items, values = pair_weights(said.rows, said.items, weights)
    return csr_matrix((values, (rows, items)), shape=(len(said.indptr) - 1, num_items), dtype=np.float32)


def learn_weighing(known: Histories, fit: Fit, *, seed: int = 42) -> Learned:
    """Of `known.said`, for a model that `fit` fits; a liking counts 1 on average."""
    assert known.said is not None
    classes = classes_of(known.said)
    start = plain(classes, known.said, known.matrix)
    held_out, said = _hide(known, known.said, seed)
    if len(classes) < 2 or len(held_out) < 2 * LEAST:
        return Learned(start, False)
    half = np.random.default_rng(seed).permutation(len(held_out))
    mine, others = np.sort(half[::2]), np.sort(half[1::2])
    found = start
    for _ in range(ROUNDS):
        weights = fit(weighed(said, found, known.num_items))
        found = _ascend(_candidates(held_out.take(mine), found, weights), found)
        found = _scaled(found, known.said, known.matrix)
    asked = held_out.take(others)
    with_it, without = (
        _ndcg(asked, one, fit(weighed(said, one, known.num_items))) for one in (found, start)
    )  # fmt: skip
    test = paired_test(with_it, without, seed=seed)
    return Learned(found if test.difference > 0 else start, test.difference > 0, test)


def _hide(known: Histories, said: Feedback, seed: int) -> tuple[HeldOut, Feedback]:
    """Some users' likings to be found, with what else is known of them, and all that everybody did without these."""
    rng, matrix = np.random.default_rng(seed), known.matrix
    enough = np.flatnonzero(np.diff(matrix.indptr) >= 1 / HIDDEN)
    users = np.sort(rng.permutation(enough)[:MOST_USERS]).astype(np.int64)
    hidden = matrix[users]
    hidden.data = (rng.random(hidden.nnz) < HIDDEN).astype(np.float32)
    hidden.eliminate_zeros()
    users, hidden = users[np.diff(hidden.indptr) > 0], hidden[np.diff(hidden.indptr) > 0]
    of_user = np.full(len(known), -1, np.int64)
    of_user[users] = np.arange(len(users))
    row = of_user[said.rows]
    gone = np.zeros(len(row), np.bool_)
    gone[row >= 0] = np.asarray(hidden[row[row >= 0], said.items[row >= 0]]).ravel() > 0
    indptr = np.concatenate([[0], np.cumsum(~gone)])[said.indptr].astype(np.int64)
    left = Feedback(indptr, said.items[~gone], said.kind[~gone], said.value[~gone])
    rest = replace(known.take(users), said=left.take(users))
    seen = csr_matrix(
        (np.ones(len(rest.said.items), np.float32), rest.said.items, rest.said.indptr), shape=hidden.shape
    ) if rest.said is not None else hidden  # fmt: skip
    return HeldOut(users, hidden, seen, rest), left


def _parts(said: Feedback, classes: Weighing, num_items: int) -> list[csr_matrix]:
    """X_c of each class: a pair counts for the class that says most of it."""
    place = classes.classes(said.kind, said.value)
    weights = np.abs(np.append(classes.weight, 0)[place]) + 1e-3
    order = np.lexsort((weights, said.items, said.rows))
    rows, items, place = said.rows[order], said.items[order], place[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (np.diff(rows) != 0) | (np.diff(items) != 0)
    rows, items, place = rows[last], items[last], place[last]
    shape = (len(said.indptr) - 1, num_items)
    return [
        csr_matrix((np.ones(int((place == one).sum()), np.float32), (rows[place == one], items[place == one])), shape)
        for one in range(len(classes))
    ]


def _candidates(held_out: HeldOut, classes: Weighing, weights: NDArray[np.float32]) -> Candidates:
    """Each class's scores of the items that are hidden and of those that rank high by now or by one class."""
    num_items = held_out.relevant.shape[1]
    step = max(1, BLOCK_CELLS // (num_items * (len(classes) + 1)))
    found = []
    for start in range(0, len(held_out), step):
        block = held_out.take(np.arange(start, min(start + step, len(held_out))))
        assert block.histories.said is not None
        parts = [np.asarray(one @ weights, np.float32) for one in _parts(block.histories.said, classes, num_items)]
        kept = np.asarray(block.relevant.toarray() > 0)
        relevant = kept.copy()
        now = np.tensordot(classes.weight, np.stack(parts), 1).astype(np.float32)
        for scores in (now, *parts):
            masked = scores.copy()
            block.mask(masked)
            best = top_k(masked, None, min(DEPTH, num_items))[0]
            rows, places = np.nonzero(best >= 0)
            kept[rows, best[rows, places]] = True
        seen = block.excluded.tocoo()
        kept[seen.row, seen.col] = False
        rows, items = np.nonzero(kept)
        found.append((np.stack([one[rows, items] for one in parts], 1), relevant[rows, items], kept.sum(1)))
    scores, relevant, lengths = (np.concatenate(column) for column in zip(*found, strict=True))
    counts = np.diff(held_out.relevant.indptr).astype(np.int64)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Candidates(scores.astype(np.float32), relevant, indptr, counts, np.arange(len(held_out)))


def _ascend(held: Candidates, start: Weighing) -> Weighing:
    """One class's weight after the other at the step that ranks best; a change must show to be made."""
    weights = start.weight.astype(np.float32)
    best = held.quality(held.scores @ weights)
    for _ in range(SWEEPS):
        before = weights.copy()
        for place in range(len(weights)):
            others = held.scores @ np.where(np.arange(len(weights)) == place, 0, weights).astype(np.float32)
            column = held.scores[:, place]
            for step in STEPS:
                quality = held.quality(others, np.float32(step) * column)
                if quality > best + 1e-6:
                    best, weights[place] = quality, step
        if np.array_equal(before, weights):
            break
    return replace(start, weight=weights)


def _scaled(found: Weighing, said: Feedback, likes: csr_matrix) -> Weighing:
    """A liking counts 1 on average."""
    liked = np.asarray(likes[said.rows, said.items]).ravel() > 0
    mean = float(found.of(said.kind[liked], said.value[liked]).mean()) if liked.any() else 0.0
    return replace(found, weight=(found.weight / mean).astype(np.float32)) if mean > 0 else found


def _ndcg(held_out: HeldOut, weighing: Weighing, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """(users,) ndcg@10."""
    held = _candidates(held_out, weighing, weights)
    return held.ndcg_of(held.scores @ weighing.weight.astype(np.float32), 10)
