"""Opening what strangers upload: what is no video, what asks for other files, and what would take too much."""

from __future__ import annotations

import io
import resource
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from encoders import videos
from encoders.video_frames import video_frames
from encoders.video_sound import sound_track
from encoders.videos import MAX_PIXELS, Watch, open_video, picture_stream
from graph.errors import InvalidData
from tests.encoders.tiny import saved, saved_sound, sound
from tests.encoders.video_files import plain, ramp, saved_sound_only, saved_video

READERS = (video_frames, sound_track)
PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "dash": b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'></MPD>",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no video at all",
        saved(plain(9), "PNG"),
        saved(plain(9), "GIF"),
        saved_sound(sound(1)),
        *PLAYLISTS.values(),
    ],
    ids=["empty", "text", "png", "gif", "wav", *PLAYLISTS],
)
def test_what_is_no_video_is_refused(read, data: bytes) -> None:
    with pytest.raises(InvalidData, match="no video") as caught:
        read(data)
    assert caught.value.valid
    assert caught.value.remedy
    assert "object at" not in str(caught.value)


def test_no_other_file_is_opened_even_by_a_format_that_asks_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "part.ts").write_bytes(saved_video(ramp(5), "mpegts", "mpeg2video"))
    parts = f"ffconcat version 1.0\nfile '{tmp_path}/part.ts'\n".encode()
    with av.open(io.BytesIO(parts), options={"protocol_whitelist": "file", "safe": "0"}) as container:
        assert container.streams.video  # what FFmpeg does by itself
    every = {name: value for name, value in videos._OPTIONS.items() if name != "format_whitelist"}
    monkeypatch.setattr(videos, "_OPTIONS", {**every, "safe": "0"})
    with pytest.raises(InvalidData, match="no video"):
        video_frames(parts)


@pytest.mark.parametrize("read", READERS)
def test_a_sound_alone_is_no_video(read) -> None:
    with pytest.raises(InvalidData, match="without pictures"):
        read(saved_sound_only(sound(1)))


def test_a_cover_picture_makes_no_video() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        tone = container.add_stream("aac", rate=16_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(sound(1)[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux([*cover.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 64)))), *cover.encode(None)])
        container.mux([*tone.encode(frame), *tone.encode(None)])
    with pytest.raises(InvalidData, match="without pictures"):
        video_frames(file.getvalue())


def test_a_codec_that_is_not_listed_is_refused() -> None:
    with pytest.raises(InvalidData, match="codec huffyuv") as caught:
        video_frames(saved_video(ramp(3), "avi", "ffvhuff").replace(b"FFVH", b"HFYU"))
    assert "h264" in caught.value.valid


def test_a_header_that_claims_a_huge_picture_is_refused() -> None:
    data = bytearray(saved_video(ramp(5), "avi", "mjpeg"))
    place = data.index(b"strf") + 12  # width and height of a BITMAPINFOHEADER
    data[place : place + 8] = (60_000).to_bytes(4, "little") * 2
    with pytest.raises(InvalidData, match="60000 x 60000 pixels") as caught:
        video_frames(bytes(data))
    assert f"{MAX_PIXELS:,}" in caught.value.valid


def test_frames_that_claim_to_be_huge_take_no_memory() -> None:
    data = saved_video(ramp(5), "webm", "libvpx")
    key = b"\x9d\x01\x2a"  # begins a key frame of VP8; then come width and height
    place = data.index(key)
    bomb = data.replace(data[place : place + 7], key + (16_000).to_bytes(2, "little") * 2)
    assert bomb != data
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidData, match="no frame could be decoded"):
        video_frames(bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # one such frame: 384 MB


@pytest.mark.parametrize("read", READERS)
def test_work_ends_when_the_time_is_up(read) -> None:
    ticks = iter(range(1000))
    tone = (sound(1, seconds=2), "aac")
    with pytest.raises(InvalidData, match="more than 5 seconds"):
        read(saved_video(ramp(50), sound=tone), watch=Watch(5, lambda: float(next(ticks))))


def test_damage_of_any_kind_is_refused_or_passed_over() -> None:
    drawn = np.random.default_rng(0)
    tone = (sound(1), "libmp3lame")
    for form, codec in (("mp4", "mpeg4"), ("avi", "mjpeg"), ("mpegts", "mpeg2video"), ("matroska", "libvpx")):
        whole = np.frombuffer(saved_video(ramp(20), form, codec, sound=tone), np.uint8)
        for number in range(40):
            bad = whole.copy()
            places = drawn.integers(0, 1500 if number % 2 else len(bad), 30)
            bad[places] = drawn.integers(0, 256, len(places))
            for read in READERS:
                try:
                    read(bad.tobytes())
                except InvalidData as error:
                    assert error.valid  # noqa: PT017 - both ends are right


def test_nothing_decodes_while_a_file_is_probed() -> None:
    with open_video(saved_video(ramp(5), "webm", "libvpx")) as container:
        assert not picture_stream(container).codec_context.is_open
