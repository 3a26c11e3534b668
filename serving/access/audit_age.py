"""Lines of the audit log that are older than they may be go. Workers append meanwhile, and lose nothing."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from serving.access.audit import FILE, STRANGERS, STREAMED
from serving.access.audit import KEPT as OLD_FILES

SETTLE_SECONDS = 0.05
"""Between a worker's look at the file's name and its write lie microseconds."""


def audit_files(home: Path) -> list[Path]:
    """Every file of the audit log that is there, those that were put aside among them."""
    names = [f"{name}{end}" for name in (FILE, STRANGERS, STREAMED)
             for end in ("", *(f".{number}" for number in range(1, OLD_FILES + 1)))]  # fmt: skip
    return [home / name for name in names if (home / name).is_file()]


def expire_audit(home: Path, before: int, *, dry_run: bool = False) -> int:
    """Removes lines from before a time (Unix seconds); returns how many. Lines that cannot be read stay."""
    gone = 0
    for name in (FILE, STRANGERS, STREAMED):
        if any(path.name.startswith(name) for path in audit_files(home)):
            with _alone(home / name) as written:
                old = [path for path in audit_files(home) if path.name.startswith(f"{name}.")]
                gone += sum(_expire(path, before, dry_run=dry_run) for path in (*old, written))
    return gone


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """The file that is written, while no worker puts it aside: they hold the same lock for that."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if path.is_file() and os.fstat(file).st_ino == path.stat().st_ino:
                yield path
                return
        finally:
            os.close(file)


def _expire(path: Path, before: int, *, dry_run: bool) -> int:
    with path.open("rb") as file:
        lines = list(file)
        kept = list(_kept(lines, before))
        gone = len(lines) - len(kept)
        if not gone or dry_run:
            return gone
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        with os.fdopen(handle, "wb") as written:
            written.writelines(kept)
            written.flush()
            os.fsync(written.fileno())
            aside.replace(path)
            time.sleep(SETTLE_SECONDS)
            written.write(file.read())  # what a worker wrote that had looked up the name before
    return gone


def _kept(lines: list[bytes], before: int) -> Iterator[bytes]:
    for line in lines:
        try:
            old = float(orjson.loads(line)["time"]) < before
        except (ValueError, KeyError, TypeError):
            old = False
        if not old:
            yield line
