"""The sound of a video file, as the content of a sound file for the audio encoder."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoders.sounds import RATES, mono
from encoders.videos import Watch, decoded, open_video, picture_stream, sound_stream, undecodable
from graph.errors import InvalidData

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

MAX_SAMPLES = 3600 * 48_000
"""Heard: an hour at 48,000 a second; bounds the memory (two bytes each, before compression)."""


def sound_track(data: bytes, *, watch: Watch | None = None) -> bytes | None:
    """A video's sound, mixed to mono, at its own sampling rate: the content of a FLAC file of 16 bits.

    None for a video without a sound track. Up to `MAX_SAMPLES` are taken; the rest, and what follows a change of the
    sampling rate, is left out. Raises `InvalidData` for a file that is no video or broken, or takes too long.
    """
    watch = watch or Watch()
    with open_video(data) as container:
        picture_stream(container)  # a file of sound alone is no video
        stream = sound_stream(container)
        return None if stream is None else _flac(decoded(container, stream, watch))


def _flac(frames: Iterator[AudioFrame]) -> bytes:
    import soundfile

    first = next(frames, None)
    if first is None:
        raise undecodable("sound")
    rate, left = first.sample_rate, MAX_SAMPLES
    if not RATES[0] <= rate <= RATES[1]:
        raise InvalidData(f"a video with {rate} samples of sound a second", valid=f"{RATES[0]:,} to {RATES[1]:,}",
                          remedy="resample its sound")  # fmt: skip
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", samplerate=rate, channels=1, format="FLAC", subtype="PCM_16") as sound:
        for frame in _and_then(first, frames):
            if frame.sample_rate != rate or left <= 0:
                break
            samples = mono(_floats(frame))[:left]
            left -= len(samples)
            sound.write(samples)
    return file.getvalue()


def _and_then(first: AudioFrame, rest: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    yield first
    yield from rest


def _floats(frame: AudioFrame) -> NDArray[np.float32]:
    """(samples, channels) in [-1, 1]."""
    values = frame.to_ndarray()
    rows = values.T if frame.format.is_planar else values.reshape(-1, len(frame.layout.channels))
    if values.dtype == np.uint8:
        return np.asarray((rows.astype(np.float32) - 128) / 128, dtype=np.float32)
    scale = 2 ** (8 * values.itemsize - 1) if values.dtype.kind == "i" else 1
    return np.asarray(rows / scale, dtype=np.float32)
