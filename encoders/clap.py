"""Sounds to vectors through transformers' CLAP (Wu et al. 2023; Elizalde et al. 2023), by hub name or local folder.

A long sound is heard in up to `MOST_WINDOWS` windows of the model's own length (10 s), evenly spaced; their vectors'
mean is the sound's. They lie in the space of the model's texts, so words can be compared with sounds as they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.base import Lazy, Modality, Vectors, unit_rows
from encoders.devices import image_autocast, pick_device
from encoders.sounds import windows
from encoders.text import quiet_loading
from encoders.weights import folder_version, model_folder
from graph.errors import Unsupported

if TYPE_CHECKING:
    import torch

MOST_WINDOWS = 8
TOKENIZERS = ("tokenizer.json", "vocab.json")
"""Either of them holds the words that a model knows."""


@dataclass(frozen=True)
class Hearer:
    """A loaded model and what makes its input (log-mel spectrograms) of samples."""

    model: Any
    extractor: Any
    device: torch.device


class ClapEncoder:
    """The audio tower of a CLAP in a folder. The model is loaded by the first call that needs it."""

    modality: Modality = "audio"

    def __init__(self, name: str, folder: Path, *, device: str | None = None, batch_size: int = 16) -> None:
        self.name = name
        self._folder = folder
        self._device = device
        self._batch_size = batch_size
        self._hearer = Lazy(self._load)
        self._tokenizer = Lazy(self._load_tokenizer)
        self._version = Lazy(lambda: folder_version(folder, f"audio 1 {MOST_WINDOWS}"))

    @property
    def version(self) -> str:
        return self._version.get()

    @property
    def dim(self) -> int:
        return int(self._hearer.get().model.config.projection_dim)

    def prepare(self, thing: bytes) -> torch.Tensor:
        """(windows, channels, frames, mel bands) float32."""
        extractor = self._hearer.get().extractor
        rate = int(extractor.sampling_rate)
        heard = windows(thing, rate=rate, seconds=extractor.nb_max_samples / rate, most=MOST_WINDOWS)
        features: torch.Tensor = extractor(heard, sampling_rate=rate, return_tensors="pt")["input_features"]
        return features

    def encode_prepared(self, batch: Sequence[torch.Tensor]) -> Vectors:
        import torch

        if not batch:
            return np.zeros((0, self.dim), dtype=np.float32)
        every = torch.cat(list(batch))
        parts = [every[begin : begin + self._batch_size] for begin in range(0, len(every), self._batch_size)]
        found = torch.cat([self._features(part) for part in parts])
        starts = np.cumsum([0, *(len(one) for one in batch)])[:-1]
        return unit_rows(np.add.reduceat(unit_rows(found.numpy()), starts))

    def encode(self, batch: Sequence[bytes]) -> Vectors:
        return self.encode_prepared([self.prepare(data) for data in batch])

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        """(texts, dim) unit rows of the model's text tower, in the space of the sounds.

        Raises `Unsupported` where the folder has no tokenizer.
        """
        import torch

        hearer = self._hearer.get()
        tokens = self._tokenizer.get()(list(texts), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            given = hearer.model.get_text_features(**tokens.to(hearer.device))
        vectors = given if isinstance(given, torch.Tensor) else given.pooler_output
        return unit_rows(vectors.float().cpu().numpy())

    def _features(self, part: torch.Tensor) -> torch.Tensor:
        import torch

        hearer = self._hearer.get()
        # The extractor calls one sound of a batch longer at random where none is: windows never are.
        longer = torch.zeros((len(part), 1), dtype=torch.bool, device=hearer.device)
        with torch.inference_mode(), image_autocast(hearer.device):
            given = hearer.model.get_audio_features(input_features=part.to(hearer.device), is_longer=longer)
        vectors: torch.Tensor = given if isinstance(given, torch.Tensor) else given.pooler_output
        return vectors.float().cpu()

    def _load(self) -> Hearer:
        from transformers import ClapFeatureExtractor, ClapModel

        try:
            with quiet_loading():
                extractor = ClapFeatureExtractor.from_pretrained(self._folder, local_files_only=True)
                model = ClapModel.from_pretrained(self._folder, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise Unsupported(
                f"the audio model in {self._folder} cannot be loaded: {error}",
                valid="a folder of a transformers CLAP: config.json, preprocessor_config.json, safetensors weights",
                remedy="name another model, or save this one with save_pretrained(..., safe_serialization=True)",
            ) from error
        device = pick_device(self._device)
        return Hearer(model.eval().to(device), extractor, device)

    def _load_tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        if not any((self._folder / name).is_file() for name in TOKENIZERS):  # transformers would make up an empty one
            raise Unsupported(
                f"the audio model in {self._folder} knows no words, for it has no tokenizer",
                valid=f"{' or '.join(TOKENIZERS)} beside the weights",
                remedy="save the tokenizer there too, or interlace train-encoder --pairs audio-tags",
            )
        with quiet_loading():
            return AutoTokenizer.from_pretrained(self._folder, local_files_only=True)


def clap(reference: str, device: str | None) -> ClapEncoder:
    """A model by folder or hub name, such as `laion/clap-htsat-unfused`."""
    return ClapEncoder(f"clap:{reference}", model_folder(reference), device=device)
