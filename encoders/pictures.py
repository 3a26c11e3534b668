"""Image files to RGB pictures, safely: what strangers upload is decoded here.

Only raster formats that Pillow decodes itself are opened (never EPS, which starts Ghostscript), only up to
`MAX_PIXELS`, and only the first frame. The camera's rotation (EXIF) is applied; transparency is laid over white.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from graph.errors import InvalidData

if TYPE_CHECKING:
    from PIL import Image as PillowImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 64_000_000
_REMEDY = "save the picture again with an image editor, or leave it out"


def open_picture(data: bytes, *, enough: int = 448) -> PillowImage.Image:
    """An RGB picture; raises `InvalidData` for anything broken, unknown or too large.

    A JPEG whose shorter side exceeds `enough` pixels is decoded at the reduced scale the format offers, never below
    `enough`.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image)
            image.draft("RGB", (enough, enough))
            image.load()
            return _upright_rgb(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large("more pixels than Pillow opens") from error
    except UnidentifiedImageError as error:
        raise InvalidData(
            f"{len(data)} bytes that are no image", valid=f"an image file: {', '.join(FORMATS)}", remedy=_REMEDY
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, struct.error) as error:
        raise InvalidData(f"a broken image: {error}", valid="a whole image file", remedy=_REMEDY) from error


def _check_size(image: PillowImage.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(f"{width} x {height} pixels")


def _too_large(size: str) -> InvalidData:
    return InvalidData(
        f"an image too large to decode: {size}", valid=f"at most {MAX_PIXELS:,} pixels", remedy="make it smaller"
    )


def _upright_rgb(image: PillowImage.Image) -> PillowImage.Image:
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode in {"I", "I;16", "I;16B", "I;16L", "F"}:
        return _eight_bits(upright)
    if upright.mode in {"LA", "PA", "RGBA", "RGBa", "La"} or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return upright.convert("RGB")


def _eight_bits(image: PillowImage.Image) -> PillowImage.Image:
    """Deep greyscale scaled to 0..255: Pillow's own conversion would clip it to white."""
    import numpy as np
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    top = max(float(values.max(initial=0.0)), 1.0)
    scale = 255.0 / top if top > 255.0 else 1.0
    return Image.fromarray(np.clip(values * scale, 0, 255).astype(np.uint8), "L").convert("RGB")
