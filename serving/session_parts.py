"""The members of a session's blend as arrays of an index; `serving.publish_sessions` writes them, `serving.sessions`
scores with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.forms import ItemWeights
from serving.index_files import map_array, map_rows

MODEL, NEXT, TOGETHER, POPULAR = "model", "next", "together", "popular"
COUNTED = (NEXT, TOGETHER)


@dataclass(frozen=True)
class SessionParts:
    """`weights` by member; `counted`: what comes after an item, and beside it; `popular` (num_items,)."""

    weights: Mapping[str, float]
    counted: Mapping[str, ItemWeights]
    popular: NDArray[np.float32]


def map_sessions(folder: Path, entry: Mapping[str, Any] | None) -> SessionParts | None:
    """What the manifest says that `serving.publish_sessions` wrote; None where it wrote nothing."""
    if not entry:
        return None
    counted = {
        name: ItemWeights(map_array(folder, f"sessions.{name}.weights"), normalise=False, decay=entry["decay"],
                          last=entry["last"], rows=map_rows(folder, f"sessions.{name}"))
        for name in COUNTED
    }  # fmt: skip
    return SessionParts(entry["weights"], counted, map_array(folder, "sessions.popular"))
