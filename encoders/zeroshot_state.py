"""What `encoders.zeroshot` keeps in HOME/tags: the fit, and which state of its vectors each item's tags come from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = "tags"
FIT = "fit.json"
STATE = "items.parquet"
VERSION = b"version"


@dataclass(frozen=True)
class Tagged:
    """An item that was compared: which vectors it had, and how many tags it got."""

    mark: str
    tags: int


def load_state(home: Path, version: str) -> dict[str, Tagged]:
    """By item; nothing where another version wrote it, or where it cannot be read: all is compared again."""
    try:
        table = pq.read_table(home / FOLDER / STATE)
    except (OSError, pa.ArrowInvalid):
        return {}
    if (table.schema.metadata or {}).get(VERSION, b"").decode() != version:
        return {}
    columns = (table.column(name).to_pylist() for name in ("id", "mark", "tags"))
    return {item: Tagged(mark, tags) for item, mark, tags in zip(*columns, strict=True)}


def save_state(home: Path, version: str, state: Mapping[str, Tagged]) -> None:
    """By rename, whole."""
    table = pa.table(
        {
            "id": pa.array(state, pa.string()),
            "mark": pa.array([one.mark for one in state.values()], pa.string()),
            "tags": pa.array([one.tags for one in state.values()], pa.int64()),
        }
    )
    temporary = _temporary(home, STATE)
    pq.write_table(table.replace_schema_metadata({VERSION: version}), temporary)
    temporary.replace(home / FOLDER / STATE)


def load_fit(home: Path) -> dict[str, Any] | None:
    """The kept fit, None where there is none that can be read."""
    try:
        found = json.loads((home / FOLDER / FIT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def save_fit(home: Path, fit: Mapping[str, Any]) -> None:
    """By rename, whole."""
    temporary = _temporary(home, FIT)
    temporary.write_text(json.dumps(fit, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    temporary.replace(home / FOLDER / FIT)


def _temporary(home: Path, name: str) -> Path:
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f".{name}-{os.getpid()}"
