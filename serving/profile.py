"""What people of the same age, place or trade like: item scores from a newcomer's profile, from the index alone.

Request path: NumPy's version of `training.models.profile`, whose equation it is; `serving.publish_newcomers` writes it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Column:
    """A property of users: numbers by the group between `edges`, or words (JSON values) by which it is.

    `first`: place of its first feature.
    """

    name: str
    edges: tuple[float, ...] | None
    words: tuple[Any, ...] | None
    first: int

    def feature(self, value: Any) -> int | None:
        """Place of the feature of a value; None for one that says nothing (another word, no number)."""
        if self.words is not None:
            same = (place for place, word in enumerate(self.words) if word == value and type(word) is type(value))
            place = next(same, None)
            return None if place is None else self.first + place
        assert self.edges is not None
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return None if np.isnan(number) else self.first + bisect_right(self.edges, number)


@dataclass(frozen=True)
class Profiles:
    """`items` (num_items, features + 1): what each feature adds to an item's popularity, which stands last."""

    columns: Sequence[Column]
    items: NDArray[np.float32]

    def features(self, profile: Mapping[str, Any]) -> list[int]:
        """Features that a profile has, of those the model knows."""
        found = (one.feature(profile[one.name]) for one in self.columns if profile.get(one.name) is not None)
        return [place for place in found if place is not None]

    def scores(self, features: Sequence[int]) -> NDArray[np.float32]:
        """(num_items,) for somebody with these features."""
        return np.asarray(self.items[:, [*features, -1]].sum(axis=1), np.float32)
