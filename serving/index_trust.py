"""Is an index what its publisher published: its manifest is signed, and says the SHA-256 of every other file.

The signature is checked whenever an index is opened. Contents are hashed once a machine: what was found right is noted
(`HOME/run/verified/VERSION.json`) with each file's size, inode and time of change, which moves with every write and
which no program can set back; only files for which it moved are hashed again, several at a time. So one process hashes
an index that was copied here (the server does before it starts its workers), and none one that was published here.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from graph.errors import Conflict
from graph.whole_files import write_json
from serving.signing import PUBLIC, can_verify, verify

SIGNATURE = "manifest.sig"
RECORDS = Path("run") / "verified"
REPUBLISH = "publish it again: interlace train, or interlace demo"
HASHED_AT_ONCE = 8

Stamp: TypeAlias = list[int]
"""Size, inode, and nanoseconds of the last change."""


def damaged(folder: Path, why: str, remedy: str = REPUBLISH) -> Conflict:
    """An index that is not what was published."""
    return Conflict(f"the index in {str(folder)!r} is damaged: {why}", valid="an index as published", remedy=remedy)


def check_signature(home: Path, folder: Path, name: str, version: str) -> None:
    """Raises `Conflict` where the home has a key and the manifest (the file `name`) is not signed with it, or is
    another version's. An unsigned manifest that is older than the key is taken: before it, none were signed.
    """
    if version != folder.name:
        raise damaged(folder, f"{name} is that of version {version}")
    if not can_verify(home):
        return
    manifest, signature = folder / name, folder / SIGNATURE
    if not signature.is_file():
        if manifest.stat().st_ctime_ns < (home / PUBLIC).stat().st_ctime_ns:
            return
        raise damaged(folder, f"{SIGNATURE} is missing")
    if not verify(home, manifest.read_bytes(), signature.read_bytes()):
        raise damaged(
            folder,
            f"{name} was not signed with the key of {home / PUBLIC}, or changed since",
            f"{REPUBLISH}; if it was published elsewhere, copy {PUBLIC} from there",
        )


def check_contents(home: Path, folder: Path, files: Mapping[str, Mapping[str, Any]], *, anew: bool) -> None:
    """Raises `Conflict` that names the first file whose SHA-256 is not the manifest's. `anew`: whatever is noted."""
    with _alone(home, folder.name) as record:
        noted = {} if anew or record is None else _read(record)
        stamps = {name: stamp_of(folder / name) for name in files}
        changed = [name for name in files if noted.get(name) != stamps[name]]
        if not changed:
            return
        for name, found in zip(changed, hashes([folder / name for name in changed]), strict=True):
            if found != files[name]["sha256"]:
                raise damaged(folder, f"the content of {name} is not what was published")
        if record is not None:
            note(record, stamps)


def note(record: Path, stamps: Mapping[str, Stamp]) -> None:
    """These files were found right as they are; what is noted of versions that are gone goes."""
    with suppress(OSError):  # a home that cannot be written: every process hashes for itself
        write_json(record, dict(stamps))
        index = record.parents[2] / "index"
        for other in record.parent.glob("*.json"):
            if not (index / other.stem).is_dir():
                other.unlink(missing_ok=True)


def record_of(home: Path, version: str) -> Path:
    """Where it is noted which files of a version were found right."""
    return home / RECORDS / f"{version}.json"


def stamp_of(path: Path) -> Stamp:
    """What changes with the file."""
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_ctime_ns]


def hashes(paths: Sequence[Path]) -> list[str]:
    """SHA-256 of files, hexadecimal, largest first in several threads: hashing leaves Python to others."""
    largest = sorted(range(len(paths)), key=lambda place: -paths[place].stat().st_size)
    with ThreadPoolExecutor(min(HASHED_AT_ONCE, os.cpu_count() or 1)) as pool:
        found = dict(zip(largest, pool.map(file_hash, [paths[place] for place in largest]), strict=True))
    return [found[place] for place in range(len(paths))]


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(record: Path) -> dict[str, Stamp]:
    try:
        found = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _alone(home: Path, version: str) -> Iterator[Path | None]:
    """The record, to one process at a time, so that one hashes and the others read; None where none can be kept."""
    record = record_of(home, version)
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        lock = (record.parent / ".lock").open("w")
    except OSError:
        yield record if record.is_file() else None
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield record
