"""What a machine's arithmetic allows: operations over a measured peak, or bytes over a measured stream.

    python -m benchmarks.limits        # what the core under us does

A computation is a row of phases; each takes at least the longer of its float32 operations at the speed of a matrix
product and its bytes at the speed of a sum of two arrays that fill the same cache. Their sum is a bound that scattered
reads, short rows and branches keep any program from; the share reached says how far. One thread, CPU seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from training.evaluate import BLOCK_CELLS
from training.recommender import FactorForm, Recommender
from training.sparse import BAND

FLOAT = 4
SCATTERED = 3 * FLOAT
"""Bytes of one sum at an index: the index, the old value, the new one."""
CACHED = 1 << 18
"""Rows gathered from a table count at the speed of a stream of at most so many bytes: those read most lie that near."""
SAMPLES = 60
"""Of each rate: the best counts."""
SMALLEST, LARGEST = 1 << 18, 1 << 28
"""Bytes between which a stream is measured: below, the call costs as much as the sum."""


@dataclass(frozen=True)
class Phase:
    """Float operations, bytes that must pass through the core, and bytes of the memory that they lie in."""

    flops: float
    moved: float
    within: float

    def seconds(self) -> float:
        return max(self.flops / matmul_rate(), self.moved / stream_rate(self.within))

    def times(self, count: float) -> Phase:
        return Phase(self.flops * count, self.moved * count, self.within)


def seconds(phases: Iterable[Phase]) -> float:
    return sum(phase.seconds() for phase in phases)


def cpu(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    value = call()
    return value, time.process_time() - started


@cache
def matmul_rate(size: int = 1500) -> float:
    """Float32 operations a second of the best of several square products."""
    one = np.ones((size, size), np.float32)
    with threadpool_limits(1):
        return float(2 * size**3 / min(cpu(lambda: one @ one)[1] for _ in range(SAMPLES)))


def stream_rate(within: float) -> float:
    """Bytes a second, read and written, of c = a + b where the three fill `within` bytes together."""
    return _stream_rate(1 << int(np.log2(min(max(within, SMALLEST), LARGEST))))


@cache
def _stream_rate(size: int) -> float:
    """New arrays for each sample: where they happen to lie makes a difference of a half."""
    times = max(1, (1 << 28) // size)

    def sample() -> float:
        a, b, c = (np.ones(size // (3 * FLOAT), np.float32) for _ in range(3))
        return cpu(lambda: [np.add(a, b, out=c) for _ in range(times)])[1]

    return float(times * size / max(1e-9, min(sample() for _ in range(SAMPLES))))


def fit_phases(recommender: Recommender, matrix: csr_matrix) -> list[Phase]:
    """Of a fitted model's own algorithm, in its own order."""
    config = recommender.config  # type: ignore[attr-defined]
    ways = {"ease": _ease, "item-knn": _item_knn, "ials": _ials, "bpr": _bpr}
    return ways[recommender.name](matrix, config)


def _ease(matrix: csr_matrix, _config: Any) -> list[Phase]:
    """Half of a Gram matrix, Cholesky and inverse (n^3), and the weights of it."""
    count, cells = matrix.shape[1], FLOAT * matrix.shape[1] ** 2
    half = _pairs(matrix) / 2
    return [
        Phase(0, cells, cells),
        Phase(half, SCATTERED * half, FLOAT * (count + matrix.nnz)),
        Phase(float(count) ** 3, 0, cells),
        Phase(0, 2 * cells, cells),
    ]


def _item_knn(matrix: csr_matrix, _config: Any) -> list[Phase]:
    """A Gram matrix row by row, each read once more to keep the nearest."""
    count, pairs = matrix.shape[1], _pairs(matrix)
    resident = FLOAT * (count + matrix.nnz)
    return [Phase(pairs, SCATTERED * pairs, resident), Phase(0, 2 * FLOAT * count**2, FLOAT * count)]


def _ials(matrix: csr_matrix, config: Any) -> list[Phase]:
    """Sweeps of conjugate gradients; the last and exact one, of the users, is not counted."""
    size, applied = config.embedding_size, config.cg_steps + 1
    phases = []
    for rows, fixed in (matrix.shape, matrix.shape[::-1]):
        table = FLOAT * fixed * size
        phases += [
            Phase(2 * fixed * size**2, table, table),
            Phase(0, 2 * FLOAT * matrix.nnz * size, min(table, CACHED)),
            Phase(applied * (4 * matrix.nnz * size + 2 * rows * size**2), applied * FLOAT * matrix.nnz * size, 0),
        ]
    return [phase.times(config.epochs) for phase in phases]


def _bpr(matrix: csr_matrix, config: Any) -> list[Phase]:
    """A step reads and writes a user's row and two items' (13 operations a column)."""
    size = config.embedding_size + 1
    step = Phase(13 * size, 6 * FLOAT * size, FLOAT * size * sum(matrix.shape))
    return [step.times(matrix.nnz * config.epochs)]


def _pairs(matrix: csr_matrix) -> float:
    return float((np.diff(matrix.indptr).astype(np.float64) ** 2).sum())


def rank_phases(recommender: Recommender, histories: csr_matrix) -> list[Phase]:
    """Scores of all items for all users, written, and read once more to keep the best."""
    (form, *_), (users, items) = recommender.forms(), histories.shape
    scores = FLOAT * float(users) * items
    block = min(scores, FLOAT * BLOCK_CELLS)
    kept = Phase(0, scores, block)
    if isinstance(form, FactorForm):
        return [Phase(2.0 * users * items * form.items.shape[1], scores, block), kept]
    weights = form.weights  # type: ignore[attr-defined]
    if isinstance(weights, np.ndarray):
        added = float(histories.nnz) * items
        return [Phase(added, FLOAT * added, FLOAT * items * min(items, BAND)), Phase(0, scores, block), kept]
    added = float(np.diff(weights.indptr)[histories.indices].sum())
    moved = (SCATTERED + FLOAT) * added
    return [Phase(2 * added, moved, 2 * FLOAT * weights.nnz), Phase(0, scores, block), kept]


def machine() -> str:
    """The rates in words."""
    streams = ", ".join(f"{stream_rate(1 << power) / 1e9:.0f}" for power in (18, 22, 28))
    return (
        f"One core: {matmul_rate() / 1e9:.0f} GFLOP/s in a float32 product, {streams} GB/s in a stream of 256 KiB, "
        "4 and 256 MiB."
    )


def main() -> None:
    print(machine())


if __name__ == "__main__":
    main()
