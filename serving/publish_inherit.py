"""Fits `serving.inherit` when an index is published: landmarks, their likeness and its solution, and the cold items.

Not part of the request path: this file imports `training`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix

from graph.snapshot import EmbeddingTable, Snapshot
from serving.index_files import write_array, write_blobs, write_rows
from serving.inherit import Floats, Inherited, centred, inherited, strongest
from serving.neighbours import unit
from training.data import Histories, UserBatch
from training.models.content_knn import attributes_of_items
from training.models.content_ridge import BIAS, ContentRidgeConfig, mean_length_one
from training.prepare import side_information
from training.recommender import Recommender

LANDMARKS = 4_096
FEWEST = 16
"""Landmarks below which nothing can be said of likeness."""
SAMPLED_USERS = 512
MOST_STRETCH = 4.0
BLOCK = 4_096

Fill: TypeAlias = Callable[[Floats], None]
"""Gives (users, num_items) scores of the model the newcomers' own, in place."""


@dataclass(frozen=True)
class _Content:
    """Attributes of all items scaled to a mean length of one, and the centred embeddings."""

    attributes: csr_matrix
    tables: dict[str, tuple[Floats, Floats]]
    share: float

    def likeness(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> Floats:
        found = np.asarray((self.attributes[rows] @ self.attributes[columns].T).todense(), np.float32)
        for vectors, _ in self.tables.values():
            found += np.float32(self.share**2) * (vectors[rows] @ vectors[columns].T)
        return found + np.float32(BIAS**2)


def write_inheritance(
    folder: Path, snapshot: Snapshot, recommender: Recommender, known: Histories
) -> tuple[dict[str, Any] | None, Fill]:
    """Writes the arrays; returns what the manifest says of them (None where items have no content) and how to fill."""
    config = ContentRidgeConfig()
    counts = np.bincount(snapshot.interactions.item, minlength=len(snapshot.items))
    content = _content(snapshot, config)
    compared = _has_content(content)
    warm = np.flatnonzero((counts > 0) & compared)
    if len(warm) < FEWEST:
        return None, _as_they_are
    landmarks = np.sort(warm[np.argsort(-counts[warm], kind="stable")[:LANDMARKS]]).astype(np.int32)
    gram = content.likeness(landmarks, landmarks).astype(np.float64)
    gram[np.diag_indices_from(gram)] += config.regularization
    solver = cho_solve(cho_factor(gram, lower=True), np.eye(len(gram))).astype(np.float32)
    stretch = _stretch(recommender, known, landmarks, solver)
    cold = np.flatnonzero((counts == 0) & compared).astype(np.int32)
    cold_from = _cold(content, cold, landmarks, solver)
    for name, array in (("landmarks", landmarks), ("solver", solver), ("cold", cold),
                        ("cold_places", cold_from.places), ("cold_weights", cold_from.weights)):  # fmt: skip
        write_array(folder, f"inherit.{name}", array)
    _write_content(folder, snapshot, content, landmarks)

    def fill(scores: Floats) -> None:
        if len(cold):
            scores[:, cold] = inherited(scores, landmarks, cold_from, stretch)

    entry = {"modalities": sorted(content.tables), "share": content.share, "bias": BIAS, "stretch": stretch,
             "num_items": len(snapshot.items)}  # fmt: skip
    return entry, fill


def _as_they_are(_: Floats) -> None:
    """Nothing is inherited."""


def _content(snapshot: Snapshot, config: ContentRidgeConfig) -> _Content:
    matrix = attributes_of_items(side_information(snapshot), len(snapshot.items))
    tables = {name: _centred(table) for name, table in snapshot.embeddings.items() if table.present.any()}
    return _Content(csr_matrix(mean_length_one(matrix), dtype=np.float32), tables, config.embedding_share)


def _centred(table: EmbeddingTable) -> tuple[Floats, Floats]:
    rows = unit(table)
    mean = rows[table.present].mean(0)
    found = np.zeros_like(rows)
    found[table.present] = centred(rows[table.present], mean)
    return found, np.asarray(mean, np.float32)


def _has_content(content: _Content) -> NDArray[np.bool_]:
    found = np.diff(content.attributes.indptr) > 0
    for vectors, _ in content.tables.values():
        found = found | vectors.any(1)
    return np.asarray(found)


def _stretch(recommender: Recommender, known: Histories, landmarks: NDArray[np.int32], solver: Floats) -> float:
    """Spread of the scores over that of their predictions, each landmark left out of its own.

    The error of kernel ridge where item j is left out is (G s)_j / G_jj, with G the solver and s the scores.
    """
    some = np.flatnonzero(np.diff(known.indptr) > 0)
    if not len(some):
        return 1.0
    users = some[np.linspace(0, len(some) - 1, min(SAMPLED_USERS, len(some))).astype(np.int64)]
    scores = np.asarray(recommender.score(UserBatch(users, known.take(users))), np.float32)[:, landmarks]
    scores = scores - scores.mean(1, keepdims=True)
    predicted = scores - (scores @ solver) / np.diag(solver)
    spread = float(predicted.std(1).mean())
    return float(np.clip(scores.std(1).mean() / spread, 1.0, MOST_STRETCH)) if spread > 0 else 1.0


def _cold(content: _Content, cold: NDArray[np.int32], landmarks: NDArray[np.int32], solver: Floats) -> Inherited:
    parts = [strongest(np.zeros((0, len(landmarks)), np.float32), landmarks)]
    blocks = (cold[start : start + BLOCK] for start in range(0, len(cold), BLOCK))
    parts += [strongest(content.likeness(block, landmarks) @ solver, landmarks) for block in blocks]
    return Inherited(np.concatenate([one.places for one in parts]), np.concatenate([one.weights for one in parts]))


def _write_content(folder: Path, snapshot: Snapshot, content: _Content, landmarks: NDArray[np.int32]) -> None:
    for name, (vectors, mean) in content.tables.items():
        write_array(folder, f"inherit.vectors.{name}", np.float32(content.share) * vectors[landmarks])
        write_array(folder, f"inherit.means.{name}", mean)
    postings = csr_matrix(content.attributes[landmarks].T)
    write_rows(folder, "inherit.postings", postings.indptr, postings.indices)
    write_array(folder, "inherit.posting_weights", postings.data)
    write_array(folder, "inherit.rarity", np.asarray(postings.max(axis=1).todense(), np.float32).ravel())
    write_blobs(folder, "entity_ids", (name.encode() for name in snapshot.entities.ids))
