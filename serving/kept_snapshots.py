"""Which snapshots of a home are kept: those that an index, a recent model or the next snapshot may need."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from graph.snapshot_fresh import SNAPSHOTS, needed
from serving.index import FOLDER, MANIFEST

NEWEST = 3
MODELS = 10
"""Versions of the model, newest first, whose snapshots stay: a later one is compared with them, or rolled back."""


def tidy_snapshots(home: Path, models: Iterable[str]) -> list[str]:
    """Removes the other snapshots and returns their hashes. `models`: snapshots of models that are still of use."""
    folders = [one for one in (home / SNAPSHOTS).glob("*") if one.is_dir() and not one.name.startswith(".")]
    newest = sorted(folders, key=lambda one: one.stat().st_mtime, reverse=True)[:NEWEST]
    keep = {*models, *needed(home), *_of_indexes(home), *(one.name for one in newest)}
    gone = sorted(one.name for one in folders if one.name not in keep)
    for name in gone:
        shutil.rmtree(home / SNAPSHOTS / name, ignore_errors=True)
    return gone


def _of_indexes(home: Path) -> set[str]:
    manifests = (home / FOLDER).glob(f"*/{MANIFEST}")
    return {str(json.loads(path.read_text(encoding="utf-8")).get("snapshot", "")) for path in manifests}
