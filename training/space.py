"""Search spaces of models, as data: each module of `training/models` has a `SPACE` beside its `GRID`.

`training.tune` draws from them. Ranges are wide enough for small and large data sets; what decides speed alone (batch
size, solver steps) or when to stop (epochs, patience) is no part of a space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from optuna import Trial


@dataclass(frozen=True)
class Float:
    """A real number from `low` to `high`, both included; `log`: drawn evenly by order of magnitude."""

    low: float
    high: float
    log: bool = False

    def draw(self, trial: Trial, name: str) -> float:
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def holds(self, value: Any) -> bool:
        """Can `value` be drawn."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included, in steps of `step` (1 where `log`)."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    def draw(self, trial: Trial, name: str) -> int:
        return trial.suggest_int(name, self.low, self.high, log=self.log, step=self.step)

    def holds(self, value: Any) -> bool:
        """Can `value` be drawn."""
        return isinstance(value, int) and self.low <= value <= self.high and (value - self.low) % self.step == 0


@dataclass(frozen=True)
class Categorical:
    """One of `choices`: words, numbers, truth values or None."""

    choices: tuple[str | int | float | bool | None, ...]

    def draw(self, trial: Trial, name: str) -> str | int | float | bool | None:
        return trial.suggest_categorical(name, self.choices)

    def holds(self, value: Any) -> bool:
        """Can `value` be drawn."""
        return value in self.choices


Dimension: TypeAlias = Float | Int | Categorical
Space: TypeAlias = Mapping[str, Dimension]
"""Setting of a model's config -> what it may be."""


def draw(space: Space, trial: Trial) -> dict[str, Any]:
    """One setting of each name."""
    return {name: dimension.draw(trial, name) for name, dimension in space.items()}


def within(space: Space, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `settings` that the space could have drawn."""
    return {name: settings[name] for name, one in space.items() if name in settings and one.holds(settings[name])}
