"""What an interaction says, by its kind and its value: classes, and how much one of each counts.

`training.feedback` makes the classes and learns the weights, the index carries them, and serving reads events by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.schema import KINDS


@dataclass(frozen=True)
class Weighing:
    """Classes of interactions: `kind` codes, `low` <= value < `high` (both NaN: no value), and what one counts.

    1 is what a liking counts on average; below 0 it speaks against items like it. Columns of equal length.
    """

    kind: NDArray[np.int8]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.kind)

    def classes(self, kind: NDArray[np.integer], value: NDArray[np.floating]) -> NDArray[np.int64]:
        """(n,) the class of each interaction, -1 for a kind, or a kind with or without values, that was never seen."""
        found = np.full(len(kind), -1, np.int64)
        for place in range(len(self)):
            low, high = self.low[place], self.high[place]
            fits = np.isnan(value) if np.isnan(low) else (value >= low) & (value < high)
            found[(kind == self.kind[place]) & fits] = place
        return found

    def of(self, kind: NDArray[np.integer], value: NDArray[np.floating]) -> NDArray[np.float32]:
        """(n,) what each counts; 0, nothing, for what was never seen."""
        return np.append(self.weight, np.float32(0))[self.classes(kind, value)]

    def names(self) -> list[str]:
        """As people read them: `viewed`, `rated 3.5 to 4.5`."""
        return [_named(*one) for one in zip(self.kind.tolist(), self.low.tolist(), self.high.tolist(), strict=True)]

    def json(self) -> dict[str, list[float | str | None]]:
        """As JSON takes it: no NaN, no infinity."""
        return {
            name: [_plain(one) for one in getattr(self, name).tolist()] for name in ("kind", "low", "high", "weight")
        }

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Weighing:
        """Back from `json`."""
        low, high = ([_number(one) for one in found[name]] for name in ("low", "high"))
        return cls(
            np.array(found["kind"], np.int8),
            np.array(low, np.float32),
            np.array(high, np.float32),
            np.array(found["weight"], np.float32),
        )


def pair_weights(
    rows: NDArray[np.integer], items: NDArray[np.integer], weights: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """One weight for each row and item: of what somebody did with an item, what says most, for or against it."""
    order = np.lexsort((np.abs(weights), items, rows))
    rows, items, weights = rows[order], items[order], weights[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (np.diff(rows) != 0) | (np.diff(items) != 0)
    last &= weights != 0
    return rows[last].astype(np.int64), items[last].astype(np.int32), weights[last].astype(np.float32)


def _named(kind: int, low: float, high: float) -> str:
    name = KINDS[kind]
    if np.isnan(low):
        return name
    if np.isinf(low):
        return f"{name} any value" if np.isinf(high) else f"{name} below {high:g}"
    return f"{name} {low:g} and more" if np.isinf(high) else f"{name} {low:g} to {high:g}"


def _plain(value: float) -> float | str | None:
    if np.isnan(value):
        return None
    return value if np.isfinite(value) else ("inf" if value > 0 else "-inf")


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
