"""HOME/audit.jsonl: who changed what, and who was refused. One JSON object a line, appended whole, rotated by size.

What strangers were refused (no key, or a bad one) goes to HOME/audit-strangers.jsonl, so that nobody without a key can
push the acts of those who have one out of the log; accepted events, which come by the thousand, to
HOME/audit-events.jsonl.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

FILE, STRANGERS, STREAMED = "audit.jsonl", "audit-strangers.jsonl", "audit-events.jsonl"
KEPT = 5
"""Old files beside the one that is written: .1 is the newest."""
LONGEST = 1_024
_SECRET = re.compile(r"ilk_[0-9a-f]{10}_[^\s\"'/]*|eyJ[\w-]+\.[\w-]+\.[\w-]*")
log = logging.getLogger("interlace.api")


def without_secrets(text: str) -> str:
    """`text` with what looks like a key or a token blotted out."""
    return _SECRET.sub("[secret]", text)


class AuditLog:
    """One file, shared by every worker and command of a home."""

    def __init__(self, path: Path, most_bytes: int, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._most = most_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._file: int | None = None
        self._failed = False

    def write(self, entry: Mapping[str, Any]) -> None:
        """Adds a line with the time; what cannot be written is said in the server's log, once, and goes on."""
        shown = {name: _shown(value) for name, value in entry.items() if value not in (None, "")}
        line = orjson.dumps({"time": round(self._clock(), 3), **shown}) + b"\n"
        with self._lock:
            try:
                self._append(line)
                self._failed = False
            except OSError as error:
                if not self._failed:
                    log.error("%s cannot be written: %s", self.path.name, error.strerror)
                self._failed = True

    def close(self) -> None:
        with self._lock:
            self._shut()

    def _append(self, line: bytes) -> None:
        file = self._open()
        if os.fstat(file).st_size + len(line) > self._most:
            file = self._rotated(file)
        os.write(file, line)

    def _open(self) -> int:
        """The file that has the name now: another worker may have moved ours away."""
        if self._file is not None and self._is_named(self._file):
            return self._file
        self._shut()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file

    def _rotated(self, file: int) -> int:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if self._is_named(file) and os.fstat(file).st_size:
                self._move()
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        return self._open()

    def _move(self) -> None:
        for number in range(KEPT - 1, 0, -1):
            old = self.path.with_name(f"{self.path.name}.{number}")
            if old.exists():
                old.replace(self.path.with_name(f"{self.path.name}.{number + 1}"))
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))

    def _is_named(self, file: int) -> bool:
        try:
            return os.fstat(file).st_ino == self.path.stat().st_ino
        except FileNotFoundError:
            return False

    def _shut(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _shown(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return without_secrets(value.encode("utf-8", "replace").decode()[:LONGEST])
