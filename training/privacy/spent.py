"""What all models of a registry have spent together: two that learned from the same people have spent two budgets.

By basic composition (Dwork and Roth 2014, theorem 3.16): epsilons and deltas add up, whatever the mechanisms were and
even if whoever asked for the next model had seen those before. It is a bound from above: the versions may have been
trained on different people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.registry import Version
    from training.tracking import Run

EPSILON, DELTA = "privacy_epsilon", "privacy_delta"
"""Tags of a version that promises something."""


@dataclass(frozen=True)
class Spent:
    """Of `private` versions together; `open`: versions beside them that promise nothing, so that no sum bounds all."""

    epsilon: float
    delta: float
    private: int
    open: int

    def __str__(self) -> str:
        """For a tag."""
        others = f"; {self.open} beside them promise nothing" if self.open else ""
        return f"({self.epsilon:g}, {self.delta:g}) by {self.private} versions together{others}"


def spent(versions: Iterable[Version], promise: Mapping[str, Any] | None = None) -> Spent:
    """What these versions, and one to come that promises this, have spent together."""
    there = list(versions)
    private = [(float(one.tags[EPSILON]), float(one.tags[DELTA])) for one in there if EPSILON in one.tags]
    left = len(there) - len(private)
    if promise:
        private.append((promise["epsilon"], promise["delta"]))
    epsilons, deltas = zip(*private, strict=True) if private else ((), ())
    return Spent(sum(epsilons), sum(deltas), len(private), left)


def tags_of(promise: Mapping[str, Any]) -> dict[str, str]:
    """Of a version, by which the next ones count it."""
    return {EPSILON: repr(promise["epsilon"]), DELTA: repr(promise["delta"])} if promise else {}


def log_spent(run: Run, found: Spent) -> None:
    """Into MLflow, beside what the run's own model promises: `privacy/epsilon_total` and `privacy/delta_total`."""
    run.metrics({"epsilon_total": found.epsilon, "delta_total": found.delta}, prefix="privacy/")
    run.tags({"privacy_spent": str(found)})
