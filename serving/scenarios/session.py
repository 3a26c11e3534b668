"""A scenario's rules for a session: its filters, and those of the shelf that the model fills. Nobody's past is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.live import Live
from serving.scenarios.columns import Columns
from serving.scenarios.filters import always, passing
from serving.scenarios.preset import FOR_YOU, Preset, Rules
from serving.scenarios.rules import chosen, ordered
from serving.scenarios.visitor import Visitor


@dataclass(frozen=True)
class House:
    """What a scenario asks of a session's items. `visitor`: nobody in particular, with what they say of themselves."""

    visitor: Visitor
    preset: Preset

    @classmethod
    def of(cls, live: Live, columns: Columns, preset: Preset, profile: Mapping[str, Any]) -> House:
        """Now, for a visitor of this profile."""
        return cls(Visitor.of(live, columns, None, told=profile), preset)

    @property
    def rules(self) -> Rules:
        """Of the first shelf that the model fills; none where there is no such shelf."""
        return next((shelf.rules for shelf in self.preset.shelves if shelf.source == FOR_YOU), Rules())

    def worth(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """(items,) by the rules; -inf for what may not come."""
        allowed = always(self.visitor) & passing(self.visitor, self.preset.filters)
        return ordered(self.visitor, scores, allowed & np.isfinite(scores), self.rules)

    def chosen(self, worth: NDArray[np.float32], n: int, first: list[int]) -> list[int]:
        """At most n: `first`, then the best of the others, the shelf's pins before them, its caps held."""
        return chosen(self.visitor, worth, np.isfinite(worth), self.rules, n, first)
