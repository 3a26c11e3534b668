"""What a run was made with: versions, machine, commit, and how much data. Written into every MLflow run."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import distributions
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from graph.snapshot import Snapshot


def sizes(snapshot: Snapshot) -> dict[str, Any]:
    """How much of everything a snapshot holds."""
    return {
        "users": len(snapshot.users),
        "items": len(snapshot.items),
        "interactions": len(snapshot.interactions),
        "entities": len(snapshot.entities),
        "triples": len(snapshot.triples),
        "friendships": len(snapshot.friendships),
        "embeddings": {name: int(table.present.sum()) for name, table in sorted(snapshot.embeddings.items())},
    }


def environment_tags() -> dict[str, str]:
    """Python, machine and, in a checkout, the commit and whether it was changed: small enough to search runs by."""
    found = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "interlace": installed("interlace"),
    }
    here = Path(__file__).parents[1]
    commit = git_commit(here)
    if commit is None:
        return found
    return found | {"mlflow.source.git.commit": commit, "git_dirty": str(git_dirty(here)).lower()}


def environment() -> dict[str, Any]:
    """Everything installed: what an artifact of each run says, so that it can be repeated."""
    return {"python": sys.version, "platform": platform.platform(), "packages": dict(_packages())}


@cache
def _packages() -> tuple[tuple[str, str], ...]:
    """Names and versions, by name. Read once a process: hundreds of files, 0.2 s of a processor."""
    about = [dist.metadata for dist in distributions()]  # each look at `metadata` parses the whole file again
    return tuple(sorted({one["Name"]: one["Version"] for one in about if one["Name"]}.items()))


def git_commit(folder: Path) -> str | None:
    """The commit checked out in `folder`, None outside a checkout or without git."""
    return _git(folder, "rev-parse", "HEAD")


def git_dirty(folder: Path) -> bool:
    """Do files that git follows differ from the commit."""
    return bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
