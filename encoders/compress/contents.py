"""The things of a catalogue that a smaller encoder is fitted and measured on: each once, a part held out by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from encoders.base import Modality
from encoders.pipeline import Content
from encoders.sources import MAX_BYTES, item_text, read_file
from graph.errors import InvalidData
from graph.snapshot import Snapshot

HELD_OUT = 0.2
FEWEST = 50
COLUMNS = ("title", "text", "summary")


@dataclass(frozen=True)
class Contents:
    """`things`: all of them; `fit`, `held_out`: positions among them."""

    things: Sequence[Content]
    fit: Sequence[int]
    held_out: Sequence[int]


def read_contents(snapshot: Snapshot, folder: Path, modality: Modality, *, seed: int) -> Contents:
    """Texts, or pictures below `folder`, of the items that have one. Raises `InvalidData` for fewer than `FEWEST`."""
    wanted = COLUMNS if modality == "text" else (modality,)
    columns = [name for name in wanted if name in snapshot.item_properties.column_names]
    rows = snapshot.item_properties.select(columns).to_pylist() if columns else []
    if modality == "text":
        found: list[Content] = [item_text(row.get("title"), row.get("text"), row.get("summary")) for row in rows]
    else:
        found = [read_file(folder, row[modality], MAX_BYTES[modality]) for row in rows if row.get(modality)]
    things = list(dict.fromkeys(thing for thing in found if thing))
    if len(things) < FEWEST:
        raise InvalidData(
            f"{len(things)} different {modality}s in {str(folder)!r}",
            valid=f"at least {FEWEST}, to fit and to measure",
            remedy="use the encoder as it is",
        )
    order = np.random.default_rng(seed).permutation(len(things)).tolist()
    cut = round(HELD_OUT * len(things))
    return Contents(things, sorted(order[cut:]), sorted(order[:cut]))
