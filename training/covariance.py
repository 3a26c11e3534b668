"""How likings of items go together, what answers say by it, and which items to ask about until some are liked.

What a newcomer says of an item (`GET /v1/onboarding?by=likings`, `interlace bench cold-user --given asked`) shall tell
most of what they would say of all the others. Let p_i be the share of users who met item i, and v_i (d,) its vector in
the truncated SVD of who met what, less p, over the root of the number of users, so that v_i^T v_j is the covariance of
two items and s_i = p_i (1 - p_i) - v_i^T v_i what is an item's own. Items are chosen one after the other (greedy
A-optimal design: Chaloner & Verdinelli 1995, «Bayesian Experimental Design: A Review»), each the one whose answer takes
most from the variance of all items together:

    argmax_i v_i^T C M C v_i / (s_i + v_i^T C v_i),   then   C <- C - C v_i v_i^T C / (s_i + v_i^T C v_i),

M = sum_j v_j v_j^T, C the covariance of what is still unknown of the newcomer's vector, at first I.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, svds

from graph.answers import Answers

DIRECTIONS = 32
MOST_USERS = 100_000
LEAST_OWN = 0.01
"""Of an item's variance that is its own, at least: no answer is certain."""


@dataclass(frozen=True)
class Covariance:
    """`share` (items,) p, `vectors` (items, d) v, `own` (items,) s of the module's docstring, float64."""

    share: NDArray[np.float64]
    vectors: NDArray[np.float64]
    own: NDArray[np.float64]

    def order(self, n: int) -> NDArray[np.int32]:
        """The n items to ask about, in order; fewer where fewer tell anything."""
        size = self.vectors.shape[1]
        if not size:
            return np.argsort(-self.share, kind="stable")[: min(n, int((self.share > 0).sum()))].astype(np.int32)
        unknown, everything = np.eye(size), self.vectors.T @ self.vectors
        chosen: list[int] = []
        left = self.own > 0
        for _ in range(min(n, int(left.sum()))):
            moved = self.vectors @ unknown
            spread = self.own + np.maximum(np.einsum("ij,ij->i", moved, self.vectors), 0)
            told = np.einsum("ij,ij->i", moved @ everything, moved)
            item = int(np.argmax(np.divide(told, spread, out=np.full_like(told, -np.inf), where=left)))
            chosen.append(item)
            left[item] = False
            unknown -= np.outer(moved[item], moved[item]) / spread[item]
        return np.array(chosen, np.int32)

    def answers(self, regularization: float = 1.0) -> Answers:
        """What answers say of everything else: an answer's variance is `regularization` times the item's own."""
        weight = np.divide(1, regularization * self.own, out=np.zeros_like(self.own), where=self.own > 0)
        return Answers(*(np.asarray(one, np.float32) for one in (self.share, self.vectors, weight)))


def covariance(matrix: csr_matrix, directions: int = DIRECTIONS) -> Covariance:
    """Of who met what (users, items), in at most `directions`; own variances are 0 for what nobody or everybody met.

    Users without an item say nothing; of more than `MOST_USERS` others so many are read, evenly spaced.
    """
    matrix = matrix[np.diff(matrix.indptr) > 0]
    if matrix.shape[0] > MOST_USERS:
        matrix = matrix[np.linspace(0, matrix.shape[0] - 1, MOST_USERS).astype(np.int64)]
    users, items = matrix.shape
    share = np.asarray(matrix.sum(0), np.float64).ravel() / max(1, users)
    variance = share * (1 - share)
    size = min(directions, min(matrix.shape) - 1)
    if size < 1 or not variance.any():
        return Covariance(share, np.zeros((items, 0)), variance)
    vectors = _directions(matrix.astype(np.float64), share, size)
    own = variance - np.einsum("ij,ij->i", vectors, vectors)
    return Covariance(share, vectors, np.maximum(own, LEAST_OWN * variance))


def _directions(matrix: csr_matrix, share: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """(items, size); the centred matrix, which would be dense, is never made."""
    centred = LinearOperator(
        matrix.shape,
        matvec=lambda one: matrix @ one.ravel() - share @ one.ravel(),
        rmatvec=lambda one: matrix.T @ one.ravel() - share * one.sum(),
        dtype=np.float64,
    )
    start = np.cos(np.arange(min(matrix.shape)))  # a fixed start: the same data gives the same vectors
    _, values, right = svds(centred, k=size, v0=start)
    return np.asarray(right.T * values / np.sqrt(matrix.shape[0]))
