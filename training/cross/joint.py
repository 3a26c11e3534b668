"""The shared graph: one row a person over all platforms' items, read by any model of the zoo.

score(u, i) of the model fitted on joint rows, for the target's items alone. So a path person - other item - person -
target item is a path like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.cross.data import Pair
from training.data import UserBatch
from training.recommender import Recommender


class Shared:
    """A model of joint rows as one of the target: the batch holds the target's histories, the rest is known here."""

    def __init__(self, inner: Recommender, pair: Pair) -> None:
        self.inner, self.pair = inner, pair
        self.name = f"shared {inner.name}"

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        """(len(users), the target's items); somebody unknown has nothing elsewhere."""
        joint = UserBatch(users.index, self.pair.joined(users.histories, users.index), users.persons)
        return np.asarray(self.inner.score(joint)[:, : self.pair.num_items])


def refitted(inner: Recommender, config: Any, pair: Pair) -> Callable[[], Any]:
    """Fits the shared model once more, on everything."""
    from training.refit import fit_again

    return lambda: Shared(fit_again(inner, config, pair.lift(pair.alone.everything)), pair)
