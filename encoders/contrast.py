"""Contrastive learning of projections, as all the trainers of a catalogue's own encoders share it.

What belongs together should meet, everything else of the batch stay away: InfoNCE (van den Oord et al. 2018) with as
many right answers as there are, L = (CE(s x y', P) + CE(s y x', P')) / 2, P being the right pairs as rows that sum to
one. Towers are frozen, so features are computed once and training takes seconds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from encoders.base import Vectors
from graph.errors import Unsupported
from graph.snapshot import EmbeddingTable

if TYPE_CHECKING:
    import torch

K = 10
LARGEST_LOG_SCALE = 4.6
"""CLIP's own bound: similarities are multiplied by at most 100."""
LEAST_SPREAD = 0.1
FIRST_LOG_SCALE = float(np.log(1 / 0.07))

Progress: TypeAlias = Callable[[str, int, int], None]
Recalls: TypeAlias = Mapping[str, float]
"""Recall@10 by way: `audio_to_text`."""


@dataclass(frozen=True)
class ContrastTraining:
    """Hyper-parameters. `patience`: epochs without a better validation loss before it stops."""

    embedding_size: int = 256
    epochs: int = 60
    learning_rate: float = 1e-3
    regularization: float = 0.1
    dropout: float = 0.7
    batch_size: int = 256
    patience: int = 5
    seed: int = 42


