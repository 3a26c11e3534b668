"""What is searched for as vectors: the encoders that made the index's own, so that both lie in one space.

Beside the request path: this file loads models.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoders.base import encode_queries
from encoders.registry import open_encoder
from graph.errors import Conflict, Unsupported
from serving.index import Index


def query_vectors(index: Index, things: Mapping[str, str | Path]) -> list[tuple[str, NDArray[np.float32]]]:
    """(modality, vector) of a sentence (`text`) and of files (`image`, `audio`).

    Raises `Unsupported` where the index has no vectors of that modality, `Conflict` where another version of the
    encoder made them, `InvalidData` for a file that cannot be read.
    """
    return [(modality, _vector(index, modality, thing)) for modality, thing in things.items()]


def _vector(index: Index, modality: str, thing: str | Path) -> NDArray[np.float32]:
    if modality not in index.encoders:
        raise Unsupported(
            f"a search by {modality}: the index has no such vectors",
            valid=", ".join(sorted(index.encoders)) or "an index of encoded items",
            remedy="interlace encode, then train or refresh",
        )
    name, version = index.encoders[modality]
    encoder = open_encoder(name)
    if encoder.version != version:
        raise Conflict(
            f"the index's {modality} vectors were made by {name} {version}, this is version {encoder.version}",
            valid="one version of the encoder for items and searches",
            remedy="interlace encode, then train or refresh",
        )
    content = thing if isinstance(thing, str) else thing.read_bytes()
    return np.asarray(encode_queries(encoder, [content])[0], np.float32)
