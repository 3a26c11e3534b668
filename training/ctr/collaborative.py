"""Collaborative scores of labelled pairs: what people who agree with the user said of the item.

Statistics for `training.ctr.statistics.out_of_fold`. Each works on the residual of the label after the biases of item
and user (Koren, Bell & Volinsky 2009, eq. 3): r = y - mu - b_i - b_u.

`factors`: matrix factorisation by alternating least squares, min sum (r - p_u q_i)^2 + reg (|p|^2 + |q|^2) (Koren, Bell
& Volinsky 2009, eq. 4). `neighbours`: the item-item regression of EASE (Steck 2019, eq. 8: B = I - P diag(P)^-1,
P = (X'X + reg I)^-1) with the residuals as X.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import Interactions
from training.ctr.statistics import FloatArray

MAX_ITEMS = 6000
"""Items of the regression, the most labelled ones: its matrix is dense and is inverted once a fold."""

SHRINKAGE = 5.0


@dataclass(frozen=True)
class CollaborativeConfig:
    """`embedding_size`, `regularization` of the factors, `ridge` of the regression, `shrinkage` rows of the biases."""

    embedding_size: int = 16
    regularization: float = 8.0
    iterations: int = 6
    ridge: float = 80.0
    shrinkage: float = SHRINKAGE
    seed: int = 42


SCORES = ("bias", "factors", "neighbours")


def scores(known: Interactions, asked: Interactions, config: CollaborativeConfig, shape: tuple[int, int]) -> FloatArray:
    """(len(asked), 3): bias b_i + b_u, factors' and neighbours' score of the residual. `shape` is (users, items)."""
    user_bias, item_bias, mean = biases(known, config.shrinkage, shape)
    residual = known.value - mean - user_bias[known.user] - item_bias[known.item]
    matrix = csr_matrix((residual.astype(np.float32), (known.user, known.item)), shape=shape)
    users, items = factors(matrix, config)
    return np.stack(
        [
            user_bias[asked.user] + item_bias[asked.item],
            np.einsum("nd,nd->n", users[asked.user], items[asked.item]),
            neighbours(matrix, config.ridge, asked),
        ],
        1,
    ).astype(np.float32)


def biases(
    known: Interactions, shrinkage: float, shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Of users, of items, and the mean: shrunk towards zero by as many rows."""
    mean = float(known.value.mean())
    user_bias, item_bias = np.zeros(shape[0]), np.zeros(shape[1])
    for _round in range(3):
        item_bias = _shrunk(known.item, known.value - mean - user_bias[known.user], shrinkage, shape[1])
        user_bias = _shrunk(known.user, known.value - mean - item_bias[known.item], shrinkage, shape[0])
    return user_bias, item_bias, mean


def _shrunk(of: NDArray[np.int32], value: NDArray[np.float64], shrinkage: float, size: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(of, value, minlength=size) / (np.bincount(of, minlength=size) + shrinkage))


def factors(matrix: csr_matrix, config: CollaborativeConfig) -> tuple[FloatArray, FloatArray]:
    """(users, d), (items, d). Only the pairs that are stored count, a stored zero too."""
    rng = np.random.default_rng(config.seed)
    items = (rng.standard_normal((matrix.shape[1], config.embedding_size)) * 0.1).astype(np.float32)
    columns = matrix.T.tocsr()
    users = _solved(matrix, items, config.regularization)
    for _iteration in range(config.iterations):
        items = _solved(columns, users, config.regularization)
        users = _solved(matrix, items, config.regularization)
    return users, items


def _solved(matrix: csr_matrix, other: FloatArray, regularization: float) -> FloatArray:
    """Ridge regression of each row on the other side's factors, all rows at once."""
    size = other.shape[1]
    stored = csr_matrix((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
    squares = (other[:, :, None] * other[:, None, :]).reshape(len(other), size * size)
    gram = (stored @ squares).reshape(-1, size, size) + regularization * np.eye(size, dtype=np.float32)
    return np.asarray(np.linalg.solve(gram, (matrix @ other)[:, :, None])[:, :, 0], np.float32)


def neighbours(matrix: csr_matrix, ridge: float, asked: Interactions) -> FloatArray:
    """(len(asked),) score of each asked pair from what its user said of other items; 0 outside the kept items."""
    count = np.diff(matrix.tocsc().indptr)
    kept = np.sort(np.argsort(-count, kind="stable")[:MAX_ITEMS])
    kept = kept[count[kept] > 0]
    place = np.full(matrix.shape[1], -1)
    place[kept] = np.arange(len(kept))
    history = matrix[:, kept].tocsr()
    gram = np.asarray((history.T @ history).todense(), np.float32)
    gram[np.diag_indices_from(gram)] += ridge
    weights = np.linalg.inv(gram)
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0.0)
    found = np.zeros(len(asked), np.float32)
    known = np.flatnonzero(place[asked.item] >= 0)
    by_user = known[np.argsort(asked.user[known], kind="stable")]
    for block in np.array_split(by_user, max(1, len(by_user) // 20_000)):
        users, row = np.unique(asked.user[block], return_inverse=True)
        predicted = history[users] @ weights
        found[block] = predicted[row, place[asked.item[block]]]
    return found


AFFINITY = ("attribute affinity",)


def affinity(known: Interactions, asked: Interactions, attributes: csr_matrix, shape: tuple[int, int]) -> FloatArray:
    """(len(asked), 1): mean over the item's attributes of the user's mean residual on items that have it, shrunk.

    `attributes` (items, attributes) of ones.
    """
    user_bias, item_bias, mean = biases(known, SHRINKAGE, shape)
    residual = known.value - mean - user_bias[known.user] - item_bias[known.item]
    said = csr_matrix((residual, (known.user, known.item)), shape=shape) @ attributes
    heard = csr_matrix((np.ones(len(known)), (known.user, known.item)), shape=shape) @ attributes
    found = np.zeros(len(asked))
    step = 50_000
    for start in range(0, len(asked), step):
        user, item = asked.user[start : start + step], asked.item[start : start + step]
        mine = attributes[item]
        sums, counts = said[user].multiply(mine).tocsr(), heard[user].multiply(mine).tocsr()
        counts.data = 1.0 / (counts.data + SHRINKAGE)
        total = np.asarray(sums.multiply(counts).sum(1)).ravel()
        found[start : start + step] = total / np.maximum(np.diff(mine.indptr), 1)
    return found[:, None].astype(np.float32)
