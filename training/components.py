"""Principal directions of what is known of items: dense vectors of a modality, sparse rows over entities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import EmbeddingTable

COMPONENTS = 128
"""Principal components a modality enters with: a tenth of an image vector's width, and it ranks no worse."""
OVERSAMPLING, POWER_ITERATIONS = 10, 4


def principal_components(
    table: EmbeddingTable, number: int = COMPONENTS
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n, at most `number`): present rows centred, projected on their main directions, unit length on average.

    And what projected them, (width, at most `number`).
    """
    known = table.vectors[table.present].astype(np.float64)
    centred = known - known.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    projected = centred @ directions[:, ::-1][:, :number]
    length = np.sqrt((projected**2).sum(1).mean())
    features = np.zeros((len(table.present), projected.shape[1]), np.float32)
    features[table.present] = projected / max(float(length), 1e-12)
    return features, (directions[:, ::-1][:, :number] / max(float(length), 1e-12)).astype(np.float32)


def main_directions(rows: csr_matrix, number: int) -> NDArray[np.float64]:
    """(width, at most `number`) right singular vectors, largest first, by randomised subspace iteration.

    Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1; the same on every run.
    """
    start = np.random.default_rng(0).standard_normal((rows.shape[1], min(number + OVERSAMPLING, *rows.shape)))
    space, _ = np.linalg.qr(rows @ start)
    for _ in range(POWER_ITERATIONS):
        space, _ = np.linalg.qr(rows @ np.linalg.qr(rows.T @ space)[0])
    _, sizes, right = np.linalg.svd((rows.T @ space).T, full_matrices=False)
    kept = sizes[:number] > 1e-6 * max(1e-12, sizes[0])
    return np.asarray(right[:number][kept].T)
