"""The sound track of a video as a sound file."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from encoders import video_sound as module
from encoders.signal import SignalEncoder
from encoders.video_sound import sound_track
from graph.errors import InvalidData
from tests.encoders.tiny import saved_sound, sound
from tests.encoders.video_files import ramp, saved_video

KINDS = [
    ("mp4", "mpeg4", "aac", 16_000, 0.99), ("mov", "mpeg4", "pcm_s16le", 16_000, 0.9999),
    ("avi", "mjpeg", "pcm_u8", 16_000, 0.97), ("avi", "mpeg4", "libmp3lame", 16_000, 0.85),
    ("mp4", "mpeg4", "libmp3lame", 16_000, 0.94),
    ("webm", "libvpx", "libopus", 48_000, 0.98), ("matroska", "libvpx", "flac", 16_000, 0.9999),
    ("mpegts", "mpeg2video", "mp2", 16_000, 0.98),
]  # fmt: skip


def heard(data: bytes) -> tuple[np.ndarray, int]:
    track = sound_track(data)
    assert track is not None
    return soundfile.read(io.BytesIO(track), dtype="float32")


@pytest.mark.parametrize(("form", "codec", "sound_codec", "rate", "least"), KINDS)
def test_the_sound_has_nearly_the_vector_of_the_same_sound_alone(
    form: str, codec: str, sound_codec: str, rate: int, least: float
) -> None:
    samples = sound(1, seconds=4, rate=rate) * 0.5
    video = saved_video(ramp(100), form, codec, sound=(samples, sound_codec), sound_rate=rate)
    found, found_rate = heard(video)
    assert found_rate == rate
    assert len(found) == pytest.approx(len(samples), abs=0.12 * rate)  # MP3 in AVI says nothing of its padding
    encoder = SignalEncoder()
    alone, other = encoder.encode([saved_sound(samples, rate=rate), saved_sound(sound(2, seconds=4) * 0.5)])
    track = sound_track(video)
    assert track is not None
    vector = encoder.encode([track])[0]
    assert float(vector @ alone) > least  # MP3 cuts high bands: 0.95 for the same sound as an MP3 file
    assert float(vector @ other) < 0.75


def test_a_video_without_sound_has_none() -> None:
    assert sound_track(saved_video(ramp(5))) is None


def test_channels_are_mixed_as_those_of_a_sound_file() -> None:
    stereo = np.stack([np.full(8000, 0.5), np.full(8000, -0.25)]).astype(np.float32)
    found, _ = heard(saved_video(ramp(5), "mov", sound=(stereo, "pcm_s16le")))
    np.testing.assert_allclose(found, 0.125, atol=1e-3)


def test_a_long_sound_is_heard_as_far_as_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SAMPLES", 5000)
    found, _ = heard(saved_video(ramp(5), "mov", sound=(sound(1), "pcm_s16le")))
    assert len(found) == 5000


def test_an_unlikely_rate_is_refused() -> None:
    data = saved_video(ramp(5), "mov", sound=(sound(1), "pcm_s16le"), sound_rate=2000)
    with pytest.raises(InvalidData, match="2000 samples of sound") as caught:
        sound_track(data)
    assert "192,000" in caught.value.valid


def test_a_track_of_which_nothing_decodes_is_refused() -> None:
    data = saved_video(ramp(5), "matroska", "mpeg4", sound=(sound(1), "flac"))
    frame = b"\xff\xf8"  # begins a frame of FLAC
    assert data.count(frame) > 2
    with pytest.raises(InvalidData, match="no sound could be decoded"):
        sound_track(data.replace(frame, b"\0\0"))