@dataclass(frozen=True)
class Scaling:
    """Features are read as (x - mean) / spread; a trained matrix takes that in (`folded`), so encoders need not."""

    mean: Vectors
    spread: Vectors

    @classmethod
    def of(cls, vectors: Vectors) -> Scaling:
        """A feature that hardly moves is not blown up: spreads are at least a tenth of their mean."""
        spread = vectors.std(axis=0)
        least = max(LEAST_SPREAD * float(spread.mean()), 1e-9)
        return cls(vectors.mean(axis=0), np.maximum(spread, least) * np.float32(vectors.shape[1] ** 0.5))

    def scaled(self, vectors: Vectors) -> torch.Tensor:
        import torch

        return torch.from_numpy((vectors - self.mean) / self.spread)

    def folded(self, matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(matrix, bias) that give of unscaled features what `matrix` gives of scaled ones."""
        import torch

        whole = matrix.detach() / torch.from_numpy(self.spread)
        return whole, -(whole @ torch.from_numpy(self.mean))


@dataclass(frozen=True)
class PairsReport:
    """`pairs`: what was learned from (`audio-tags`, `liked-together`). `opens`: names of the encoders it made.

    `before`, `after`, `chance`: recall@10 among the `held_out` of `items`, by way. `losses`: of validation, by epoch,
    of which the lowest is kept.
    """

    pairs: str
    file: str
    version: str
    opens: tuple[str, ...]
    items: int
    held_out: int
    epochs: int
    before: Recalls
    after: Recalls
    chance: Recalls
    losses: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return asdict(self)


def parts(count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows to fit on, to stop by, and for the test: eight, one and one tenth."""
    order = np.random.default_rng(seed).permutation(count)
    tenth = count // 10
    return order[2 * tenth :], order[:tenth], order[tenth : 2 * tenth]


def batches(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Batches of nearly equal size: a short last one would have too few others to stay away from."""
    return np.array_split(order, max(1, round(len(order) / size)))


def drawn_matrix(rows: int, columns: int, generator: torch.Generator) -> torch.Tensor:
    """(rows, columns), random, with a gradient; lengths are kept on average."""
    import torch

    drawn: torch.Tensor = torch.randn(rows, columns, generator=generator) / columns**0.5
    return drawn.requires_grad_()


def first_scale() -> torch.Tensor:
    """CLIP's own beginning of the learned scale, as a logarithm."""
    import torch

    return torch.tensor(FIRST_LOG_SCALE, requires_grad=True)


def projected(features: torch.Tensor, matrix: torch.Tensor, dropout: float, generator: torch.Generator) -> torch.Tensor:
    """Unit rows of features times the matrix, a share `dropout` of the features left out."""
    import torch
    from torch.nn import functional

    if dropout:
        kept = torch.rand(features.shape, generator=generator) >= dropout
        features = features * kept
    return functional.normalize(features @ matrix.T, dim=1)


def info_nce(similarity: torch.Tensor, log_scale: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The loss. `right`: (rows, columns), which pairs belong together; each row and each column has one at least."""
    from torch.nn import functional

    logits = log_scale.clamp(max=LARGEST_LOG_SCALE).exp() * similarity
    shares = right.to(logits.dtype)
    there = functional.cross_entropy(logits, shares / shares.sum(1, keepdim=True))
    back = functional.cross_entropy(logits.T, shares.T / shares.T.sum(1, keepdim=True))
    return (there + back) / 2


def descend(
    matrices: Sequence[torch.Tensor],
    log_scale: torch.Tensor,
    loss: Callable[[NDArray[np.int64]], torch.Tensor],
    stop: Callable[[], torch.Tensor] | None,
    *,
    rows: int,
    training: ContrastTraining,
    progress: Progress | None = None,
    epochs: int | None = None,
) -> list[float]:
    """Trains the matrices in place by AdamW; returns what `stop` gave after each epoch.

    They end as in the epoch in which that was lowest; without `stop`, as in the last of `epochs`.
    """
    import torch

    groups: list[dict[str, Any]] = [{"params": list(matrices)}, {"params": [log_scale], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=training.learning_rate, weight_decay=training.regularization)
    order = np.random.default_rng(training.seed)
    losses, kept = list[float](), [matrix.detach().clone() for matrix in matrices]
    last = epochs or training.epochs
    for epoch in range(1, last + 1):
        for batch in batches(order.permutation(rows), training.batch_size):
            optimizer.zero_grad()
            loss(batch).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if progress is not None:
            progress("clip", epoch, last)
        if stop is None:
            continue
        with torch.no_grad():
            losses.append(float(stop()))
        best = int(np.argmin(losses))
        if best == epoch - 1:
            kept = [matrix.detach().clone() for matrix in matrices]
        elif epoch - 1 - best >= training.patience:
            break
    if stop is not None:
        with torch.no_grad():
            for matrix, best_one in zip(matrices, kept, strict=True):
                matrix.copy_(best_one)
    return losses


def save_projections(tensors: Mapping[str, torch.Tensor], file: Path, about: Mapping[str, object]) -> Path:
    """Writes by atomic rename. One metadata entry: safetensors writes several in no fixed order."""
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    kept = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(kept, part, metadata={"training": json.dumps(about, sort_keys=True)})
    part.replace(file)
    return file


def recall_at_10(similarity: NDArray[Any], right: NDArray[np.bool_]) -> float:
    """Share of a row's right columns, 10 at most, that are among its 10 nearest; mean over rows. Each has a right one.

    Ties count against it.
    """
    order = np.lexsort((right, -similarity), axis=1)[:, :K]
    found = np.take_along_axis(right, order, axis=1).sum(axis=1)
    return round(float((found / np.minimum(right.sum(axis=1), K)).mean()), 4)


def recall_by_chance(right: NDArray[np.bool_]) -> float:
    """The same if the order were random."""
    there = right.sum(axis=1)
    expected = there * min(1.0, K / right.shape[1]) / np.minimum(there, K)
    return round(float(expected.mean()), 4)


def check_frozen(table: EmbeddingTable, modality: str) -> None:
    """Raises `Unsupported` for vectors that are projections themselves: the file that made them may be replaced."""
    if table.encoder.startswith("catalogue-"):
        raise Unsupported(
            f"the {modality} vectors are those of {table.encoder}, which is trained itself",
            valid="vectors of an encoder as it came: signal, clap:NAME, minilm, efficientnet-lite0, …",
            remedy=f"train from a folder, or encode the {modality}s with one of these first",
        )
