"""What is searched for as vectors: the encoders that made the index's own, so that both lie in one space.

Beside the request path: this file loads models.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
        raise not_encoded(modality, index.encoders)
    name, version = index.encoders[modality]
    encoder = open_encoder(name)
    check_version(encoder.version, name, version)
    content = thing if isinstance(thing, str) else thing.read_bytes()
    return np.asarray(encode_queries(encoder, [content])[0], np.float32)


def check_version(here: str, name: str, version: str) -> None:
    """Raises `Conflict` where the index's vectors are of another version of the encoder."""
    if here != version:
        raise Conflict(
            f"the index's vectors were made by {name} {version}, this is version {here}",
            valid="one version of the encoder for items and questions",
            remedy="interlace encode, then train or refresh",
        )


def not_encoded(modality: str, encoders: Mapping[str, Any]) -> Unsupported:
    """The error for a question by what the index has no vectors of."""
    return Unsupported(
        f"a question by {modality}: the index has no such vectors",
        valid=", ".join(sorted(encoders)) or "an index of encoded items",
        remedy="interlace encode, then train or refresh",
    )
