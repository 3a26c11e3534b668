"""Versions of the model that learned from erased people: marked in MLflow, never started from again, rows removed.

`training.registry.SAW_ERASED` is their tag. A version that does not serve loses its weights: it could not be promoted
any more, and factors are data about people. Per-user measures lose the rows of the erased; where the snapshot that says
whose rows they are is gone, the file goes.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from graph.snapshot_fresh import SNAPSHOTS
from serving.erasure.versions import snapshot_positions
from serving.erasure.work import Counts, Work

if TYPE_CHECKING:
    from training.registry import Registry, Version

CHECKPOINTS = "checkpoints"
USERS = "users"
"""Of a file of per-user measures: the positions of its rows' users."""


def mark(work: Work) -> Counts:
    """Tags the versions whose data held them. Before anything is made anew, so that nothing starts from these."""
    from training.registry import SAW_ERASED

    registry, marked, gone = _registry(work), 0, 0
    if registry is not None:
        for version in registry.list_models():
            if SAW_ERASED not in version.tags and _saw(work, version):
                registry.tag(version.version, SAW_ERASED, "a user who was erased later")
                marked += 1
    if (folder := work.home / CHECKPOINTS).is_dir():
        gone = sum(1 for _ in folder.iterdir())
        shutil.rmtree(folder)
    return {"versions": marked, "checkpoints": gone}


def measures(work: Work) -> Counts:
    """Rows of theirs in files of per-user measures, of runs and of versions, before it is forgotten which they are."""
    from training.artifacts import PER_USER
    from training.model_files import TESTED, read_card

    registry, rows, files = _registry(work), 0, 0
    if registry is None or registry.tracker.folder is None:
        return {}
    for path in registry.tracker.folder.rglob("*.safetensors"):
        if path.name == PER_USER:
            with safe_open(path, "numpy") as opened:
                about = dict(opened.metadata() or {})
        elif path.name == TESTED:
            about = {"snapshot": read_card(path.parent).snapshot}
        else:
            continue
        removed = _without(work, path, about)
        rows, files = rows + max(removed, 0), files + (removed < 0)
    return {"rows": rows, "files": files}


def weights(work: Work) -> Counts:
    """Weights of marked versions that do not serve."""
    from training.model_files import STATE
    from training.registry import SAW_ERASED
    from training.warm_files import FINAL, MEASURED

    registry, gone = _registry(work), 0
    if registry is None or registry.tracker.folder is None:
        return {}
    for version in registry.list_models():
        if SAW_ERASED in version.tags and not version.champion:
            for name in (STATE, FINAL, MEASURED):
                if (path := registry.folder(version) / name).is_file():
                    path.unlink()
                    gone += 1
    return {"files": gone}


def _registry(work: Work) -> Registry | None:
    """None where there is no MLflow here yet."""
    from serving.workflow import open_registry

    prefix = "sqlite:///"
    address = work.settings.mlflow
    if address.startswith(prefix) and not Path(address.removeprefix(prefix)).is_file():
        return None
    return open_registry(address)


def _saw(work: Work, version: Version) -> bool:
    """Did the version's snapshot hold one of them; of one that is no longer kept nobody can say that it did not."""
    folder = work.home / SNAPSHOTS / version.snapshot
    return not (version.snapshot and folder.is_dir()) or bool(snapshot_positions(folder, work.names))


def _without(work: Work, path: Path, about: Mapping[str, str]) -> int:
    """Removes their rows from a file; returns how many, -1 where the whole file had to go."""
    folder = work.home / SNAPSHOTS / about.get("snapshot", "")
    if not about.get("snapshot") or not (folder / "users.parquet").is_file():
        path.unlink()
        return -1
    gone = list(snapshot_positions(folder, work.names).values())
    arrays = load_file(path)
    kept = ~np.isin(arrays[USERS], gone)
    if not kept.all():
        aside = path.with_suffix(".erasing")
        save_file({name: np.ascontiguousarray(one[kept]) for name, one in arrays.items()}, aside, metadata=dict(about))
        aside.replace(path)
    return int((~kept).sum())
