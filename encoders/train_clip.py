"""Trains the catalogue's own CLIP: projections of frozen towers into one space, on its items' pictures and texts.

A picture and its item's text should meet, other items' texts stay away: the symmetric InfoNCE loss of CLIP (Radford et
al. 2021), L = (CE(s x t', i) + CE(s t x', i)) / 2, x = unit(W_image dropout(a)), t = unit(W_text dropout(b)), s
learned. As the towers are frozen (LiT, Zhai et al. 2022), their features are computed once and training takes seconds.

A tenth of the pairs tells when to stop, another tenth is read once, for the recall that is reported; then the
projections are fitted anew on all pairs for as many epochs. Of use where pictures are searched by words, or one space
for both is wanted. `efficientnet-lite0` stays the default for `image_embedding`: a projection that was fitted on an
item's own text knows that text, and what pictures bring by themselves could no longer be told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.base import Vectors
from encoders.clip import IMAGE_PROJECTION, TEXT_PROJECTION
from encoders.contrast import (
    LARGEST_LOG_SCALE,
    ContrastTraining,
    K,
    descend,
    drawn_matrix,
    first_scale,
    parts,
    projected,
    save_projections,
)
from encoders.weights import files_version
from graph.errors import InvalidData
from graph.snapshot import EmbeddingTable

if TYPE_CHECKING:
    import torch

FILE = Path("encoders") / "catalogue-clip.safetensors"
BASES = {"image": "efficientnet-lite0", "text": "minilm"}
FEWEST_PAIRS = 100
ClipTraining = ContrastTraining
"""Its hyper-parameters, which the other ways to pair share."""


@dataclass(frozen=True)
class Recall:
    """Recall@10 of zero-shot retrieval: the own text of a picture among all texts, and the other way round."""

    image_to_text: float
    text_to_image: float


@dataclass(frozen=True)
class ClipReport:
    """`before`, `after`: recall among the `held_out` pairs, with random projections and with those learned from the
    other pairs; by chance it is 10 / held_out. `losses`: of validation, by epoch, of which the lowest is kept.
    """

    file: str
    version: str
    pairs: int
    held_out: int
    epochs: int
    before: Recall
    after: Recall
    losses: tuple[float, ...]

    @property
    def opens(self) -> tuple[str, str]:
        """Names of the encoders it made."""
        family = "adapted" if self.file.endswith("-lora.safetensors") else "catalogue"
        return f"{family}-image:{self.file}", f"{family}-text:{self.file}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {**asdict(self), "chance": round(min(1.0, K / max(1, self.held_out)), 4)}


def train_clip(
    tables: Mapping[str, EmbeddingTable],
    *,
    home: Path,
    training: ClipTraining | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> ClipReport:
    """Trains on the items that have both vectors and saves HOME/encoders/catalogue-clip.safetensors.

    `tables`: `image` and `text` of the shipped encoders (`embed_folder`, or a snapshot's). Open the result with
    `open_encoder("catalogue-image:FILE")` and `"catalogue-text:FILE"`. Raises `InvalidData` for other encoders' tables
    and for fewer than `FEWEST_PAIRS` pairs.
    """
    chosen = training or ClipTraining()
    images, texts = _pairs(tables)
    part, stop, test = parts(len(images), chosen.seed)
    before = Projections(images.shape[1], texts.shape[1], chosen)
    trained, losses = fit(images[part], texts[part], (images[stop], texts[stop]), chosen, progress)
    epochs = int(np.argmin(losses)) + 1
    final, _ = fit(images, texts, None, chosen, progress, epochs=epochs)
    recalls = [projections.recall(images[test], texts[test]) for projections in (before, trained)]
    measured = [asdict(recall) for recall in recalls]
    about = {"training": asdict(chosen), "epochs": epochs, "pairs": len(images), "recall@10": measured}
    about["bases"] = {modality: [table.encoder, table.version] for modality, table in sorted(tables.items())}
    file = _save(final, home / FILE, about)
    version = files_version([file], "")
    return ClipReport(str(file), version, len(images), len(test), epochs, recalls[0], recalls[1], tuple(losses))


def _pairs(tables: Mapping[str, EmbeddingTable]) -> tuple[Vectors, Vectors]:
    for modality, base in BASES.items():
        found = tables[modality].encoder if modality in tables else "nothing"
        if found != base:
            raise InvalidData(
                f"the {modality} vectors are those of {found}",
                valid=f"vectors of {base}, the tower that is projected",
                remedy=f"encode the catalogue's {modality}s with {base} first",
            )
    both = tables["image"].present & tables["text"].present
    if both.sum() < FEWEST_PAIRS:
        raise InvalidData(
            f"{int(both.sum())} items have both a picture and a text",
            valid=f"at least {FEWEST_PAIRS}",
            remedy="use the encoders as they are shipped",
        )
    return tables["image"].vectors[both], tables["text"].vectors[both]


class Projections:
    """The two matrices and the scale, random by seed."""

    def __init__(self, image_dim: int, text_dim: int, training: ClipTraining) -> None:
        import torch

        self._generator = torch.Generator().manual_seed(training.seed)
        self.image = drawn_matrix(training.embedding_size, image_dim, self._generator)
        self.text = drawn_matrix(training.embedding_size, text_dim, self._generator)
        self.log_scale = first_scale()

    def loss(self, images: torch.Tensor, texts: torch.Tensor, dropout: float) -> torch.Tensor:
        from torch.nn import functional

        similarity = self._unit(images, self.image, dropout) @ self._unit(texts, self.text, dropout).T
        logits = self.log_scale.clamp(max=LARGEST_LOG_SCALE).exp() * similarity
        own = logits.new_tensor(range(len(logits))).long()
        return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2

    def _unit(self, features: torch.Tensor, matrix: torch.Tensor, dropout: float) -> torch.Tensor:
        return projected(features, matrix, dropout, self._generator)

    def recall(self, images: Vectors, texts: Vectors) -> Recall:
        """Shares whose own counterpart is among the K nearest; ties count against it."""
        import torch

        with torch.no_grad():
            pictures = self._unit(torch.from_numpy(images), self.image, 0.0)
            similarity = pictures @ self._unit(torch.from_numpy(texts), self.text, 0.0).T
        return Recall(own_found(similarity), own_found(similarity.T))


def own_found(similarity: torch.Tensor) -> float:
    """Share of rows whose own column is among the K largest; ties count against it."""
    better = (similarity >= similarity.diag()[:, None]).sum(1) - 1
    return round(float((better < K).float().mean()), 4)


def fit(
    images: Vectors,
    texts: Vectors,
    stop: tuple[Vectors, Vectors] | None,
    training: ClipTraining,
    progress: Callable[[str, int, int], None] | None,
    *,
    epochs: int | None = None,
) -> tuple[Projections, list[float]]:
    """Projections of the epoch whose validation loss was the lowest (without `stop`: of the last), and the losses."""
    import torch

    projections = Projections(images.shape[1], texts.shape[1], training)
    x, y = torch.from_numpy(images), torch.from_numpy(texts)

    def stopping() -> torch.Tensor:
        assert stop is not None
        return projections.loss(torch.from_numpy(stop[0]), torch.from_numpy(stop[1]), 0.0)

    losses = descend(
        [projections.image, projections.text],
        projections.log_scale,
        lambda batch: projections.loss(x[batch], y[batch], training.dropout),
        None if stop is None else stopping,
        rows=len(x),
        training=training,
        progress=progress,
        epochs=epochs,
    )
    return projections, losses


def _save(projections: Projections, file: Path, about: Mapping[str, object]) -> Path:
    tensors = {
        IMAGE_PROJECTION: projections.image,
        TEXT_PROJECTION: projections.text,
        "logit_scale": projections.log_scale.clamp(max=LARGEST_LOG_SCALE),
    }
    return save_projections(tensors, file, about)
