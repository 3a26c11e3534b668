"""The contract of an encoder: things of one modality in, one matrix of vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Modality = Literal["text", "image", "audio"]

Thing = TypeVar("Thing", contravariant=True)


class Encoder(Protocol, Generic[Thing]):
    """`name` and `version` go into the cache key, so `version` changes whenever the vectors would.

    `encode` takes texts (str) or file contents (bytes: an encoded image or sound) and gives (len(batch), dim)
    float32, rows of unit length. It raises `graph.errors.InvalidData` for a thing it cannot read.
    """

    name: str
    version: str
    modality: Modality
    dim: int

    def encode(self, batch: Sequence[Thing]) -> NDArray[np.float32]: ...
