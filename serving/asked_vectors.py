"""Vectors of what a request brings (words, a picture, a sound), from the encoder process.

Request path: no model is loaded in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.encoder_client import EncoderClient
from serving.encoder_frames import Frame
from serving.index import Index
from serving.inherit import Floats


async def vectors_of(
    encoders: EncoderClient, index: Index, head: Mapping[str, Any], files: Mapping[str, bytes | None]
) -> dict[str, Floats]:
    """(dim,) by modality, made by the encoders of the index. `head`: `text`, or `title` and `text` of an item; with
    `skip`, a modality that the index has not is left out.

    Raises `InvalidData` for what cannot be read, `Unsupported`, `Conflict` and `EncodersUnavailable`.
    """
    answer = await encoders.ask(question("vectors", index, head, files))
    return {name: np.frombuffer(part, np.float32) for name, part in answer.parts.items()}


def question(ask: str, index: Index, head: Mapping[str, Any], files: Mapping[str, bytes | None]) -> Frame:
    """A frame for the encoder process of this index."""
    parts = {name: content for name, content in files.items() if content is not None}
    return Frame({"ask": ask, "encoders": {name: list(one) for name, one in index.encoders.items()}, **head}, parts)
