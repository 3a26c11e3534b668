"""What sessions are scored by, counted again on everything that may be known; the weights are the model card's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graph.snapshot import Snapshot
from serving.index_files import write_array, write_rows
from training.data import Histories, TrainingData
from training.prepare import side_information
from training.sessions import LAST, counted, popular


def write_sessions(
    folder: Path, snapshot: Snapshot, known: Histories, learned: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Writes `sessions.*`; returns what the manifest says of them. `learned`: `SessionWeights.json()`; where it is
    empty nothing is written, and sessions are scored by the model alone.
    """
    if not learned:
        return None
    for one in counted(TrainingData(known, side_information(snapshot)), learned["decay"]):
        write_rows(folder, f"sessions.{one.name}", one.weights.indptr, one.weights.indices)
        write_array(folder, f"sessions.{one.name}.weights", one.weights.data.astype(np.float32))
    write_array(folder, "sessions.popular", popular(known))
    return {"weights": dict(learned["weights"]), "decay": learned["decay"], "last": LAST}
