"""What a private model promises, in numbers and words: for its card, MLflow and `interlace evaluate`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from training.privacy.accountant import Budget
from training.recommender import Recommender

if TYPE_CHECKING:
    from training.tracking import Run

UNIT = "user"
COVERS = "the fitted arrays and every answer made of them and of the asking user's own history"
LEAVES_OUT = (
    "measures of held-out data, settings chosen by looking at the data, and what an index keeps beside the model: "
    "histories, counts of people, who else liked an item"
)


@dataclass(frozen=True)
class Guarantee:
    """(epsilon, delta)-differential privacy: data sets that differ by one `unit`, all that they did included.

    `covers` and `leaves_out`: in words.
    """

    epsilon: float
    delta: float
    mechanism: str
    unit: str = UNIT
    covers: str = COVERS
    leaves_out: str = LEAVES_OUT


@runtime_checkable
class Private(Protocol):
    """A model that promises something."""

    def guarantee(self) -> Guarantee | None: ...


def promised(budget: Budget, mechanism: str, noise_seed: int | None) -> Guarantee | None:
    """The guarantee of a budget; None without noise, or with noise that a seed gives away."""
    if math.isinf(budget.epsilon) or noise_seed is not None:
        return None
    return Guarantee(budget.epsilon, budget.delta, mechanism)


def guarantee_of(recommender: Recommender) -> dict[str, Any]:
    """Of any model, as a card keeps it; empty where nothing is promised.

    A blend promises nothing, whatever its members are: its weights are learned from people without noise.
    """
    found = recommender.guarantee() if isinstance(recommender, Private) else None
    return {} if found is None else asdict(found)


def log_guarantee(run: Run, promise: Mapping[str, Any]) -> None:
    """Into MLflow: `privacy/epsilon` and `privacy/delta` as metrics, so that runs sort by them, and all of it as a
    document. Nothing where nothing is promised.
    """
    if promise:
        run.metrics({name: promise[name] for name in ("epsilon", "delta")}, prefix="privacy/")
        run.tags(
            {"privacy": f"({promise['epsilon']:g}, {promise['delta']:g})-differentially private by {promise['unit']}"}
        )
        run.document(promise, "privacy.json")
