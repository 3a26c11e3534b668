"""What a smaller encoder gives up and gains beside the one it was made of: figures on held-out things."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import AnyEncoder, Vectors
from encoders.compress.contents import Contents

K = 10
TIMED = 128
ROUNDS = 3
BYTES = 1e6


@dataclass(frozen=True)
class Row:
    """`megabytes` of the weights' file. `a_second`: held-out things encoded, decoding not counted.

    `cosine` to the first row's vectors and `neighbours`, the share kept of each thing's 10 nearest in the catalogue:
    means over held-out things. `downstream`: what else was measured with these vectors, by name.
    """

    encoder: str
    version: str
    megabytes: float
    a_second: float
    cosine: float
    neighbours: float
    downstream: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def speeds(encoders: list[AnyEncoder], contents: Contents) -> list[float]:
    """Things a second of each, the best of `ROUNDS` rounds that take turns."""
    things = [contents.things[place] for place in contents.held_out[:TIMED]]
    prepared = [[encoder.prepare(thing) for thing in things] for encoder in encoders]
    best = [np.inf] * len(encoders)
    for number in range(ROUNDS + 1):
        for place, encoder in enumerate(encoders):
            began = time.perf_counter()
            encoder.encode_prepared(prepared[place])
            if number:  # what is made on the first call is not measured
                best[place] = min(best[place], time.perf_counter() - began)
    return [round(len(things) / seconds, 1) for seconds in best]


def cosine(vectors: Vectors, reference: Vectors, contents: Contents) -> float:
    """Mean over held-out things; rows are of unit length."""
    rows = list(contents.held_out)
    return round(float((vectors[rows] * reference[rows]).sum(1).mean()), 4)


def neighbours_kept(vectors: Vectors, reference: Vectors, contents: Contents) -> float:
    """Recall@10 of each held-out thing's nearest others in the whole catalogue."""
    rows = list(contents.held_out)
    found, wanted = _nearest(vectors, rows), _nearest(reference, rows)
    k = wanted.shape[1]
    return round(float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found, wanted, strict=True)])), 4)


def _nearest(vectors: Vectors, rows: list[int]) -> np.ndarray:
    similarity = vectors[rows] @ vectors.T
    similarity[np.arange(len(rows)), rows] = -np.inf
    k = min(K, len(vectors) - 1)
    return np.argpartition(-similarity, k - 1, axis=1)[:, :k]


def megabytes(file: Path) -> float:
    """Of a million bytes."""
    return round(file.stat().st_size / BYTES, 1)
