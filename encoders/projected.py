"""The trained catalogue CLIP as encoders: a shipped tower, then the projection that `encoders.train_clip` learned.

The vectors equal those of the open_clip model that `encoders.clip.build_clip(projections)` gives; they are computed
from the tower's cached features, so a catalogue that is encoded already is projected in milliseconds. Pictures and
texts share this space: their cosine says how well they fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import AnyEncoder, Lazy, Modality, Vectors, unit_rows
from encoders.clip import IMAGE_PROJECTION, TEXT_PROJECTION
from encoders.image import efficientnet_lite0
from encoders.minilm import minilm
from encoders.weights import files_version
from graph.errors import NotFound


class ProjectedEncoder:
    """`base`'s vectors times a matrix, of unit length again."""

    def __init__(self, name: str, base: AnyEncoder, file: Path, tensor: str) -> None:
        self.name = name
        self.base = base
        self._matrix = Lazy(lambda: _read(file, tensor))
        self._version = Lazy(lambda: files_version([file], f"{tensor} {base.version}"))

    @property
    def version(self) -> str:
        return self._version.get()

    @property
    def modality(self) -> Modality:
        return self.base.modality

    @property
    def dim(self) -> int:
        return int(self._matrix.get().shape[0])

    def over(self, base: AnyEncoder) -> ProjectedEncoder:
        """The same projection of another base's vectors, which lie in the same space as this one's."""
        made = copy(self)
        made.base = base
        return made

    def project(self, vectors: Sequence[Vectors]) -> Vectors:
        """(n, base's dim) to (n, dim)."""
        return unit_rows(np.stack(vectors) @ self._matrix.get().T)

    def prepare(self, thing: Any) -> Any:
        return self.base.prepare(thing)

    def encode_prepared(self, batch: Sequence[Any]) -> Vectors:
        return unit_rows(self.base.encode_prepared(batch) @ self._matrix.get().T)

    def encode(self, batch: Sequence[Any]) -> Vectors:
        return self.encode_prepared([self.prepare(thing) for thing in batch])


def catalogue_image(reference: str, device: str | None) -> ProjectedEncoder:
    """Pictures in the space of the projections in file `reference`."""
    return _projected("catalogue-image", reference, efficientnet_lite0("", device), IMAGE_PROJECTION)


def catalogue_text(reference: str, device: str | None) -> ProjectedEncoder:
    """Texts in the space of the projections in file `reference`."""
    return _projected("catalogue-text", reference, minilm("", device), TEXT_PROJECTION)


def _projected(name: str, reference: str, base: AnyEncoder, tensor: str) -> ProjectedEncoder:
    file = Path(reference).expanduser()
    if not file.is_file():
        raise NotFound(
            f"no trained projections at {reference!r}",
            valid="a file that encoders.train_clip saved: HOME/encoders/catalogue-clip.safetensors",
            remedy="interlace train-encoder",
        )
    return ProjectedEncoder(f"{name}:{reference}", base, file, tensor)


def _read(file: Path, tensor: str) -> Vectors:
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as weights:
        matrix: Vectors = weights.get_tensor(tensor)
    return matrix
