"""Which frames are taken of a video, and how they look."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from encoders import video_frames as module
from encoders.video_frames import ENOUGH, FRAMES, Timeline, video_frames
from graph.errors import InvalidData
from tests.encoders.video_files import SIZE, plain, ramp, saved_video, without_length

KINDS = [
    ("mp4", "mpeg4"), ("mp4", "libx264"), ("mov", "mpeg4"), ("webm", "libvpx"), ("webm", "libvpx-vp9"),
    ("avi", "mjpeg"), ("avi", "mpeg4"), ("matroska", "mpeg4"), ("mpegts", "mpeg2video"),
]  # fmt: skip


def pictures(data: bytes, **options: int) -> list[Image.Image]:
    return [Image.open(io.BytesIO(frame)) for frame in video_frames(data, **options)]


def shades(data: bytes, **options: int) -> list[float]:
    return [float(np.asarray(picture.convert("L")).mean()) for picture in pictures(data, **options)]


EVEN = [255 * (2 * number + 1) / (2 * FRAMES) for number in range(FRAMES)]


@pytest.mark.parametrize(("form", "codec"), KINDS)
def test_frames_are_evenly_spaced_in_every_container(form: str, codec: str) -> None:
    data = saved_video(ramp(100), form, codec)
    assert {picture.size for picture in pictures(data)} == {SIZE}
    np.testing.assert_allclose(shades(data), EVEN, atol=10)


@pytest.mark.parametrize("gop", [1, 7, 1000])
def test_wherever_key_frames_lie(gop: int) -> None:
    np.testing.assert_allclose(shades(saved_video(ramp(200), codec="libx264", gop=gop)), EVEN, atol=6)


def test_a_video_that_says_no_length() -> None:
    data = saved_video(ramp(100), "webm", "libvpx")
    np.testing.assert_allclose(shades(without_length(data)), shades(data), atol=1)


def test_a_video_of_few_frames_gives_each_once() -> None:
    np.testing.assert_allclose(shades(saved_video(ramp(3), "avi", "mjpeg")), [0, 128, 255], atol=3)
    assert len(pictures(saved_video([plain(70)]))) == 1


def test_a_number_of_frames_may_be_given() -> None:
    np.testing.assert_allclose(shades(saved_video(ramp(100), "avi", "mjpeg"), count=2), [64, 191], atol=5)


def test_the_same_file_gives_the_same_frames() -> None:
    data = saved_video(ramp(40), codec="libx264")
    assert video_frames(data) == video_frames(data)


@pytest.mark.parametrize(("rotation", "corner"), [(0, (0, 0)), (90, (0, 1)), (180, (1, 1)), (-90, (1, 0))])
def test_the_cameras_rotation_is_applied(rotation: int, corner: tuple[int, int]) -> None:
    """A white corner, top left before the rotation (counter-clockwise)."""
    picture = plain(0)
    picture.paste(plain(255, (32, 24)), (0, 0))
    found = pictures(saved_video([picture] * 5, "mov", rotation=rotation))[0].convert("L")
    assert found.size == (SIZE if rotation in {0, 180} else SIZE[::-1])
    ends = [[found.getpixel((x, y)) for y in (4, found.height - 5)] for x in (4, found.width - 5)]
    assert ends[corner[0]][corner[1]] > 200
    assert sum(map(sum, ends)) < 350


def test_pixels_become_square_and_large_frames_small() -> None:
    wide = pictures(saved_video([plain(9)] * 3, "mov", aspect=2))[0]
    assert wide.size == (2 * SIZE[0], SIZE[1])
    assert pictures(saved_video([plain(9, (1280, 720))] * 3))[0].size == (round(1280 * ENOUGH / 720), ENOUGH)


@pytest.mark.parametrize(("form", "codec"), [("webm", "libvpx"), ("avi", "mjpeg"), ("mpegts", "mpeg2video")])
def test_a_truncated_video_gives_its_beginning(form: str, codec: str) -> None:
    data = saved_video(ramp(100), form, codec)
    found = shades(data[: len(data) // 2])
    assert found[0] < 30
    assert 80 < found[-1] < 200


def test_a_truncated_mp4_is_refused() -> None:
    """Its index is at the end."""
    data = saved_video(ramp(50))
    with pytest.raises(InvalidData, match="broken"):
        video_frames(data[: len(data) // 2])


def test_bounds_on_decoding_end_early_but_not_in_error(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved_video(ramp(100), codec="libx264", gop=1000)
    monkeypatch.setattr(module, "MOST_AHEAD", 3)
    near = shades(data)
    assert 2 < len(near) <= FRAMES
    assert near[-1] < 150
    monkeypatch.setattr(module, "MOST_PIXELS", 5 * SIZE[0] * SIZE[1])
    assert len(shades(data)) <= 2
    monkeypatch.setattr(module, "MOST_PACKETS", 1)
    assert len(shades(data)) == 1


def test_moments_of_a_timeline() -> None:
    line = Timeline(range(0, 1000, 10), (0, 500), (-20, 480))
    assert line.moments(4) == [120, 370, 620, 870]
    assert line.key_before(490) == (0, -20)
    assert line.key_before(500) == (500, 480)
    assert Timeline((7,), (), ()).moments(4) == [7]
    assert Timeline((7, 9), (), ()).key_before(9) == (7, 7)
