"""A written folder becomes a version of the index: manifest, signature, sync, rename, pointer; old versions go.

A version's name is the hash of what it holds, so publishing the same thing twice changes nothing, and a process killed
at any point leaves either the old index or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graph.errors import Conflict
from serving.index import CURRENT, FORMAT, MANIFEST, checked
from serving.index_trust import SIGNATURE, hashes, note, record_of, stamp_of
from serving.signing import sign

KEEP = 3
STALE_SECONDS = 24 * 3600


def finish(temporary: Path, root: Path, entries: Mapping[str, Any]) -> Path:
    """Manifest, signature, sync, rename. The version is the hash of what the index holds, not of when or by which run
    it was made.

    So a publication that was killed is done again to the same bytes, and equal models make equal indexes.
    """
    paths = sorted(temporary.iterdir())
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": found}
        for path, found in zip(paths, hashes(paths), strict=True)
    }
    created = entries.get("created") or datetime.now(UTC).isoformat(timespec="seconds")
    content = {"format": FORMAT, **entries, "files": files}
    version = hashlib.sha256(json.dumps(_lasting(content), sort_keys=True).encode()).hexdigest()[:16]
    content |= {"version": version, "created": created}
    (temporary / MANIFEST).write_text(json.dumps(content, indent=1), encoding="utf-8")
    (temporary / SIGNATURE).write_bytes(sign(root.parent, (temporary / MANIFEST).read_bytes()))
    for path in (*temporary.iterdir(), temporary):
        _sync(path)
    temporary.chmod(0o755)
    folder = root / version
    if _intact(root.parent, folder):
        os.utime(folder)
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    os.utime(folder)
    _sync(root)
    note(record_of(root.parent, version), {path.name: stamp_of(folder / path.name) for path in paths})
    return folder


def _lasting(content: Mapping[str, Any]) -> dict[str, Any]:
    """Without when it was made, and by which run."""
    model = {name: value for name, value in content.get("model", {}).items() if name != "run_id"}
    return {**content, "model": model, "created": ""}


def _intact(home: Path, folder: Path) -> bool:
    """Whether this version is there already, whole and signed: its name says what it holds."""
    if not (folder / SIGNATURE).is_file():
        return False
    try:
        checked(home, folder, anew=True)
    except Conflict:
        return False
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_current(root: Path, version: str) -> None:
    """Points `current` at a version, atomically."""
    pointer = root / f".{CURRENT}-{os.getpid()}"
    pointer.write_text(f"{version}\n", encoding="ascii")
    _sync(pointer)
    pointer.replace(root / CURRENT)
    _sync(root)


def prune(root: Path, current: str, pinned: Collection[str] = ()) -> None:
    """Keeps the last `KEEP` versions and the `pinned`, and removes what a killed run left behind a day ago."""
    folders = [path for path in root.iterdir() if path.is_dir()]
    versions = sorted((path for path in folders if not path.name.startswith(".")), key=_age)
    keep = {current, *pinned, *(path.name for path in versions[:KEEP])}
    for path in folders:
        stale = path.name.startswith(".new-") and _age(path) > STALE_SECONDS
        if stale or (not path.name.startswith(".") and path.name not in keep):
            shutil.rmtree(path, ignore_errors=True)


def _age(path: Path) -> float:
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime
    return 0.0
