"""A catalogue's own encoders: a frozen tower, then the projection that one of the trainers learned: `train_clip`
(pictures and texts), `train_sounds` (sounds and words) or `train_liked` (items liked together).

Of a catalogue CLIP, the vectors equal those of the open_clip model that `encoders.clip.build_clip(projections)` gives;
they are computed from the tower's cached features, so a catalogue that is encoded already is projected in milliseconds.
Pictures and texts share this space: their cosine says how well they fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from encoders.base import AnyEncoder, Lazy, Modality, Vectors, unit_rows
from encoders.clip import IMAGE_PROJECTION, TEXT_PROJECTION
from encoders.weights import files_version
from graph.errors import NotFound, Unsupported

AUDIO_PROJECTION = "audio.proj.weight"
TENSORS: Mapping[Modality, str] = MappingProxyType(
    {"image": IMAGE_PROJECTION, "text": TEXT_PROJECTION, "audio": AUDIO_PROJECTION}
)
SHIPPED: Mapping[str, str] = MappingProxyType({"image": "efficientnet-lite0", "text": "minilm"})
"""Towers of a file that does not say on which it was trained."""


def bias_of(tensor: str) -> str:
    """Name of the bias beside a projection's matrix."""
    return tensor.removesuffix("weight") + "bias"


@dataclass(frozen=True)
class _Projection:
    """x -> matrix x + bias, then of unit length."""

    matrix: Vectors
    bias: Vectors | None

    def of(self, vectors: Vectors) -> Vectors:
        found = vectors @ self.matrix.T
        return unit_rows(found if self.bias is None else found + self.bias)


class ProjectedEncoder:
    """`base`'s vectors times a matrix, of unit length again."""

    def __init__(self, name: str, base: AnyEncoder, file: Path, tensor: str) -> None:
        self.name = name
        self.base = base
        self._projection = Lazy(lambda: _read(file, tensor))
        self._version = Lazy(lambda: files_version([file], f"{tensor} {base.version}"))

    @property
    def version(self) -> str:
        return self._version.get()

    @property
    def modality(self) -> Modality:
        return self.base.modality

    @property
    def dim(self) -> int:
        return int(self._projection.get().matrix.shape[0])

    def over(self, base: AnyEncoder) -> ProjectedEncoder:
        """The same projection of another base's vectors, which lie in the same space as this one's."""
        made = copy(self)
        made.base = base
        return made

    def project(self, vectors: Sequence[Vectors] | Vectors) -> Vectors:
        """(n, base's dim) to (n, dim)."""
        return self._projection.get().of(np.stack(list(vectors)))

    def prepare(self, thing: Any) -> Any:
        return self.base.prepare(thing)

    def encode_prepared(self, batch: Sequence[Any]) -> Vectors:
        return self._projection.get().of(self.base.encode_prepared(batch))

    def encode(self, batch: Sequence[Any]) -> Vectors:
        return self.encode_prepared([self.prepare(thing) for thing in batch])


def catalogue_image(reference: str, device: str | None) -> ProjectedEncoder:
    """Pictures in the space of the projections in file `reference`."""
    return _projected("image", reference, device)


def catalogue_text(reference: str, device: str | None) -> ProjectedEncoder:
    """Texts in the space of the projections in file `reference`."""
    return _projected("text", reference, device)


def catalogue_audio(reference: str, device: str | None) -> ProjectedEncoder:
    """Sounds in the space of the projections in file `reference`."""
    return _projected("audio", reference, device)


def _projected(modality: Modality, reference: str, device: str | None) -> ProjectedEncoder:
    from encoders.registry import open_encoder  # which imports this file

    file = Path(reference).expanduser()
    if not file.is_file():
        raise NotFound(
            f"no trained projections at {reference!r}",
            valid="a file that interlace train-encoder saved: HOME/encoders/catalogue-clip.safetensors",
            remedy="interlace train-encoder",
        )
    base = open_encoder(base_of(file, modality), device=device)
    return ProjectedEncoder(f"catalogue-{modality}:{reference}", base, file, TENSORS[modality])


def base_of(file: Path, modality: Modality) -> str:
    """Name of the encoder whose vectors a file projects. Raises `Unsupported` where it projects none of them."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as weights:
            there, about = set(weights.keys()), json.loads((weights.metadata() or {}).get("training", "{}"))
    except SafetensorError as error:
        raise Unsupported(f"{file} cannot be read: {error}", valid="a file that interlace train-encoder saved",
                          remedy="train it again") from error  # fmt: skip
    if TENSORS[modality] not in there:
        raise Unsupported(
            f"{file} holds no projection of {modality}",
            valid=", ".join(name for name, tensor in TENSORS.items() if tensor in there) or "nothing that is known",
            remedy="interlace train-encoder, with --pairs and --modality as wanted",
        )
    found = about.get("bases", {}).get(modality)
    name = str(found[0]) if found else SHIPPED[modality]
    if name.startswith("catalogue-"):
        raise Unsupported(
            f"{file} projects {name}, which is a projection itself",
            valid="projections of an encoder as it came",
            remedy="train it again",
        )
    return name


def _read(file: Path, tensor: str) -> _Projection:
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as weights:
        bias = bias_of(tensor)
        return _Projection(weights.get_tensor(tensor), weights.get_tensor(bias) if bias in weights.keys() else None)  # noqa: SIM118 - it is no mapping
