"""Files that are there whole or not at all: written aside, then renamed or linked to their name."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

OWNER_ONLY = 0o600
EVERYBODY = 0o666
"""As far as the process' umask lets them."""


def write_whole(path: Path, content: bytes, *, durable: bool = False, mode: int = EVERYBODY) -> None:
    """Makes the folder where needed. A reader, and a kill at any moment, finds the old content or the new.

    `durable`: on disk when this returns, so that it outlives a power cut too. `mode`: who may read it, from its first
    byte on.
    """
    _aside(path, content, durable, mode).replace(path)


def write_first(path: Path, content: bytes, *, durable: bool = False, mode: int = EVERYBODY) -> None:
    """The same where there is no such file; of several processes or threads that come at once the first one's stays."""
    aside = _aside(path, content, durable, mode)
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()


def _aside(path: Path, content: bytes, durable: bool, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    return aside


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """As `write_whole`, of JSON."""
    write_whole(path, json.dumps(value).encode(), durable=durable)
