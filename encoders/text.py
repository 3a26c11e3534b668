"""Texts to vectors through sentence-transformers: any embedder by name (the shipped default is `encoders.minilm`).

A name is a folder or a hub repository in sentence-transformers' or plain transformers' layout, encoder or decoder; its
own pooling and its own prompt for documents are used. Where a folder tells no pooling, a decoder's last token is taken
and an encoder's mean. `NAME#256` keeps the first 256 numbers: for models that were trained for it (Matryoshka).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.base import Lazy, Modality, Vectors, unit_rows
from encoders.devices import pick_device, text_autocast
from encoders.weights import folder_version, model_folder
from graph.errors import InvalidData, Unsupported

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MAX_TOKENS = 256
MAX_CHARACTERS = 32 * MAX_TOKENS
"""Longer texts are cut before they reach the tokenizer: what is beyond is beyond `MAX_TOKENS` too."""


def clean_text(text: str) -> str:
    """Composed Unicode, single blanks, no lone surrogates, no more than `MAX_CHARACTERS`."""
    cut = text[: 2 * MAX_CHARACTERS].encode("utf-8", "replace").decode()
    return " ".join(unicodedata.normalize("NFC", cut).replace("\0", " ").split())[:MAX_CHARACTERS]


def prepare_text(text: str) -> str:
    """The text as it is encoded; raises `InvalidData` for one in which nothing is left."""
    cleaned = clean_text(text)
    if not cleaned:
        raise InvalidData("an empty text has no vector", valid="a text with at least one visible character")
    return cleaned


class SentenceEncoder:
    """A sentence-transformers model in a folder. The model is loaded by the first call that needs it."""

    modality: Modality = "text"

    def __init__(
        self, name: str, folder: Path, *, width: int | None = None, device: str | None = None, batch_size: int = 32
    ) -> None:
        self.name = name
        self.folder = folder
        self._width = width
        self._batch_size = batch_size
        self._device = device
        self._model = Lazy(self._load)
        self._version = Lazy(lambda: folder_version(folder, f"text 1 {MAX_TOKENS}{f' {width}' if width else ''}"))

    @property
    def version(self) -> str:
        return self._version.get()

    @property
    def dim(self) -> int:
        found = self._model.get().get_embedding_dimension()
        assert found is not None
        return int(found)

    def prepare(self, thing: str) -> str:
        return prepare_text(thing)

    def encode_prepared(self, batch: Sequence[str]) -> Vectors:
        return self._encode(batch, query=False)

    def encode_queries(self, batch: Sequence[str]) -> Vectors:
        """As `encode`, of what is searched for: with the model's own prompt for queries, where it has one."""
        return self._encode([self.prepare(text) for text in batch], query=True)

    def _encode(self, batch: Sequence[str], *, query: bool) -> Vectors:
        import torch

        if not batch:
            return np.zeros((0, self.dim), dtype=np.float32)
        model = self._model.get()
        encode = model.encode_query if query else model.encode_document
        with torch.inference_mode(), text_autocast(model.device):
            vectors = encode(list(batch), batch_size=self._batch_size, convert_to_numpy=True, show_progress_bar=False)
        return unit_rows(np.asarray(vectors))

    def encode(self, batch: Sequence[str]) -> Vectors:
        return self.encode_prepared([self.prepare(text) for text in batch])

    def _load(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer

        try:
            with quiet_loading():
                model = SentenceTransformer(
                    None if (plain := _last_token(self.folder)) else str(self.folder),
                    modules=plain,
                    device=str(pick_device(self._device)),
                    local_files_only=True,
                    model_kwargs=None if plain else {"use_safetensors": True},
                    truncate_dim=self._width,
                )
        except (OSError, ValueError, KeyError) as error:
            raise Unsupported(
                f"the text model in {self.folder} cannot be loaded: {error}",
                valid="a folder of sentence-transformers or transformers with safetensors weights",
                remedy="name another model, or save this one with save_pretrained(..., safe_serialization=True)",
            ) from error
        self._check_width(model)
        model.max_seq_length = min(model.max_seq_length or MAX_TOKENS, MAX_TOKENS)
        return model.eval()

    def _check_width(self, model: SentenceTransformer) -> None:
        model.truncate_dim = None
        full = model.get_embedding_dimension()
        model.truncate_dim = self._width
        if self._width is not None and full is not None and self._width > full:
            raise InvalidData(
                f"{self.name} asks for {self._width} numbers of a vector of {full}",
                valid=f"1 to {full}",
                remedy="write a smaller number after the #, or none",
            )


def _last_token(folder: Path) -> list[Any] | None:
    """Modules of a plain transformers decoder, which would be averaged; None for any other folder.

    A decoder: transformers can make it write on, but not fill gaps.
    """
    if (folder / "modules.json").is_file() or not (folder / "config.json").is_file():
        return None
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return None
    safe = {"use_safetensors": True, "local_files_only": True}
    words = Transformer(str(folder), model_kwargs=safe)
    return [words, Pooling(words.get_embedding_dimension(), pooling_mode="lasttoken"), Normalize()]


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without transformers' own progress bar, which would tear ours apart."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def sentence_transformer(reference: str, device: str | None) -> SentenceEncoder:
    """A model by folder or hub name, and `#WIDTH` where only the first numbers of its vectors are wanted."""
    folder, width = _width_of(reference)
    return SentenceEncoder(f"sentence-transformers:{reference}", model_folder(folder), width=width, device=device)


def _width_of(reference: str) -> tuple[str, int | None]:
    name, mark, width = reference.rpartition("#")
    if not mark or Path(reference).expanduser().is_dir():
        return reference, None
    if not width.isdecimal() or int(width) < 1:
        raise InvalidData(
            f"{width!r} is no width", valid="a whole number above 0", remedy="write NAME#256, or the name alone"
        )
    return name, int(width)
