"""Sound files to mono samples, safely and in blocks: what strangers upload is decoded here.

libsndfile (the `soundfile` wheel) reads MP3, WAV, FLAC and OGG (Vorbis, Opus). A header's word on the length is never
believed: memory is bounded by the block, and decoding ends after `MAX_SECONDS`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData

if TYPE_CHECKING:
    from soundfile import SoundFile

FORMATS = ("MP3", "WAV", "WAVEX", "RF64", "FLAC", "OGG", "AIFF")
MAX_SECONDS = 4 * 3600
MAX_CHANNELS = 8
RATES = (4_000, 192_000)
_REMEDY = "save the sound again as MP3, WAV, FLAC or OGG, or leave it out"


@contextmanager
def open_sound(data: bytes) -> Iterator[SoundFile]:
    """The decoder of a sound file's content, closed at the end.

    Raises `InvalidData` for content that is empty, no sound, broken (on reading, too), or of an unlikely form.
    """
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            _check(sound)
            yield sound
    except soundfile.SoundFileError as error:
        raise InvalidData(
            f"{len(data)} bytes that are no sound, or a broken one: {getattr(error, 'error_string', error)}",
            valid=f"a whole sound file: {', '.join(FORMATS)}",
            remedy=_REMEDY,
        ) from error


def _check(sound: SoundFile) -> None:
    if sound.format not in FORMATS:
        raise InvalidData(f"a sound in the format {sound.format}", valid=", ".join(FORMATS), remedy=_REMEDY)
    if not 0 < sound.channels <= MAX_CHANNELS:
        raise InvalidData(f"{sound.channels} channels of sound", valid=f"1 to {MAX_CHANNELS}", remedy="mix them down")
    if not RATES[0] <= sound.samplerate <= RATES[1]:
        raise InvalidData(
            f"{sound.samplerate} samples a second", valid=f"{RATES[0]:,} to {RATES[1]:,}", remedy="resample the sound"
        )


def mono_blocks(sound: SoundFile, size: int, *, overlap: int = 0) -> Iterator[NDArray[np.float32]]:
    """Mean of the channels in [-1, 1], `size` samples at a time, of which `overlap` are the end of the block before.

    Ends after `MAX_SECONDS`; the last block may be shorter. Raises `InvalidData` where a sample is no number.
    """
    left = MAX_SECONDS * sound.samplerate
    tail = np.zeros(0, np.float32)
    while left > 0:
        samples = sound.read(min(size - len(tail), left), dtype="float32", always_2d=True)
        if not len(samples):
            return
        left -= len(samples)
        block = np.concatenate([tail, mono(samples)])
        yield block
        tail = block[len(block) - min(overlap, len(block)) :]


def mono(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(samples, channels) to their mean, clipped to [-1, 1]; raises `InvalidData` where a sample is no number."""
    if not np.isfinite(samples).all():
        raise InvalidData("a sound with samples that are no numbers", valid="finite samples", remedy=_REMEDY)
    mixed: NDArray[np.float32] = np.clip(samples, -1.0, 1.0).mean(axis=1, dtype=np.float32)
    return mixed


def windows(data: bytes, *, rate: int, seconds: float, most: int) -> list[NDArray[np.float32]]:
    """Up to `most` windows of `seconds`, evenly spaced over a sound file, each resampled to `rate`.

    A sound no longer than one window gives one, of its own length. Raises `InvalidData` as `open_sound`, and for a
    sound without a sample.
    """
    with open_sound(data) as sound:
        length = int(seconds * sound.samplerate)
        total = min(sound.frames, MAX_SECONDS * sound.samplerate)
        count = max(1, min(most, total // max(length, 1)))
        found = []
        for start in np.linspace(0, max(0, total - length), count).astype(int).tolist():
            sound.seek(start)
            samples = sound.read(length, dtype="float32", always_2d=True)
            if len(samples):
                found.append(_resampled(mono(samples), sound.samplerate, rate))
    if not found:
        raise nothing_to_hear("no sample could be decoded")
    return found


def _resampled(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    if rate == wanted:
        return samples
    common = int(np.gcd(rate, wanted))
    return np.asarray(resample_poly(samples, wanted // common, rate // common), dtype=np.float32)


def nothing_to_hear(why: str) -> InvalidData:
    """The error for a file that decodes to nothing."""
    return InvalidData(f"a sound with nothing to hear: {why}", valid="a sound that is not silent", remedy=_REMEDY)
