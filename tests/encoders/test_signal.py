from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from encoders.signal import BLOCK_FRAMES, HOP, SCALES, TEMPI, SignalEncoder
from graph.errors import InvalidData
from tests.encoders.tiny import saved_sound, sound

ENCODER = SignalEncoder()


def group(data: bytes, name: str) -> np.ndarray:
    vector, at = ENCODER.prepare(data), 0
    for each, width, spread in SCALES:
        if each == name:
            return vector[at : at + width] * (spread * np.sqrt(width))
        at += width
    raise KeyError(name)


def test_the_same_sound_in_another_format_and_rate_is_near() -> None:
    here = ENCODER.encode([saved_sound(sound(seed, seconds=4), "FLAC") for seed in range(4)])
    mp3 = ENCODER.encode([saved_sound(sound(seed, seconds=4), "MP3") for seed in range(4)])
    other = ENCODER.encode([saved_sound(sound(seed, seconds=4, rate=22_050), "OGG", rate=22_050) for seed in range(4)])
    for found in (mp3, other):
        np.testing.assert_array_equal((here @ found.T).argmax(axis=1), np.arange(4))


def test_a_tone_is_in_its_pitch_class() -> None:
    time = np.arange(16_000) / 16_000
    for octave in (220.0, 440.0, 880.0):
        tone = (0.5 * np.sin(2 * np.pi * octave * time)).astype(np.float32)
        assert group(saved_sound(tone), "chroma").argmax() == 0
    fifth = (0.5 * np.sin(2 * np.pi * 659.26 * time)).astype(np.float32)
    assert group(saved_sound(fifth), "chroma").argmax() == 7


def test_clicks_at_120_a_minute_have_that_tempo() -> None:
    clicks = np.zeros(16_000 * 8, np.float32)
    noise = np.random.default_rng(0).standard_normal(800).astype(np.float32) * 0.3
    for start in range(0, len(clicks), 8000):
        clicks[start : start + 800] = noise
    tempo = group(saved_sound(clicks), "tempo")
    # A beat's multiples of the period match as well: the slower half of the tempi is left out.
    fast = TEMPI > 90
    assert TEMPI[fast][tempo[fast].argmax()] == pytest.approx(120, rel=0.06)


def test_loudness_moves_the_level_and_little_else() -> None:
    loud, soft = (saved_sound(sound(2, seconds=2) * gain) for gain in (1.0, 0.1))
    assert group(loud, "level")[0] - group(soft, "level")[0] == pytest.approx(20, abs=1.5)
    np.testing.assert_allclose(group(loud, "bands"), group(soft, "bands"), atol=1.5)


def test_blocks_do_not_show() -> None:
    """A sound of many blocks has the statistics of its parts, however long it is."""
    once = sound(3, seconds=2.4)
    many = np.tile(once, 12)
    assert len(many) > 3 * BLOCK_FRAMES * HOP * 16_000
    np.testing.assert_allclose(group(saved_sound(once), "bands"), group(saved_sound(many), "bands"), atol=0.3)


def test_silence_is_refused() -> None:
    with pytest.raises(InvalidData, match="nothing to hear"):
        ENCODER.encode([saved_sound(np.zeros(16_000, np.float32))])


def test_music_of_one_genre_is_near(data_root: Path) -> None:
    """Emotify, four genres of 100 songs: the nearest other song is of the same genre more often than by chance.

    0.32 is the binomial 99.9% bound of chance (0.25) over 400 songs.
    """
    clips = data_root / "emotify" / "clips"
    vectors = ENCODER.encode([(clips / f"{number}.mp3").read_bytes() for number in range(1, 401)])
    near = vectors @ vectors.T
    np.fill_diagonal(near, -1)
    genre = np.arange(400) // 100
    assert (genre[near.argmax(axis=1)] == genre).mean() > 0.32
