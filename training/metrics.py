"""Measures of a ranking, per user: the numbers of every table in this project are made here.

A ranking is (users, depth) item indices, best first, -1 where it is too short. Definitions are trec_eval's for binary
relevance (`tests/training/test_metrics.py` compares with ir-measures): recall = hits / relevant, precision = hits / k,
ndcg with the ideal of min(k, relevant), mrr = 1 / rank of the first hit, map = mean precision at the hits / relevant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

KS = (5, 10, 20)
TARGET = "ndcg@10"
"""What early stopping, the race, settings, the blend's weights, ablations and the gate go by."""
ACCURACY = ("recall", "precision", "ndcg", "hr", "mrr", "map")


def hit_matrix(ranking: NDArray[np.int32], relevant: csr_matrix) -> NDArray[np.bool_]:
    """(users, depth): is the item at that rank relevant to that user."""
    users, depth = ranking.shape
    width = np.int64(relevant.shape[1])
    coded = np.repeat(np.arange(users, dtype=np.int64), np.diff(relevant.indptr)) * width + relevant.indices
    asked = np.arange(users, dtype=np.int64)[:, None] * width + np.maximum(ranking, 0)
    found = np.isin(asked.ravel(), coded).reshape(users, depth)
    return np.asarray(found & (ranking >= 0))


def per_user(
    ranking: NDArray[np.int32], relevant: csr_matrix, ks: Sequence[int] = KS
) -> dict[str, NDArray[np.float64]]:
    """Every accuracy measure at every k for every user: `{"ndcg@10": (users,), …}`. Users need a relevant item."""
    hits = hit_matrix(ranking, relevant)
    counts = np.diff(relevant.indptr)
    ranks = np.arange(1, ranking.shape[1] + 1)
    gains = 1 / np.log2(ranks + 1)
    ideal = np.concatenate([[0.0], np.cumsum(gains)])
    precision_at_hits = np.cumsum(hits, axis=1) / ranks * hits
    found: dict[str, NDArray[np.float64]] = {}
    for k in ks:
        top = hits[:, :k]
        any_hit = np.asarray(top.any(1), np.float64)
        found[f"recall@{k}"] = top.sum(1) / counts
        found[f"precision@{k}"] = top.sum(1) / k
        found[f"ndcg@{k}"] = (top * gains[:k]).sum(1) / ideal.take(np.minimum(k, counts))
        found[f"hr@{k}"] = any_hit
        found[f"mrr@{k}"] = any_hit / (1 + top.argmax(1))
        found[f"map@{k}"] = np.asarray(precision_at_hits[:, :k].sum(1) / counts)
    return found


def beyond_accuracy(
    ranking: NDArray[np.int32], item_counts: NDArray[np.int64], num_users: int, ks: Sequence[int] = KS
) -> dict[str, float]:
    """Coverage, Gini and novelty of what is shown.

    `item_counts` (num_items,) are train interactions an item. Coverage: share of the catalogue shown to anybody. Gini:
    0 when every item is shown equally often, towards 1 when few get all. Novelty: mean of -log2(share of users who
    know the item), items nobody knows counted as known to one (Zhou et al. 2010).
    """
    num_items = len(item_counts)
    surprise = -np.log2(np.maximum(item_counts, 1) / max(1, num_users))
    found: dict[str, float] = {}
    for k in ks:
        shown = ranking[:, :k]
        shown = shown[shown >= 0]
        times = np.bincount(shown, minlength=num_items)
        found[f"coverage@{k}"] = float((times > 0).mean())
        found[f"gini@{k}"] = gini(times)
        found[f"novelty@{k}"] = float(surprise[shown].mean()) if len(shown) else 0.0
    return found


def gini(times: NDArray[np.int64]) -> float:
    """Gini coefficient of how often each item is shown."""
    total = times.sum()
    if total == 0:
        return 0.0
    count = len(times)
    ranked = np.sort(times)
    return float((2 * np.arange(1, count + 1) - count - 1) @ ranked / (count * total))


def means(measures: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """The mean over users of each measure."""
    return {name: float(values.mean()) if len(values) else 0.0 for name, values in measures.items()}
