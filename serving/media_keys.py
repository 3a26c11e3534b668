"""Which names of images are served: keys of the content-addressed media folder, `ab/abcdef….jpg`, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".png": "image/png",
        ".webp": "image/webp",
        ".gif": "image/gif",
        ".bmp": "image/bmp",
    }
)
"""Ending -> media type. No SVG: it can hold scripts."""

_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{6,128}\.[a-z]{3,4}")


def is_media_key(name: str) -> bool:
    """Whether `name` can be a key. No such name leaves the folder it is looked up in."""
    return _KEY.fullmatch(name) is not None and media_type(name) is not None


def media_type(name: str) -> str | None:
    """By the ending; None for what is not served."""
    return TYPES.get(PurePosixPath(name).suffix)
