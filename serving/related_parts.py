"""Items related to an item as arrays of an index; `serving.publish_related` writes them, `serving.related` answers.

Three relations, told apart: *together* (near each other in people's histories more often than by chance), of these the
*complements* (of another category), and *alternatives* (of the same category, and not taken together).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.index_files import Rows, map_array, map_rows, write_array, write_rows

TOGETHER, ALTERNATIVES, COMPLEMENTS = "together", "alternatives", "complements"
RELATIONS = (TOGETHER, ALTERNATIVES, COMPLEMENTS)
PAIRED = (TOGETHER, COMPLEMENTS)


@dataclass(frozen=True)
class Relation:
    """Of item i those at `rows[i]`, best first; beside: `scores`, and of pairs that people take (`PAIRED`) how many
    `people` do, in steps of the k-anonymity, and how many would by `chance`; both empty for alternatives.
    """

    rows: Rows
    scores: NDArray[np.float32]
    people: NDArray[np.int32]
    chance: NDArray[np.float32]


@dataclass(frozen=True)
class Related:
    """`labels`: of attributes that say an item's category; empty: all of them do. `fewest`: the k-anonymity."""

    relations: Mapping[str, Relation]
    labels: tuple[str, ...]
    fewest: int


def write_relation(folder: Path, name: str, relation: Relation) -> None:
    """As `related.NAME.*`."""
    write_rows(folder, f"related.{name}", relation.rows.indptr, relation.rows.columns)
    write_array(folder, f"related.{name}.scores", relation.scores)
    write_array(folder, f"related.{name}.people", relation.people)
    write_array(folder, f"related.{name}.chance", relation.chance)


def map_related(folder: Path, entry: Mapping[str, Any] | None) -> Related | None:
    """What the manifest says was written; None in an index of a version before."""
    if not entry:
        return None
    found = {
        name: Relation(
            map_rows(folder, f"related.{name}"),
            *(map_array(folder, f"related.{name}.{part}") for part in ("scores", "people", "chance")),
        )
        for name in entry["relations"]
    }
    return Related(found, tuple(entry["labels"]), entry["fewest"])
