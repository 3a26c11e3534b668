from __future__ import annotations

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from encoders.pictures import MAX_PIXELS, open_picture
from graph.errors import InvalidData
from tests.encoders.tiny import picture, saved


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is that large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_common_formats(kind: str) -> None:
    found = open_picture(saved(picture(1), kind))
    assert (found.mode, found.size) == ("RGB", (60, 90))


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB", "YCbCr"])
def test_every_colour_mode_becomes_rgb_of_nearly_the_same_picture(mode: str) -> None:
    found = open_picture(saved(picture(1, mode=mode), "JPEG", quality=95))
    expected = picture(1, mode=mode).convert("RGB")
    assert found.mode == "RGB"
    assert np.abs(np.asarray(found, dtype=int) - np.asarray(expected, dtype=int)).mean() < 6


def test_exif_rotation_is_applied() -> None:
    upright = picture(3)
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # show it turned a quarter clockwise
    found = open_picture(saved(lying, "JPEG", exif=exif, quality=95))
    assert found.size == upright.size
    assert np.abs(np.asarray(found, dtype=int) - np.asarray(upright, dtype=int)).mean() < 6


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert open_picture(saved(clear, "PNG")).getextrema() == ((255, 255),) * 3
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0] * 256)
    assert open_picture(saved(palette, "PNG", transparency=0)).getextrema() == ((255, 255),) * 3


def test_deep_greyscale_is_scaled_not_clipped() -> None:
    deep = Image.fromarray(np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8))
    values = np.asarray(open_picture(saved(deep, "PNG")))[..., 0]
    assert values.min() == 0
    assert values.max() == 255
    assert len(np.unique(values)) > 32


def test_only_the_first_frame_of_an_animation() -> None:
    red, blue = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    found = open_picture(saved(red, "GIF", save_all=True, append_images=[blue]))
    assert found.getpixel((0, 0)) == (255, 0, 0)


def test_a_large_jpeg_is_decoded_small_but_not_too_small() -> None:
    found = open_picture(saved(picture(1, size=(4000, 3000))))
    assert 448 <= min(found.size) < 3000


@pytest.mark.parametrize(("width", "height"), [(9000, 9000), (60000, 60000), (MAX_PIXELS + 1, 1), (12000, 8000)])
def test_a_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    with pytest.raises(InvalidData, match="too large"):
        open_picture(png_header(width, height))


@pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")  # Pillow's, before it fails
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        saved(picture(1))[:400],
        saved(picture(1), "PNG")[:200],
        saved(picture(1), "GIF")[:60],
        saved(picture(1), "WEBP")[:80],
        saved(picture(1), "TIFF")[:120],
        png_header(10, 10),
        saved(picture(1), "PNG").replace(b"IDAT", b"IDBT"),
    ],
)
def test_a_broken_image_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidData) as caught:
        open_picture(data)
    assert caught.value.valid
    assert caught.value.remedy


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # what Pillow found odd in a file that it reads nevertheless
def test_damaged_files_are_read_or_refused_and_nothing_else() -> None:
    generator = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        whole = np.frombuffer(saved(picture(5), kind), dtype=np.uint8)
        for _ in range(40):
            damaged = whole.copy()
            places = generator.integers(0, len(whole), 5)
            damaged[places] = generator.integers(0, 256, 5)
            with suppress(InvalidData):
                assert open_picture(damaged.tobytes()).mode == "RGB"
