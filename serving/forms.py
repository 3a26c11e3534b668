"""The models of an index as arrays: members of a blend, and the forms their scores are made of.

`serving.publish_forms` writes them, `serving.rank` and `serving.retrieve` score with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from graph.feedback import Weighing, pair_weights
from serving.index_files import Rows, map_array, map_rows
from serving.sequence import SequenceWeights


@dataclass(frozen=True)
class Told:
    """All that a user did with items of the index, likings or not: columns of equal length, in no order."""

    items: NDArray[np.int32]
    kind: NDArray[np.int8]
    value: NDArray[np.float32]

    def weighed(self, weighing: Weighing) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The items that count, once each, and what each counts (below 0: against items like it)."""
        weights = weighing.of(self.kind, self.value)
        _, items, found = pair_weights(np.zeros(len(self.items), np.int64), self.items, weights)
        return items, found


@dataclass(frozen=True)
class StaticScores:
    """The same score for everybody."""

    scores: NDArray[np.float32]


@dataclass(frozen=True)
class ItemWeights:
    """score = history @ weights; CSR where `rows` is given (its `columns` beside `weights`), else dense.

    `decay`, `last`, `normalise` and `said` weigh the history: see `training.recommender.ItemForm`.
    """

    weights: NDArray[np.float32]
    normalise: bool
    decay: float
    last: int
    rows: Rows | None = None
    said: Weighing | None = None


@dataclass(frozen=True)
class Factors:
    """score = user @ items.T; see `training.recommender.FactorForm` for how a newcomer's vector is made."""

    users: NDArray[np.float32] | None
    items: NDArray[np.float32]
    fold_in: NDArray[np.float32] | None
    fold_in_power: float
    gram: NDArray[np.float32] | None
    ridge: tuple[float, float, float]
    """Ridge, offset and power."""
    moves: bool = False


@dataclass(frozen=True)
class Tower:
    """score = f(history @ inputs / max(1, n) ** power + user) @ items.T; see `training.recommender.MLPForm`."""

    inputs: NDArray[np.float32]
    items: NDArray[np.float32]
    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    users: NDArray[np.float32]
    power: float


Form: TypeAlias = StaticScores | ItemWeights | Factors | SequenceWeights | Tower


@dataclass(frozen=True)
class Member:
    """One model of a blend; its forms' scores add up. `weight` None: the model stands alone, as it is."""

    name: str
    weight: float | None
    forms: tuple[Form, ...]


def map_member(folder: Path, entry: Mapping[str, Any]) -> Member:
    """One that the manifest names."""
    return Member(entry["name"], entry["weight"], tuple(_form(folder, form) for form in entry["forms"]))


def _form(folder: Path, entry: Mapping[str, Any]) -> Form:
    name, kind = entry["file"], entry["kind"]
    if kind == "static":
        return StaticScores(map_array(folder, f"{name}.scores"))
    if kind == "item":
        rows = map_rows(folder, name) if entry["sparse"] else None
        said = Weighing.of_json(entry["said"]) if entry.get("said") else None
        return ItemWeights(
            map_array(folder, f"{name}.weights"), entry["normalise"], entry["decay"], entry["last"], rows, said
        )
    if kind == "sequence":
        return _sequence(folder, name, entry)
    if kind == "mlp":
        return _tower(folder, name, entry)
    parts = {"users": True, **{part: entry[part] for part in ("users", "fold_in", "gram") if part in entry}}
    optional = {part: map_array(folder, f"{name}.{part}") if there else None for part, there in parts.items()}
    return Factors(
        optional["users"], map_array(folder, f"{name}.items"),
        optional["fold_in"], entry["fold_in_power"], optional["gram"], tuple(entry["ridge"]), entry.get("moves", False),
    )  # fmt: skip


def _sequence(folder: Path, name: str, entry: Mapping[str, Any]) -> SequenceWeights:
    return SequenceWeights(
        map_array(folder, f"{name}.inputs"),
        map_array(folder, f"{name}.items"),
        {part: map_array(folder, f"{name}.{part}") for part in entry["weights"]},
        entry["last"],
        entry["num_layers"],
        map_array(folder, f"{name}.query") if entry["query"] else None,
    )


def _tower(folder: Path, name: str, entry: Mapping[str, Any]) -> Tower:
    layers = range(entry["layers"])
    return Tower(
        map_array(folder, f"{name}.inputs"),
        map_array(folder, f"{name}.items"),
        tuple(map_array(folder, f"{name}.weights{place}") for place in layers),
        tuple(map_array(folder, f"{name}.biases{place}") for place in layers),
        map_array(folder, f"{name}.users"),
        entry["power"],
    )
