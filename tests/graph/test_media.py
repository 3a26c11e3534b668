"""Pictures are checked and kept by content; what cannot be taken says why."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from graph.errors import InvalidData
from graph.media import Media
from tests.encoders.tiny import saved_sound, sound
from tests.encoders.video_files import plain, saved_video


def picture(color: str = "red", size: tuple[int, int] = (8, 8), kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def media(tmp_path, data):
    return Media(tmp_path / "home", data)


def test_equal_content_is_kept_once_and_named_by_its_format(media, data, tmp_path):
    for name in ("a.jpg", "b.jpeg"):
        (data / name).write_bytes(picture())
    (data / "c.jpg").write_bytes(picture(kind="PNG"))
    keys = [media.add(data / name, "image") for name in ("a.jpg", "b.jpeg", "c.jpg", "a.jpg")]
    assert keys[0] == keys[1] == keys[3] != keys[2]
    assert keys[0].endswith(".jpg")
    assert keys[2].endswith(".png")
    assert keys[0][:2] == keys[0][3:5]
    assert (tmp_path / "home" / "media" / keys[0]).read_bytes() == picture()
    assert media.copied == 2


def test_what_is_no_picture_is_refused(media, data, tmp_path):
    (data / "text.jpg").write_text("hello")
    (data / "cut.jpg").write_bytes(picture(size=(64, 64))[:-200])
    (tmp_path / "secret.jpg").write_bytes(picture())
    (data / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    for name, why in {
        "text.jpg": "no picture", "cut.jpg": "broken", "gone.jpg": "not there",
        "../secret.jpg": "outside", "link.jpg": "outside",
    }.items():  # fmt: skip
        with pytest.raises(InvalidData, match=why):
            media.add(data / name, "image")
    assert not (tmp_path / "home").exists()


def test_a_bomb_of_pixels_is_refused_by_its_header(media, data):
    header = picture(kind="BMP")[:54]
    bomb = header[:18] + (60_000).to_bytes(4, "little") * 2 + header[26:]
    (data / "bomb.bmp").write_bytes(bomb)
    with pytest.raises(InvalidData, match="too many pixels"):
        media.add(data / "bomb.bmp", "image")


@pytest.mark.parametrize(("sort", "word"), [("audio", "sound"), ("video", "video")])
def test_what_has_another_ending_is_refused(media, data, sort, word):
    (data / "a.m3u8").write_bytes(b"#EXTM3U")
    with pytest.raises(InvalidData, match=f"no {word}"):
        media.add(data / "a.m3u8", sort)


def test_sounds_and_videos_by_their_ending(media, data):
    (data / "a.mp3").write_bytes(b"ID3")
    (data / "a.MP4").write_bytes(b"ftyp")
    (data / "a.exe").write_bytes(b"MZ")
    assert media.add(data / "a.MP4", "video").endswith(".mp4")
    assert media.add(data / "a.mp3", "audio").endswith(".mp3")
    with pytest.raises(InvalidData, match="no sound"):
        media.add(data / "a.exe", "audio")


def test_uploads_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    media = Media(tmp_path, tmp_path)
    assert media.add_bytes(saved_sound(sound(1)), "audio").endswith(".wav")
    assert media.add_bytes(saved_video([plain(3)] * 4, "mp4", "mpeg4"), "video").endswith(".mp4")
    png = picture(kind="PNG")
    key = media.add_bytes(png, "image")
    assert key.endswith(".png")
    assert media.add_bytes(png, "image") == key
    assert (tmp_path / "media" / key).read_bytes() == png


@pytest.mark.parametrize("sort", ["image", "audio", "video"])
def test_an_upload_that_is_something_else_is_refused(tmp_path: Path, sort: str) -> None:
    with pytest.raises(InvalidData, match=f"the {sort}"):
        Media(tmp_path, tmp_path).add_bytes(b"nothing like it at all", sort)
    assert not (tmp_path / "media").exists()
