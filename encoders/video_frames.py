"""Evenly spaced frames of a video file, as pictures for the image encoder.

The file's packets are counted first, without decoding: a header's word on the length is never believed, and a file may
have none. Then each wanted moment is reached from the key frame before it. All bounds but the clock's are counts, so a
file gives the same frames on every machine.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

from encoders.videos import Watch, decoded, open_video, packets, picture_stream, undecodable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL import Image as PillowImage

FRAMES = 16
ENOUGH = 448
"""Pixels of a frame's shorter side beyond which it is reduced, as `encoders.pictures` reduces a JPEG."""
MOST_PACKETS = 1_000_000
"""Looked at: nine hours at 30 a second; of a longer video the beginning is used."""
MOST_AHEAD = 600
"""Frames decoded to reach one moment; where key frames lie farther apart, the last of them stands for it."""
MOST_PIXELS = 20_000_000_000
"""Decoded in all: 9,600 frames of 1920 x 1080. What was reached by then is used."""


@dataclass(frozen=True)
class Timeline:
    """When frames are shown, and which of them need no other (`keys`): both sorted, in the stream's time base.

    `begins`: for each of `keys`, when its packet is decoded; that is what one seeks.
    """

    shown: Sequence[int]
    keys: Sequence[int]
    begins: Sequence[int]

    def moments(self, count: int) -> list[int]:
        """Frames shown at the middles of `count` equal parts of the video, each once: `count` at most."""
        first, last = self.shown[0], self.shown[-1]
        gap = (last - first) / max(1, len(self.shown) - 1)
        length = last - first + gap  # the last frame is shown as long as the others
        wanted = (first + length * (2 * number + 1) / (2 * count) for number in range(count))
        return sorted({self.shown[max(0, bisect_right(self.shown, time) - 1)] for time in wanted})

    def key_before(self, moment: int) -> tuple[int, int]:
        """When the key frame from which one reaches `moment` is shown and decoded; the start where there is none."""
        place = bisect_right(self.keys, moment) - 1
        return (self.keys[place], self.begins[place]) if place >= 0 else (self.shown[0], self.shown[0])


def video_frames(data: bytes, *, count: int = FRAMES, watch: Watch | None = None) -> list[bytes]:
    """Up to `count` frames of a video file, evenly spaced in time, upright, in order; each the content of a BMP file.

    A video of fewer frames gives each once. The shorter side has at most `ENOUGH` pixels. Raises `InvalidData` for a
    file that is no video, has no pictures, is broken, too large, or takes too long.
    """
    watch = watch or Watch()
    with open_video(data) as container:
        timeline = _timeline(container, watch)
    with open_video(data) as container:
        stream = picture_stream(container)
        ratio = _pixel_ratio(stream)
        found = [_saved(_upright(frame, ratio)) for frame in _picked(container, stream, timeline, count, watch)]
    if not found:
        raise undecodable("frame")
    return found


def _timeline(container: InputContainer, watch: Watch) -> Timeline:
    stream = picture_stream(container)
    shown: set[int] = set()
    keys: dict[int, int] = {}
    for packet in islice(packets(container, stream), MOST_PACKETS):
        watch.check()
        moment = packet.pts if packet.pts is not None else packet.dts  # AVI has no other
        if moment is None or packet.is_discard:
            continue
        shown.add(moment)
        if packet.is_keyframe:
            keys[moment] = moment if packet.dts is None else packet.dts
    if not shown:
        raise undecodable("frame")
    return Timeline(sorted(shown), sorted(keys), [keys[moment] for moment in sorted(keys)])


def _picked(
    container: InputContainer, stream: VideoStream, timeline: Timeline, count: int, watch: Watch
) -> Iterator[VideoFrame]:
    """The frames of the timeline's moments, as far as they decode; none twice."""
    decoder = _Decoder(container, stream, watch)
    given = None
    for moment in timeline.moments(count):
        frame = decoder.reach(moment, *timeline.key_before(moment))
        if frame is not None and frame is not given:
            yield frame
        given = frame


class _Decoder:
    """Where decoding stands: the last frame, and its moment."""

    def __init__(self, container: InputContainer, stream: VideoStream, watch: Watch) -> None:
        self._container, self._stream, self._watch = container, stream, watch
        self._frames = decoded(self._container, self._stream, self._watch)
        self._frame: VideoFrame | None = None
        self._moment: int | None = None
        self._pixels = 0

    def reach(self, moment: int, key: int, begin: int) -> VideoFrame | None:
        """The frame of a moment, or the nearest one before it that the bounds allow.

        `key`, `begin`: when the key frame before it is shown and decoded.
        """
        if self._moment is None or self._moment < key:
            self._seek(begin)
        ahead = 0
        while (self._moment is None or self._moment < moment) and ahead < MOST_AHEAD and self._pixels < MOST_PIXELS:
            frame = next(self._frames, None)
            if frame is None:
                break
            ahead += 1
            self._pixels += frame.width * frame.height
            self._frame = frame
            self._moment = _moment(frame, (self._moment or 0) + 1)
        return self._frame

    def _seek(self, begin: int) -> None:
        import av

        try:
            self._container.seek(begin, stream=self._stream)
        except av.FFmpegError:
            return  # a file without an index: go on from here
        self._frames = decoded(self._container, self._stream, self._watch)


def _moment(frame: VideoFrame, otherwise: int) -> int:
    known = frame.pts if frame.pts is not None else frame.dts
    return otherwise if known is None else known


def _pixel_ratio(stream: VideoStream) -> Fraction:
    """Width of a pixel by its height, 1 where it is not said or unlikely."""
    ratio = stream.sample_aspect_ratio
    return ratio if ratio and Fraction(1, 4) <= ratio <= 4 else Fraction(1)


def _upright(frame: VideoFrame, ratio: Fraction) -> PillowImage.Image:
    """RGB, reduced, with square pixels and the camera's rotation applied."""
    from PIL import Image

    width, height = float(frame.width * ratio), float(frame.height)
    scale = min(1.0, ENOUGH / min(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    turns = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    turn = turns[round(frame.rotation / 90) % 4]
    small = frame.reformat(*size, format="rgb24", interpolation="BICUBIC", threads=1)
    image = Image.fromarray(small.to_ndarray())
    return image if turn is None else image.transpose(turn)


def _saved(image: PillowImage.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "BMP")
    return file.getvalue()
