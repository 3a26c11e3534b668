"""Small real video files, made by FFmpeg's own encoders."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 96, 64
RATE = 25


def plain(shade: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A grey picture."""
    return Image.new("RGB", size, (shade, shade, shade))


def ramp(count: int, size: tuple[int, int] = SIZE) -> list[Image.Image]:
    """Pictures from black to white, so that a frame's shade tells when it was shown."""
    return [plain(round(255 * number / max(1, count - 1)), size) for number in range(count)]


def striped(size: tuple[int, int] = (240, 180)) -> Image.Image:
    """Black and yellow stripes."""
    rows = np.zeros((size[1], size[0], 3), np.uint8)
    rows[np.arange(size[1]) % 30 < 15, :, :2] = 230
    return Image.fromarray(rows)


def saved_video(
    pictures: Sequence[Image.Image],
    form: str = "mp4",
    codec: str = "mpeg4",
    *,
    sound: tuple[NDArray[np.float32], str] | None = None,
    sound_rate: int = 16_000,
    **settings: float,
) -> bytes:
    """The file's content: 25 pictures a second; `sound`: samples, (n,) or (channels, n), and codec.

    `settings`: `gop` (frames between key frames), `rotation` (degrees counter-clockwise), `aspect` (of a pixel).
    """
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size = int(settings.get("gop", 12))
        stream.bit_rate = 2_000_000
        if "rotation" in settings:
            stream.set_display_rotation(settings["rotation"])
        if "aspect" in settings:
            stream.codec_context.sample_aspect_ratio = Fraction(settings["aspect"])
        packets = [_sound(container, *sound, sound_rate)] if sound else []
        packets.append(
            packet
            for picture in [*pictures, None]
            for packet in stream.encode(None if picture is None else av.VideoFrame.from_image(picture))
        )
        for part in packets:
            container.mux(list(part))
    return file.getvalue()


def _sound(
    container: av.container.OutputContainer, samples: NDArray[np.float32], codec: str, rate: int
) -> Iterator[av.Packet]:
    rows = np.atleast_2d(samples)
    layout = {1: "mono", 2: "stereo"}[len(rows)]
    stream = container.add_stream(codec, rate=rate, layout=layout)
    stream.bit_rate = 128_000
    step = 960
    resampler = av.AudioResampler(format=stream.codec_context.format or "fltp", layout=layout, rate=rate)
    for begin in range(0, rows.shape[1], step):
        part = np.ascontiguousarray(rows[:, begin : begin + step], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        for ready in resampler.resample(frame):
            yield from stream.encode(ready)
    yield from stream.encode(None)


def saved_sound_only(samples: NDArray[np.float32]) -> bytes:
    """An MP4 with a sound track alone."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        container.mux(list(_sound(container, samples, "aac", 16_000)))
    return file.getvalue()


def without_length(data: bytes) -> bytes:
    """A WebM whose header says no duration, as a browser records it."""
    place = data.index(b"\x44\x89\x88")  # the EBML id of the duration, then its size: becomes a void of that size
    return data[:place] + b"\xec\x89" + data[place + 2 :]
