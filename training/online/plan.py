"""What an experiment was set out to find: fixed before it starts, read by every report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.online.attribution import WINDOW_SECONDS
from training.online.sequential import EXPECTED
from training.online.tallies import DAY


@dataclass(frozen=True)
class Plan:
    """`arms`: weights by name, the control first. `measures`: the first decides. `guards`: by name, the relative loss
    that is allowed. `minimum_effect`: relative; less than this does not matter. `horizon`: seconds from a user's first
    exposure over which their outcome is counted; each user counts once, when it is over. `window`: of attribution.
    `expected`: users that the bounds are tightest at. `start`, `end`: Unix times.
    """

    name: str
    arms: Mapping[str, float]
    measures: tuple[str, ...] = ("ctr",)
    guards: Mapping[str, float] = field(default_factory=dict)
    minimum_effect: float = 0.01
    alpha: float = 0.05
    horizon: int = DAY
    window: int = WINDOW_SECONDS
    expected: int = EXPECTED
    start: int = 0
    end: int | None = None
    interleave: bool = False

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))
