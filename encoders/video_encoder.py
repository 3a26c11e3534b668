"""A video through an encoder of pictures or of sounds: its frames' mean, or its sound track's vector.

So a video lies where pictures (or sounds) lie, and everything that compares them, tags and classifies included, takes
it without knowing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from encoders.base import Absent, AnyEncoder, Modality, Vectors, unit_rows
from encoders.projected import ProjectedEncoder
from encoders.video_frames import FRAMES, video_frames
from encoders.video_sound import sound_track

WAYS: Mapping[str, str] = MappingProxyType({"image": f"video frames {FRAMES} 1", "audio": "video sound 1"})
"""How a video becomes things to encode, by modality: part of the cache key and of a source's mark. The last number
changes with the frames that are picked."""


class VideoEncoder:
    """Things are the content of video files; vectors are those of `base`, whose name it keeps."""

    def __init__(self, base: AnyEncoder) -> None:
        self.base = base
        self.name = base.name

    @property
    def version(self) -> str:
        """Of the cache: the base's, and how frames are picked."""
        return f"{self.base.version} {WAYS[self.modality]}"

    @property
    def modality(self) -> Modality:
        return self.base.modality

    @property
    def dim(self) -> int:
        return self.base.dim

    def prepare(self, thing: bytes) -> list[Any]:
        """What `base` prepares of each frame, or of the sound track.

        Raises `InvalidData` for what is no video, broken, too large or silent; `Absent` where there is no sound track.
        """
        if self.modality == "image":
            return [self.base.prepare(frame) for frame in video_frames(thing)]
        track = sound_track(thing)
        if track is None:
            raise Absent("a video without a sound track")
        return [self.base.prepare(track)]

    def encode_prepared(self, batch: Sequence[list[Any]]) -> Vectors:
        """(len(batch), dim): each video's mean over its frames, of unit length."""
        if not batch:
            return np.zeros((0, self.dim), dtype=np.float32)
        vectors = self.base.encode_prepared([part for parts in batch for part in parts])
        starts = np.cumsum([0, *(len(parts) for parts in batch)])[:-1]
        return unit_rows(np.add.reduceat(vectors, starts))

    def encode(self, batch: Sequence[bytes]) -> Vectors:
        return self.encode_prepared([self.prepare(data) for data in batch])


def of_videos(encoder: AnyEncoder) -> AnyEncoder:
    """The encoder of videos into the space of `encoder`'s vectors.

    A projected one projects the mean of its base's vectors: the frames are then cached once for every projection.
    """
    if isinstance(encoder, ProjectedEncoder):
        return encoder.over(VideoEncoder(encoder.base))
    return VideoEncoder(encoder)
