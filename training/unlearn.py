"""Models in closed form forget users exactly: afterwards they are what a fit without these users would have made.

What such a model counts is a sum over users, so that a user can be taken off it. EASE's inverse P of A = X^T X + reg I
follows its downdate by the Woodbury identity: with V (num_items, k) the rows of the k users that go,

    (A - V V^T)^-1 = P + P V (I - V^T P V)^-1 V^T P.

P itself comes back from the weights and its diagonal, which the model keeps: P = (I - B) diag(P).
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

RANK = 8
"""Up to an n-th part of n items in users, the downdate costs less than solving anew."""


class Unlearning(Protocol):
    """A model that forgets. `rows`: what it was fitted on (`TrainingData.rows`); `gone`: positions of rows in it.

    Afterwards the model is what `fit` on the other rows makes, to 1e-4. `tests/training/test_unlearn.py` holds every
    model with this method to that.
    """

    def unlearn(self, rows: csr_matrix, gone: NDArray[np.int64]) -> Self: ...


def without(rows: csr_matrix, gone: NDArray[np.int64]) -> csr_matrix:
    """The rows that stay, in order."""
    kept = np.ones(rows.shape[0], np.bool_)
    kept[gone] = False
    return csr_matrix(rows[np.flatnonzero(kept)])


def downdated(
    weights: NDArray[np.float32], variances: NDArray[np.float32], leaving: csr_matrix
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """B and the diagonal of P, of EASE without the users whose rows are `leaving` (k, num_items).

    `weights`, `variances`: the same with them.
    """
    inverse = weights * -variances
    np.fill_diagonal(inverse, variances)
    spread = np.asarray((leaving @ inverse).T, np.float32)  # P is symmetric
    core = np.eye(leaving.shape[0]) - leaving @ spread.astype(np.float64)
    inverse += spread @ np.linalg.solve(core, spread.T.astype(np.float64)).astype(np.float32)
    after = np.diag(inverse).copy()
    inverse /= -after
    np.fill_diagonal(inverse, 0)
    return inverse, after
