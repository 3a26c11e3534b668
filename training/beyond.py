"""What a ranking is beside accurate: diverse, calibrated, fair to what few people know. Per user, without test items.

After the ranking. `training.metrics` has accuracy, coverage, Gini and novelty. A list is the first k of a ranking,
(users, depth) item positions, -1 where it is too short; a measure is NaN for a user for whom it is not defined.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import EmbeddingTable, Snapshot

SMOOTHING = 0.01
"""Steck's alpha: so much of the history's distribution is mixed into the list's, so that KL is finite."""
MOST_CATEGORIES = 500
_GENRE = re.compile(r"genre|categor|topic", re.IGNORECASE)


@dataclass(frozen=True)
class Categories:
    """Which kinds an item is of: `shares` (items, categories), rows that add up to one, or are empty: unknown."""

    relation: str
    names: tuple[str, ...]
    shares: csr_matrix


def diversity(ranking: NDArray[np.int32], vectors: csr_matrix | NDArray[np.float32], k: int) -> NDArray[np.float64]:
    """(users,) intra-list diversity: 1 - mean cosine over all pairs of a list (Ziegler et al. 2005, WWW).

    `vectors`: (items, d) of unit length; zero rows are unknown items and left out. NaN with fewer than two known. The
    sum over pairs is (|sum of vectors|^2 - number) / 2, so that no pair is ever formed.
    """
    known = np.asarray(abs(vectors).sum(1)).ravel() > 0
    lists, count = _lists(ranking, known, k)
    total = lists @ vectors
    squared = np.asarray(total.multiply(total).sum(1)).ravel() if isinstance(total, csr_matrix) else (total**2).sum(1)
    pairs = count * (count - 1.0)
    return np.where(pairs > 0, 1 - (squared - count) / np.maximum(pairs, 1), np.nan)


def calibration(
    ranking: NDArray[np.int32], histories: csr_matrix, categories: Categories, k: int
) -> NDArray[np.float64]:
    """(users,) miscalibration: KL(p || q) between categories of a user's history, p, and of the list, q.

    Steck 2018, «Calibrated Recommendations», RecSys, equations 2 to 5 with equal weights: q is smoothed to
    (1 - alpha) q + alpha p. 0: the same proportions. NaN where either has no item of a known category.
    """
    shares = categories.shares
    known = np.diff(shares.indptr) > 0
    lists, count = _lists(ranking, known, k)
    p, q = _proportions(histories, shares, known), _proportions(lists, shares, known)
    mixed = (1 - SMOOTHING) * q + SMOOTHING * p
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / mixed), 0.0)
    defined = (count > 0) & (p.sum(1) > 0)
    return np.where(defined, terms.sum(1), np.nan)


def popularity(
    ranking: NDArray[np.int32], item_counts: NDArray[np.int64], num_users: int, k: int
) -> NDArray[np.float64]:
    """(users,) mean over the list of the share of users who know the item (ARP of Yin et al. 2012, PVLDB, by users)."""
    lists, count = _lists(ranking, np.ones(len(item_counts), bool), k)
    return np.where(count > 0, lists @ (item_counts / max(1, num_users)) / np.maximum(count, 1), np.nan)


def history_popularity(histories: csr_matrix, item_counts: NDArray[np.int64], num_users: int) -> NDArray[np.float64]:
    """(users,) the same of what the users had chosen themselves."""
    count = np.diff(histories.indptr)
    return np.where(count > 0, histories @ (item_counts / max(1, num_users)) / np.maximum(count, 1), np.nan)


def popularity_lift(listed: NDArray[np.float64], chosen: NDArray[np.float64]) -> float:
    """(listed - chosen) / chosen, over users who have both (Abdollahpouri et al. 2020, UMAP). 0: no bias."""
    both = ~(np.isnan(listed) | np.isnan(chosen))
    mean = float(chosen[both].mean()) if both.any() else 0.0
    return (float(listed[both].mean()) - mean) / mean if mean > 0 else float("nan")


