"""Files that are there whole or not at all: written aside, then renamed over what was there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Makes the folder where needed. A reader, and a kill at any moment, finds the old content or the new.

    `durable`: on disk when this returns, so that it outlives a power cut too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    aside.replace(path)


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """The same, of JSON."""
    write_whole(path, json.dumps(value).encode(), durable=durable)
