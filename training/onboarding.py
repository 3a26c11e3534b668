"""Which items to ask a newcomer about who answers n questions: what `GET /v1/onboarding` gives.

What a newcomer says of an item tells most where tastes differ and people know it.
With v_i the items' vectors of a truncated SVD of who liked what, scaled so that users' coordinates have variance one,
and p_i the share of users who met item i, items are chosen one after the other (greedy D-optimal design, as in Anava et
al. 2015, «Budget-Constrained Item Cold-Start Handling», turned to users) by

    argmax_i p_i log(1 + v_i^T C v_i / noise),   then   C <- C - p_i C v_i v_i^T C / (noise + v_i^T C v_i),

C the covariance of what is still unknown of the newcomer. Where not questions but likings are counted, another list
tells more: `training.covariance`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import svds

ASKED = 100
"""Items on the list that is published."""
DIRECTIONS = 32
MOST_USERS = 100_000
NOISE = 1.0


def onboarding(matrix: csr_matrix, n: int, *, noise: float = NOISE, directions: int = DIRECTIONS) -> NDArray[np.int32]:
    """The n items to ask about, in order, by who liked what (users, items); see above."""
    if matrix.shape[0] > MOST_USERS:
        matrix = matrix[np.linspace(0, matrix.shape[0] - 1, MOST_USERS).astype(np.int64)]
    share = np.asarray(matrix.mean(0), np.float64).ravel()
    n = min(n, int((share > 0).sum()))
    size = min(directions, min(matrix.shape) - 1)
    if size < 1 or n < 1:
        return np.argsort(-share, kind="stable")[:n].astype(np.int32)
    vectors = _vectors(matrix, share, size)
    covariance = np.eye(size)
    chosen: list[int] = []
    left = share > 0
    for _ in range(n):
        moved = vectors @ covariance
        spread = np.maximum(np.einsum("ij,ij->i", moved, vectors), 0)
        gain = np.where(left, share * np.log1p(spread / noise), -np.inf)
        item = int(np.argmax(gain))
        chosen.append(item)
        left[item] = False
        covariance -= share[item] * np.outer(moved[item], moved[item]) / (noise + spread[item])
    return np.array(chosen, np.int32)


def _vectors(matrix: csr_matrix, share: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """(items, size): what one standard deviation along each direction of taste moves an item, over its own spread."""
    deviation = np.sqrt(np.maximum(share * (1 - share), 1e-9))
    scaled = (matrix @ diags(1 / deviation)).astype(np.float64)
    start = np.ones(min(matrix.shape))  # a fixed start: the same data gives the same vectors
    _, values, right = svds(scaled, k=size, v0=start)
    return np.asarray(right.T * values / np.sqrt(matrix.shape[0]))
