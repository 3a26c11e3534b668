"""Trains encoders by what people like together: items of one taste get near each other, also those that nobody met yet.

One projection a modality, all into one space; an item's vector is the unit mean over the modalities it has, of which
one is left out at random in training, so that each does for itself. Two items that the same people liked (pairs are
counted outside, `serving.together`) should meet, the other items of the batch stay away, but for those that were liked
together with it too: `encoders.contrast` has the loss.

Held out are whole items with all their pairs, as new items are. Vectors made so know what was liked: where a model that
reads them is measured on the same likes, they must be those of its training part alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, triu

from encoders.base import Modality, Vectors, unit_rows
from encoders.contrast import (
    LARGEST_LOG_SCALE,
    ContrastTraining,
    PairsReport,
    Progress,
    Scaling,
    check_frozen,
    descend,
    first_scale,
    info_nce,
    parts,
    projected,
    recall_at_10,
    recall_by_chance,
    save_projections,
)
from encoders.projected import TENSORS, bias_of
from encoders.weights import files_version
from graph.errors import InvalidData
from graph.snapshot import EmbeddingTable

if TYPE_CHECKING:
    import torch

FOLDER = Path("encoders")
FEWEST_ITEMS = 100
LEFT_OUT = 0.3
"""How often a modality is left out of an item that has others."""
STOPPED_BY = 1024
"""Pairs that tell when to stop, at most."""
WAYS = ("new_to_known", "known_to_new")
TRAINING = ContrastTraining(epochs=100, learning_rate=1e-4, dropout=0.5)

Tables = Mapping[Modality, EmbeddingTable]
Pairs = NDArray[np.integer]
"""(m, 2) positions of items that were liked together, each pair in one direction at least."""


def train_liked(
    tables: Tables,
    pairs: Pairs,
    *,
    home: Path,
    training: ContrastTraining | None = None,
    progress: Progress | None = None,
) -> PairsReport:
    """Trains on the items with a vector and a partner; saves HOME/encoders/liked-MODALITIES.safetensors.

    `tables`: the catalogue's vectors of the modalities that are wanted, rows aligned. The report's ways: of held-out
    items, which known ones they were liked with; of known ones, which held-out ones. Raises `InvalidData` for fewer
    than `FEWEST_ITEMS` items.
    """
    chosen = training or TRAINING
    for modality, table in tables.items():
        check_frozen(table, modality)
    partners, kept = _partners(tables, pairs)
    _check(len(kept), tables)
    vectors = {name: table.vectors[kept] for name, table in tables.items()}
    present = {name: table.present[kept] for name, table in tables.items()}
    part, stop, test = parts(len(kept), chosen.seed)
    known = np.sort(np.concatenate([part, stop]))
    trained = LikedSpace(vectors, present, partners, part, chosen)
    losses = trained.fit(part, stop, progress)
    epochs = int(np.argmin(losses)) + 1
    everything = np.arange(len(kept))
    final = LikedSpace(vectors, present, partners, everything, chosen)
    final.fit(everything, None, progress, epochs=epochs)
    right = _between(partners, test, known)
    before, after = (_recalls(one, test, known, right) for one in (_as_they_came(vectors, present), trained.vectors()))
    about = {
        "pairs": "liked-together", "training": asdict(chosen), "epochs": epochs, "items": len(kept),
        "liked": int(partners.sum()) // 2, "recall@10": [before, after],
        "bases": {name: [table.encoder, table.version] for name, table in sorted(tables.items())},
    }  # fmt: skip
    file = final.save(home / FOLDER / f"liked-{'-'.join(sorted(tables))}.safetensors", about)
    opens = tuple(f"catalogue-{name}:{file}" for name in sorted(tables))
    return PairsReport(
        "liked-together", str(file), files_version([file], ""), opens, len(kept), len(test), epochs,
        before, after, _by_chance(right), tuple(losses),
    )  # fmt: skip


def _partners(tables: Tables, pairs: Pairs) -> tuple[csr_matrix, NDArray[np.int64]]:
    """Which of the kept items were liked together, symmetric, and the positions of the kept: those with both."""
    has = np.logical_or.reduce([table.present for table in tables.values()])
    both = np.concatenate([pairs, pairs[:, ::-1]]).astype(np.int64)
    both = np.unique(both[has[both].all(axis=1) & (both[:, 0] != both[:, 1])], axis=0)
    kept = np.unique(both[:, 0])
    rows, columns = np.searchsorted(kept, both).T
    return csr_matrix((np.ones(len(rows), np.bool_), (rows, columns)), shape=(len(kept), len(kept))), kept


def _between(partners: csr_matrix, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.bool_]:
    return np.asarray(partners[rows][:, columns].toarray())


def _check(items: int, tables: Tables) -> None:
    if items < FEWEST_ITEMS:
        raise InvalidData(
            f"{items} items with {' or '.join(sorted(tables))} were liked together with another one",
            valid=f"at least {FEWEST_ITEMS}, each pair by as many people as k-anonymity asks for",
            remedy="use the encoders as they are, until more people were here",
        )


class LikedSpace:
    """The projections while they learn, from the vectors' main directions on. Rows are those of the kept items."""

    def __init__(
        self,
        vectors: Mapping[Modality, Vectors],
        present: Mapping[Modality, NDArray[np.bool_]],
        partners: csr_matrix,
        seen: NDArray[np.integer],
        training: ContrastTraining,
    ) -> None:
        import torch

        self._training = training
        self._generator = torch.Generator().manual_seed(training.seed)
        self._rng = np.random.default_rng(training.seed)
        self._partners = partners
        self._names: Sequence[Modality] = sorted(vectors)
        self._present = np.stack([present[name] for name in self._names], axis=1)
        self._scaling = {name: Scaling.of(vectors[name][seen][present[name][seen]]) for name in self._names}
        self._features = {name: self._scaling[name].scaled(vectors[name]) for name in self._names}
        self._matrices = {
            name: _principal(self._features[name][seen][present[name][seen]], training.embedding_size)
            for name in self._names
        }
        self._log_scale = first_scale()

    def fit(
        self,
        part: NDArray[np.int64],
        stop: NDArray[np.int64] | None,
        progress: Progress | None = None,
        *,
        epochs: int | None = None,
    ) -> list[float]:
        """Trains on pairs inside `part`; losses of pairs between `stop` and `part` by epoch (`contrast.descend`)."""
        pairs = self._pairs(part, part)
        met = None if stop is None else self._rng.permutation(self._pairs(stop, part))[:STOPPED_BY]
        return descend(
            list(self._matrices.values()),
            self._log_scale,
            lambda rows: self._loss(pairs[rows], self._training.dropout),
            None if met is None else lambda: self._loss(met, 0.0),
            rows=len(pairs),
            training=self._training,
            progress=progress,
            epochs=epochs,
        )

    def _pairs(self, some: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
        """(m, 2) rows, one of `some` and one of `others`; each pair once."""
        chosen = self._partners[some][:, others]
        found = (triu(chosen) if some is others else chosen).tocoo()
        return np.stack([some[found.row], others[found.col]], axis=1)

    def _loss(self, pairs: NDArray[np.int64], dropout: float) -> torch.Tensor:
        import torch

        ones, others = pairs.T
        right = _between(self._partners, ones, others) | (ones[:, None] == others)
        similarity = self._fused(ones, dropout) @ self._fused(others, dropout).T
        return info_nce(similarity, self._log_scale, torch.from_numpy(right))

    def _fused(self, rows: NDArray[np.integer], dropout: float) -> torch.Tensor:
        import torch
        from torch.nn import functional

        weights = torch.from_numpy(self._told(self._present[rows], dropout).astype(np.float32))
        total = torch.zeros(len(rows), self._training.embedding_size)
        for place, name in enumerate(self._names):
            found = projected(self._features[name][rows], self._matrices[name], dropout, self._generator)
            total = total + found * weights[:, place : place + 1]
        return functional.normalize(total, dim=1)

    def _told(self, present: NDArray[np.bool_], dropout: float) -> NDArray[np.bool_]:
        """The modalities that count; with dropout, some are left out of items that keep another."""
        kept = present & (self._rng.random(present.shape) >= LEFT_OUT) if dropout else present
        return np.where(kept.any(axis=1, keepdims=True), kept, present)

    def vectors(self) -> Vectors:
        """(kept items, size) of unit length, by all that each item has."""
        import torch

        with torch.no_grad():
            return np.asarray(self._fused(np.arange(len(self._present)), 0.0))

    def save(self, file: Path, about: Mapping[str, object]) -> Path:
        """By atomic rename."""
        tensors = {"logit_scale": self._log_scale.clamp(max=LARGEST_LOG_SCALE)}
        for name in self._names:
            tensor = TENSORS[name]
            tensors[tensor], tensors[bias_of(tensor)] = self._scaling[name].folded(self._matrices[name])
        return save_projections(tensors, file, about)


def _principal(features: torch.Tensor, size: int) -> torch.Tensor:
    """(size, dim): the directions in which features differ most, so that learning begins where the encoder was."""
    import torch

    centred = features - features.mean(0)
    _, directions = torch.linalg.eigh(centred.T @ centred)
    rows = directions.T.flip(0)[:size]
    matrix = torch.zeros(size, features.shape[1])
    matrix[: len(rows)] = rows
    return matrix.requires_grad_()


def _as_they_came(vectors: Mapping[Modality, Vectors], present: Mapping[Modality, NDArray[np.bool_]]) -> Vectors:
    """The encoders' own vectors side by side, of unit length: their cosine is the mean of the modalities' cosines."""
    return unit_rows(np.concatenate([vectors[name] * present[name][:, None] for name in sorted(vectors)], axis=1))


def _recalls(
    vectors: Vectors, test: NDArray[np.int64], known: NDArray[np.int64], right: NDArray[np.bool_]
) -> dict[str, float]:
    """By way, over the items that have a partner on the other side."""
    similarity = vectors[test] @ vectors[known].T
    there, back = right.any(axis=1), right.any(axis=0)
    found = recall_at_10(similarity[there], right[there]), recall_at_10(similarity.T[back], right.T[back])
    return dict(zip(WAYS, found, strict=True))


def _by_chance(right: NDArray[np.bool_]) -> dict[str, float]:
    there, back = right[right.any(axis=1)], right.T[right.any(axis=0)]
    return dict(zip(WAYS, (recall_by_chance(there), recall_by_chance(back)), strict=True))
