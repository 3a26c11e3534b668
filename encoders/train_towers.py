"""Trains the towers of the catalogue's CLIP too, by LoRA, from its pictures and texts themselves.

`encoders.train_clip` first learns projections of the frozen towers, which takes seconds; from there the towers'
low-rank matrices and the projections learn together, by the same loss, with every picture decoded and every text read
in each epoch. Meant for a GPU: a processor learns from some ten pictures a second. Batch norms keep what ImageNet
taught them. The parts are those of `train_clip`: the report compares recall with frozen towers (`before`) and adapted
ones (`after`) on the same held-out pairs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from encoders.adapted import token_ids, tokenizer
from encoders.base import Vectors
from encoders.clip import IMAGE_PROJECTION, TEXT_PROJECTION, build_clip
from encoders.contrast import LARGEST_LOG_SCALE, batches, parts
from encoders.devices import pick_device
from encoders.image import efficientnet_lite0, tower_of
from encoders.minilm import minilm
from encoders.train_clip import FEWEST_PAIRS, ClipReport, ClipTraining, Recall, fit, own_found
from encoders.weights import files_version
from graph.errors import InvalidData

if TYPE_CHECKING:
    import torch

FILE = Path("encoders") / "catalogue-clip-lora.safetensors"
PROJECTIONS = ("visual.head.proj", "text.proj")

Pair: TypeAlias = tuple[bytes, str]
"""A picture's file and the item's text."""
Progress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TowerTraining:
    """`rank` and `alpha` of LoRA; `frozen`: how the projections are learned before; the rest as there."""

    rank: int = 8
    alpha: float = 16.0
    epochs: int = 8
    learning_rate: float = 3e-4
    batch_size: int = 64
    patience: int = 2
    frozen: ClipTraining = field(default_factory=ClipTraining)


def train_towers(
    pairs: Sequence[Pair], *, home: Path, training: TowerTraining | None = None, progress: Progress | None = None
) -> ClipReport:
    """Trains on the pairs and saves HOME/encoders/catalogue-clip-lora.safetensors, for `adapted-image:FILE` and
    `adapted-text:FILE`. Raises `InvalidData` for fewer than `FEWEST_PAIRS` pairs, or a picture that cannot be read.
    """
    chosen = training or TowerTraining()
    if len(pairs) < FEWEST_PAIRS:
        raise InvalidData(f"{len(pairs)} items have both a picture and a text", valid=f"at least {FEWEST_PAIRS}",
                          remedy="use the encoders as they are shipped")  # fmt: skip
    part, stop, test = parts(len(pairs), chosen.frozen.seed)
    features = _features(pairs)
    stopping = features[0][stop], features[1][stop]
    frozen, _ = fit(features[0][part], features[1][part], stopping, chosen.frozen, None)
    before = frozen.recall(features[0][test], features[1][test])
    fitted = _Towers(pairs, frozen, chosen)
    losses = fitted.fit(part, stop, progress)
    after = fitted.recall(test)
    epochs = int(np.argmin(losses)) + 1
    whole, _ = fit(features[0], features[1], None, chosen.frozen, None, epochs=chosen.frozen.epochs)
    final = _Towers(pairs, whole, chosen)
    final.fit(np.arange(len(pairs)), None, progress, epochs=epochs)
    about = {"training": asdict(chosen), "epochs": epochs, "pairs": len(pairs),
             "recall@10": [asdict(before), asdict(after)]}  # fmt: skip
    file = final.save(home / FILE, about)
    version = files_version([file], "")
    return ClipReport(str(file), version, len(pairs), len(test), epochs, before, after, tuple(losses))


def _features(pairs: Sequence[Pair]) -> tuple[Vectors, Vectors]:
    """What the frozen towers give."""
    images, texts = efficientnet_lite0("", None), minilm("", None)
    return images.encode([picture for picture, _ in pairs]), texts.encode([text for _, text in pairs])


class _Towers:
    """The model while it learns."""

    def __init__(self, pairs: Sequence[Pair], start: Any, training: TowerTraining) -> None:
        import torch

        from encoders.lora import attach

        self._pairs, self._training = pairs, training
        self._device = pick_device(None)
        generator = torch.Generator().manual_seed(training.frozen.seed)
        self._model = build_clip(embedding_size=len(start.image)).to(self._device)
        with torch.no_grad():
            self._model.visual.head.proj.weight.copy_(start.image)
            self._model.text.proj.weight.copy_(start.text)
        self._adapted = attach(
            self._model, rank=training.rank, alpha=training.alpha, generator=generator, skipped=PROJECTIONS
        )
        self._scale = torch.nn.Parameter(start.log_scale.detach().clone().to(self._device))
        self._transform = tower_of(self._model, self._model.encode_image, 1, None).transform
        self._words = tokenizer()

    def fit(
        self, part: np.ndarray, stop: np.ndarray | None, progress: Progress | None, *, epochs: int | None = None
    ) -> list[float]:
        """Losses of `stop` by epoch, of which the lowest's state is kept; without `stop` all epochs are run."""
        import torch

        chosen = self._training
        learned = [one for one in self._model.parameters() if one.requires_grad]
        optimizer = torch.optim.AdamW([*learned, self._scale], lr=chosen.learning_rate, weight_decay=0.01)
        order = np.random.default_rng(chosen.frozen.seed)
        losses, kept, last = list[float](), self._state(), epochs or chosen.epochs
        for epoch in range(1, last + 1):
            for batch in batches(order.permutation(part), chosen.batch_size):
                optimizer.zero_grad()
                self._loss(batch).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            if progress is not None:
                progress("towers", epoch, last)
            if stop is None:
                continue
            with torch.no_grad():
                losses.append(float(np.mean([float(self._loss(one)) for one in batches(stop, chosen.batch_size)])))
            best = int(np.argmin(losses))
            if best == epoch - 1:
                kept = self._state()
            elif epoch - 1 - best >= chosen.patience:
                break
        if stop is not None:
            self._model.load_state_dict(kept, strict=False)
        return losses

    def recall(self, rows: np.ndarray) -> Recall:
        """Among these pairs."""
        import torch

        with torch.no_grad():
            found = [self._vectors(rows[begin : begin + 64]) for begin in range(0, len(rows), 64)]
        images, texts = (torch.cat([one[side] for one in found]).float() for side in (0, 1))
        similarity = images @ texts.T
        return Recall(own_found(similarity), own_found(similarity.T))

    def save(self, file: Path, about: dict[str, Any]) -> Path:
        """Projections and low-rank matrices, by atomic rename."""
        from safetensors.torch import save_file

        from encoders.lora import tensors

        kept = tensors(self._adapted)
        kept[IMAGE_PROJECTION] = self._model.visual.head.proj.weight.detach().cpu().contiguous()
        kept[TEXT_PROJECTION] = self._model.text.proj.weight.detach().cpu().contiguous()
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_suffix(f".{os.getpid()}.part")
        save_file(kept, aside, metadata={"training": json.dumps(about, sort_keys=True)})
        aside.replace(file)
        return file

    def _state(self) -> dict[str, torch.Tensor]:
        learned = {name for name, one in self._model.named_parameters() if one.requires_grad}
        return {name: one.detach().clone() for name, one in self._model.state_dict().items() if name in learned}

    def _loss(self, rows: np.ndarray) -> torch.Tensor:
        from torch.nn import functional

        images, texts = self._vectors(rows)
        logits = self._scale.clamp(max=LARGEST_LOG_SCALE).exp() * (images.float() @ texts.float().T)
        own = logits.new_tensor(range(len(logits))).long()
        return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2

    def _vectors(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        from encoders.pictures import open_picture

        pairs = [self._pairs[row] for row in rows.tolist()]
        with ThreadPoolExecutor() as pool:
            pixels = torch.stack(list(pool.map(lambda pair: self._transform(open_picture(pair[0])), pairs)))
        ids = token_ids(self._words, [text for _, text in pairs]).to(self._device)
        half = torch.autocast("cuda", torch.bfloat16) if self._device.type == "cuda" else nullcontext()
        with half:
            images = self._model.encode_image(pixels.to(self._device), normalize=True)
            return images, self._model.encode_text(ids, normalize=True)
