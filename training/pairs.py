"""Area under the ROC curve of labelled pairs: how often a pair of label 1 scores above one of label 0, ties half.

Read by `training.bench` where a data set gives labels in place of a catalogue to rank. Over all pairs at once (`auc`),
as papers on knowledge graphs report it, and as the mean over users (`gauc`), which asks nothing of scores across users.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from training.data import HeldOut
from training.evaluate import BLOCK_CELLS
from training.recommender import Recommender


def label_scores(recommender: Recommender, held_out: HeldOut) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Score and label of each candidate, in the order of `held_out.candidates`."""
    candidates = held_out.candidates
    if candidates is None:
        raise ValueError("labelled pairs are candidates; this part has none")
    step = max(1, BLOCK_CELLS // candidates.shape[1])
    scores, labels = [], []
    for start in range(0, len(held_out), step):
        rows = slice(start, start + step)
        cells = candidates[rows].tocoo()
        given = recommender.score(held_out.batch(rows))
        scores.append(given[cells.row, cells.col].astype(np.float64))
        labels.append(np.asarray(held_out.relevant[rows].toarray()[cells.row, cells.col] > 0))
    return np.concatenate(scores), np.concatenate(labels)


def auc(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """Mann-Whitney's U over the number of pairs of both kinds; NaN without both."""
    positive = int(labels.sum())
    negative = len(labels) - positive
    if not positive or not negative:
        return float("nan")
    return float((rankdata(scores)[labels].sum() - positive * (positive + 1) / 2) / (positive * negative))


def user_auc(scores: NDArray[np.float64], labels: NDArray[np.bool_], held_out: HeldOut) -> NDArray[np.float64]:
    """(users,) AUC of each user's own pairs."""
    assert held_out.candidates is not None
    ends = held_out.candidates.indptr
    parts = [slice(start, end) for start, end in pairwise(ends)]
    return np.array([auc(scores[part], labels[part]) for part in parts])
