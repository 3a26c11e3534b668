"""Pictures, sounds and videos of items: checked, then copied under the hash of their content into `HOME/media`.

`Item.image`, `.audio` and `.video` in the graph are keys below that folder (`ab/abcdef….jpg`): the same file, whoever
brings it, is kept once, and a key never changes its meaning.
"""

from __future__ import annotations

import hashlib
import warnings
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import MappingProxyType

from PIL import Image, UnidentifiedImageError

from graph.errors import InvalidData

FOLDER = "media"
LARGEST_BYTES = MappingProxyType({"image": 64 << 20, "audio": 256 << 20, "video": 512 << 20})
SORTS = tuple(LARGEST_BYTES)
"""Properties of an item that name a file."""
LARGEST_PIXELS = 64_000_000
IMAGES = MappingProxyType({"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp"})
"""Pillow's name of a format that is taken -> ending of its key."""
STARTS = MappingProxyType(
    {
        "audio": {(8, b"WAVE"): ".wav", (0, b"fLaC"): ".flac", (0, b"OggS"): ".ogg", (0, b"ID3"): ".mp3"},
        "video": {(4, b"ftyp"): ".mp4", (0, b"\x1aE\xdf\xa3"): ".webm", (8, b"AVI "): ".avi",
                  (0, b"\0\0\x01\xba"): ".mpg", (188, b"G"): ".ts"},
    }
)  # fmt: skip
"""What files of a sort hold at which offset -> ending of their key."""
SOUNDS = (".mp3", ".wav", ".flac", ".ogg", ".m4a")
VIDEOS = (".mp4", ".m4v", ".mov", ".3gp", ".webm", ".mkv", ".avi", ".ts", ".mpg", ".mpeg")


class Media:
    """The media folder of a home. `inside`: where files may be taken from; a path that leads out of it is refused."""

    def __init__(self, home: Path, inside: Path) -> None:
        self._folder = home / FOLDER
        self._inside = inside.resolve()
        self.copied = 0

    def add_bytes(self, data: bytes, sort: str) -> str:
        """Keeps an uploaded `image`, `audio` or `video`; returns its key. Raises `InvalidData` as `add`."""
        name = Path(f"the {sort}")
        if len(data) > LARGEST_BYTES[sort]:
            raise _refused(name, f"has more than {LARGEST_BYTES[sort] >> 20} MiB", "a smaller file")
        return self._keep(data, _image_ending(name, data) if sort == "image" else _ending_of(name, data, sort))

    def add(self, path: Path, sort: str) -> str:
        """Copies an `image`, `audio` or `video` file where it is not there yet; returns its key.

        Raises `InvalidData` for a file that is missing, lies outside, is too large, or does not decode.
        """
        data = self._content(path, LARGEST_BYTES[sort])
        return self._keep(data, _image_ending(path, data) if sort == "image" else _named_ending(path, sort))

    def _keep(self, data: bytes, ending: str) -> str:
        digest = hashlib.sha256(data).hexdigest()
        key = f"{digest[:2]}/{digest}{ending}"
        target = self._folder / key
        if not target.is_file():
            self._write(target, data)
        return key

    def _content(self, path: Path, largest: int) -> bytes:
        resolved = path.resolve()
        if not resolved.is_relative_to(self._inside):
            raise _refused(path, "lies outside of the data", "a path below the folder that holds the data")
        if not resolved.is_file():
            raise _refused(path, "is not there", "a file")
        if resolved.stat().st_size > largest:
            raise _refused(path, f"has more than {largest >> 20} MiB", "a smaller file")
        return resolved.read_bytes()

    def _write(self, target: Path, data: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as file:
            file.write(data)
        written = Path(file.name)
        written.chmod(0o644)
        written.replace(target)
        self.copied += 1


def _image_ending(path: Path, data: bytes) -> str:
    """Decodes the whole picture: a header alone says little about the rest."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=tuple(IMAGES)) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    raise _refused(
                        path, f"has {image.width} x {image.height} pixels", f"at most {LARGEST_PIXELS} of them"
                    )
                image.load()
                return IMAGES[str(image.format)]
    except UnidentifiedImageError as error:
        raise _refused(path, "is no picture that can be read", ", ".join(IMAGES)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refused(path, "has too many pixels", f"at most {LARGEST_PIXELS} pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise _refused(path, f"is a broken picture ({error})", "a picture that decodes") from error


def _named_ending(path: Path, sort: str) -> str:
    """The ending of a sound's or a video's name; whether the rest fits is seen when it is encoded."""
    word, endings = ("video", VIDEOS) if sort == "video" else ("sound", SOUNDS)
    ending = path.suffix.lower()
    if ending not in endings:
        raise _refused(path, f"is no {word}", f"a file that ends in {', '.join(endings)}")
    return ending


def _ending_of(path: Path, data: bytes, sort: str) -> str:
    """By the first bytes: an upload has no name."""
    for (offset, start), ending in STARTS[sort].items():
        if data[offset : offset + len(start)] == start:
            return ending
    if sort == "audio" and data[:1] == b"\xff" and data[1:2] >= b"\xe0":  # an MPEG frame without a tag before it
        return ".mp3"
    raise _refused(path, f"is no {sort} that is known by its first bytes", ", ".join(STARTS[sort].values()))


def _refused(path: Path, why: str, valid: str) -> InvalidData:
    return InvalidData(f"{path.name} {why}", valid=valid, remedy="mend the file, or leave the item without it")