def attribute_vectors(snapshot: Snapshot) -> csr_matrix | None:
    """(items, nodes) unit-length indicators of what each item is joined to by triples; None without triples."""
    items, triples = len(snapshot.items), snapshot.triples
    out = triples.head < items
    back = (triples.tail < items) & (triples.head >= items)
    row = np.concatenate([triples.head[out], triples.tail[back]])
    column = np.concatenate([triples.tail[out], triples.head[back]])
    if not len(row):
        return None
    matrix = csr_matrix((np.ones(len(row), np.float64), (row, column)), shape=(items, snapshot.num_nodes))
    matrix.data[:] = 1.0
    lengths = np.sqrt(np.diff(matrix.indptr))
    return _scaled(matrix, lengths)


def embedding_vectors(table: EmbeddingTable) -> NDArray[np.float32]:
    """(items, d) of unit length, zero where unknown."""
    lengths = np.linalg.norm(table.vectors, axis=1, keepdims=True)
    return np.asarray(np.where(table.present[:, None], table.vectors / np.maximum(lengths, 1e-12), 0.0), np.float32)


def categories_of(snapshot: Snapshot) -> Categories | None:
    """The relation that says what kind an item is: one named like a genre, else the one with the fewest values.

    Only relations from items with 2 to `MOST_CATEGORIES` values that cover half of the items with any; None without.
    """
    items, triples = len(snapshot.items), snapshot.triples
    rows = np.flatnonzero((triples.head < items) & (triples.tail >= items))
    if not len(rows):
        return None
    covered = len(np.unique(triples.head[rows]))
    found: list[tuple[bool, int, int]] = []
    for relation in np.unique(triples.relation[rows]):
        mine = rows[triples.relation[rows] == relation]
        values = len(np.unique(triples.tail[mine]))
        if 2 <= values <= MOST_CATEGORIES and 2 * len(np.unique(triples.head[mine])) >= covered:
            found.append((not _GENRE.search(snapshot.relations[relation]), values, int(relation)))
    return _categories(snapshot, min(found)[2]) if found else None


def _categories(snapshot: Snapshot, relation: int) -> Categories:
    items, triples = len(snapshot.items), snapshot.triples
    rows = np.flatnonzero((triples.relation == relation) & (triples.head < items) & (triples.tail >= items))
    nodes, column = np.unique(triples.tail[rows], return_inverse=True)
    matrix = csr_matrix((np.ones(len(rows)), (triples.head[rows], column)), shape=(items, len(nodes)))
    names = tuple(snapshot.entities.ids[node - items].rpartition(":")[2] for node in nodes)
    return Categories(snapshot.relations[relation], names, _scaled(matrix, np.asarray(matrix.sum(1)).ravel()))


def _scaled(matrix: csr_matrix, divisor: NDArray[np.float64]) -> csr_matrix:
    matrix.sum_duplicates()
    matrix.data = matrix.data / np.repeat(np.maximum(divisor, 1e-12), np.diff(matrix.indptr))
    return matrix


def _lists(ranking: NDArray[np.int32], known: NDArray[np.bool_], k: int) -> tuple[csr_matrix, NDArray[np.int64]]:
    """(users, items) indicators of the known items of each list, and how many they are."""
    top = ranking[:, :k]
    there = (top >= 0) & known[np.maximum(top, 0)]
    count = there.sum(1)
    indptr = np.concatenate([[0], np.cumsum(count)])
    lists = csr_matrix((np.ones(indptr[-1]), top[there], indptr), shape=(len(top), len(known)))
    return lists, count


def _proportions(rows: csr_matrix, shares: csr_matrix, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(users, categories): mean share over the known items of each row."""
    total = np.asarray((rows @ shares).todense(), np.float64)
    return np.asarray(total / np.maximum(rows @ known.astype(np.float64), 1e-12)[:, None])


def category_shares(
    ranking: NDArray[np.int32], histories: csr_matrix, categories: Categories, k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(categories,) mean shares of the histories and of the lists, over the users whose calibration is defined."""
    shares = categories.shares
    known = np.diff(shares.indptr) > 0
    lists, count = _lists(ranking, known, k)
    p, q = _proportions(histories, shares, known), _proportions(lists, shares, known)
    defined = (count > 0) & (p.sum(1) > 0)
    return p[defined].mean(0), q[defined].mean(0)
