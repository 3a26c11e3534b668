"""Video files opened safely: what strangers upload is demuxed and decoded here, by FFmpeg's libraries (the `av` wheel).

A file is read from memory and never asks for another one: only containers that hold their own content are opened (no
playlist, no list of parts), and no protocol is allowed. Decoders are picked from a list, none runs while the file is
probed, and `Watch` ends what takes too long. `encoders.video_frames` and `encoders.video_sound` read what is opened.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, overload

from graph.errors import InvalidData

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.frame import Frame
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

AnyStream: TypeAlias = "VideoStream | AudioStream"

FORMATS = ("mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg")
"""FFmpeg's names of what is opened: MP4, MOV, M4V and 3GP; MKV and WebM; AVI; MPEG transport and program streams."""
PICTURE_CODECS = frozenset({
    "h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "mpeg4", "msmpeg4", "msmpeg4v2", "mpeg1video", "mpeg2video",
    "mpegvideo", "mjpeg", "h263", "prores", "dvvideo",
})  # fmt: skip
SOUND_CODECS = frozenset({
    "aac", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "opus", "libopus", "vorbis", "flac", "alac", "ac3", "eac3",
    "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_u8", "pcm_mulaw", "pcm_alaw",
    "amrnb", "amrwb",
})  # fmt: skip
MAX_PIXELS = 1 << 24
"""Of one frame: 4096 x 4096."""
MAX_SECONDS = 120.0
"""Of work on one file, by the clock."""
_REMEDY = "save the video again as MP4 (H.264, AAC) or WebM, or leave it out"
_OPTIONS = MappingProxyType({
    "format_whitelist": ",".join(FORMATS),
    "protocol_whitelist": "none",
    "enable_drefs": "0",  # MOV may name other files that hold its pictures
    "codec_whitelist": "none",  # of probing alone: decoders are opened by name, below
    "max_streams": "24",  # PyAV reads one byte a stream of a block this long, also of streams that turn up late
    "probesize": str(5 << 20),
})  # fmt: skip


class Watch:
    """Ends work that takes longer than `seconds` by `clock`. A refusal, never a shorter result: that would vary."""

    def __init__(self, seconds: float = MAX_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds = seconds
        self._end = clock() + seconds

    def check(self) -> None:
        """Raises `InvalidData` when the time is up."""
        if self._clock() > self._end:
            raise InvalidData(
                f"a video that takes more than {self._seconds:g} seconds to decode",
                valid="a video of ordinary size and length",
                remedy="make it smaller, or leave it out",
            )


@contextmanager
def open_video(data: bytes) -> Iterator[InputContainer]:
    """The demuxer of a video file's content, closed at the end.

    Raises `InvalidData` for content that is empty, no video, of another container, or broken (on reading, too).
    """
    import av

    try:
        with av.open(io.BytesIO(data), "r", options=dict(_OPTIONS), metadata_errors="replace", timeout=30) as container:
            yield container
    except (av.FFmpegError, ValueError, RuntimeError) as error:
        raise InvalidData(
            f"{len(data)} bytes that are no video, or a broken one: {getattr(error, 'strerror', None) or error}",
            valid="a whole MP4, MOV, WebM, MKV, AVI or MPEG file",
            remedy=_REMEDY,
        ) from error


def picture_stream(container: InputContainer) -> VideoStream:
    """The first stream of moving pictures, ready to decode; raises `InvalidData` for none, or one too large."""
    moving = [one for one in container.streams.video if not _is_cover(one)]
    if not moving:
        raise InvalidData("a video without pictures", valid="a file with moving pictures", remedy=_REMEDY)
    stream = moving[0]
    _ready(container, stream, PICTURE_CODECS)
    if stream.width * stream.height > MAX_PIXELS:
        raise InvalidData(
            f"a video too large to decode: {stream.width} x {stream.height} pixels",
            valid=f"at most {MAX_PIXELS:,} pixels a frame",
            remedy="make it smaller",
        )
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def _is_cover(stream: VideoStream) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The first sound track, ready to decode; None for a video without one."""
    if not container.streams.audio:
        return None
    stream = container.streams.audio[0]
    _ready(container, stream, SOUND_CODECS)
    return stream


def _ready(container: InputContainer, stream: AnyStream, codecs: frozenset[str]) -> None:
    """Checks the codec; other streams are skipped, and one thread decodes: files are decoded beside each other."""
    from av.stream import Discard

    name = getattr(stream.codec_context, "name", "unknown")
    if name not in codecs:
        raise InvalidData(f"a video with {stream.type} of the codec {name}", valid=", ".join(sorted(codecs)),
                          remedy=_REMEDY)  # fmt: skip
    for other in container.streams:
        other.discard = Discard.default if other.index == stream.index else Discard.all
    stream.codec_context.thread_count = 1


def packets(container: InputContainer, stream: AnyStream) -> Iterator[Packet[Stream]]:
    """A stream's packets as the file has them; where it is broken or cut, they end."""
    import av

    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except av.ExitError:  # the time is up
        raise
    except (av.FFmpegError, IndexError):  # IndexError: PyAV, at the end of a file in which streams turned up late
        return


@overload
def decoded(container: InputContainer, stream: VideoStream, watch: Watch) -> Iterator[VideoFrame]: ...
@overload
def decoded(container: InputContainer, stream: AudioStream, watch: Watch) -> Iterator[AudioFrame]: ...
def decoded(container: InputContainer, stream: AnyStream, watch: Watch) -> Iterator[Frame]:
    """A stream's frames from where the demuxer stands; what does not decode is passed over."""
    for packet in packets(container, stream):
        watch.check()
        yield from _frames(stream, packet)
    yield from _frames(stream, None)


def _frames(stream: AnyStream, packet: Packet[Stream] | None) -> Iterator[Frame]:
    import av

    try:
        frames = stream.decode(packet)
    except av.FFmpegError:
        return
    yield from (frame for frame in frames if not frame.is_corrupt)


def undecodable(what: str) -> InvalidData:
    """The error for a stream of which nothing decodes."""
    return InvalidData(f"a video of which no {what} could be decoded", valid="a whole video file", remedy=_REMEDY)
