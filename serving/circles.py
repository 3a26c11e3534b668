"""Who knows whom, as an index holds it: `serving.publish_people` writes it, `serving.acquaintances` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.index_files import Rows, map_array, map_rows


@dataclass(frozen=True)
class People:
    """Of every user: `friends`, whom they block or who blocks them (`blocked`), and best suggestions with log-odds and
    likeness of taste. `quiet`: who shall not be suggested; `hides`: who does not show their friends.
    """

    friends: Rows
    blocked: Rows
    quiet: NDArray[np.bool_]
    hides: NDArray[np.bool_]
    suggested: NDArray[np.int32]
    scores: NDArray[np.float32]
    taste: NDArray[np.float32]


def map_people(folder: Path) -> People:
    """Those of an index's folder."""
    friends, blocked = (map_rows(folder, f"people.{name}") for name in ("friends", "blocked"))
    names = ("quiet", "hides", "suggested", "scores", "taste")
    return People(friends, blocked, *(map_array(folder, f"people.{name}") for name in names))
