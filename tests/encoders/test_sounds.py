from __future__ import annotations

import struct

import numpy as np
import pytest

from encoders.sounds import MAX_CHANNELS, mono_blocks, open_sound, windows
from graph.errors import InvalidData
from tests.encoders.tiny import saved_sound, sound


def decoded(data: bytes, size: int = 4000, overlap: int = 0) -> list[np.ndarray]:
    with open_sound(data) as opened:
        return list(mono_blocks(opened, size, overlap=overlap))


def wav_header(data_bytes: int, *, channels: int = 1, rate: int = 16_000) -> bytes:
    """A WAV header that promises that much."""
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return (
        b"RIFF" + struct.pack("<I", min(36 + data_bytes, 2**32 - 1)) + b"WAVEfmt " + struct.pack("<I", 16) + form
        + b"data" + struct.pack("<I", data_bytes)
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_common_formats_give_the_same_sound(kind: str) -> None:
    samples = sound(1, seconds=2)
    found = np.concatenate(decoded(saved_sound(samples, kind)))
    assert len(found) == pytest.approx(len(samples), abs=2500)  # MP3 pads its frames
    spectra = [np.abs(np.fft.rfft(one, 32_768)) for one in (found, np.clip(samples, -1, 1))]
    assert np.corrcoef(*spectra)[0, 1] > 0.98


def test_channels_are_mixed() -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1).astype(np.float32)
    np.testing.assert_allclose(np.concatenate(decoded(saved_sound(stereo))), 0.125, atol=1e-3)


def test_blocks_overlap_and_lose_nothing() -> None:
    samples = np.linspace(-1, 1, 1000, dtype=np.float32)
    blocks = decoded(saved_sound(samples, "WAV"), size=300, overlap=100)
    np.testing.assert_array_equal(blocks[0][-100:], blocks[1][:100])
    whole = np.concatenate([blocks[0], *(block[100:] for block in blocks[1:])])
    np.testing.assert_allclose(whole, samples, atol=1e-4)


@pytest.mark.parametrize("data", [b"", b"no sound", b"ID3" + b"\0" * 500, b"\xff\xd8\xff\xe0", b"OggS" + b"\1" * 80])
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidData, match="no sound") as caught:
        decoded(data)
    assert "object at" not in str(caught.value)


def test_a_header_that_promises_gigabytes_gives_what_is_there() -> None:
    data = wav_header(2**32 - 64) + b"\1\0" * 500
    assert sum(map(len, decoded(data))) == 500


def test_unlikely_forms_are_refused() -> None:
    with pytest.raises(InvalidData, match="channels"):
        decoded(wav_header(4000, channels=MAX_CHANNELS + 1) + b"\1\0" * 2000)
    with pytest.raises(InvalidData, match="samples a second"):
        decoded(wav_header(4000, rate=1_000_000) + b"\1\0" * 2000)


def test_samples_that_are_no_numbers_are_refused() -> None:
    import io

    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, np.array([0.1, np.nan, 0.2]), 16_000, format="WAV", subtype="FLOAT")
    with pytest.raises(InvalidData, match="no numbers"):
        decoded(stream.getvalue())


def test_windows_are_spread_over_a_long_sound_and_resampled() -> None:
    ramp = np.repeat(np.linspace(0, 0.9, 10), 8000).astype(np.float32)
    found = windows(saved_sound(ramp, "FLAC", rate=8000), rate=16_000, seconds=1.0, most=4)
    assert [len(window) for window in found] == [16_000] * 4
    np.testing.assert_allclose([np.median(window) for window in found], [0, 0.3, 0.6, 0.9], atol=0.01)


def test_a_short_sound_is_one_window() -> None:
    assert [len(one) for one in windows(saved_sound(sound(1, seconds=0.5)), rate=16_000, seconds=1, most=4)] == [8000]


def test_a_sound_without_samples_has_no_window() -> None:
    with pytest.raises(InvalidData, match="nothing to hear"):
        windows(wav_header(0), rate=16_000, seconds=1, most=4)


def test_a_truncated_sound_is_refused_or_gives_its_beginning() -> None:
    whole = saved_sound(sound(1, seconds=2), "FLAC")
    try:
        found = sum(map(len, decoded(whole[: len(whole) // 2])))
    except InvalidData:
        return
    assert 0 < found < 32_000
