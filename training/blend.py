"""The blend: a weighted sum of several models' scores, each standardised by user. What `auto` chooses is one of these.

score(u, i) = sum_m w_m (s_m(u, i) - mean_i s_m(u, .)) / std_i s_m(u, .): linear stacking (Breiman 1996) with weights
that `training.auto` learns on validation. Standardising over all items makes members of any scale comparable, and
serving can repeat it for one user from that user's scores alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from training.data import TrainingData, UserBatch
from training.recommender import SILENT, Form, Monitor, Recommender
from training.zoo import find

NAME = "auto"


@dataclass(frozen=True)
class MemberConfig:
    """One member: its name in the zoo, its settings and its weight (positive; all weights sum to one)."""

    name: str
    weight: float
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BlendConfig:
    """The members in order of weight."""

    members: tuple[MemberConfig, ...]


def labels(names: Iterable[str]) -> list[str]:
    """A label for each member: its name, and its number where the same model is there again (`lightgcn 2`)."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


def standardise(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row less its mean, over its standard deviation; a constant row becomes zeros."""
    mean = scores.mean(axis=1, keepdims=True)
    centred = scores - mean
    spread = np.sqrt(np.einsum("ij,ij->i", centred, centred) / max(1, scores.shape[1]))
    spread[spread < 1e-12] = np.inf
    return np.asarray(centred / spread[:, None], np.float32)


class Blend:
    """Members with weights, itself a `Recommender`; `members` may be given fitted (by `training.auto`) or be fitted."""

    name = NAME

    def __init__(self, config: BlendConfig, members: Sequence[Recommender] | None = None) -> None:
        self.config = config
        self.members: tuple[Recommender, ...] = tuple(members or map(_build, config.members))

    @property
    def weights(self) -> tuple[float, ...]:
        return tuple(member.weight for member in self.config.members)

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        for member in self.members:
            member.fit(data, monitor)
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        total = np.zeros((len(users), users.histories.num_items), np.float32)
        for weight, member in zip(self.weights, self.members, strict=True):
            total += np.float32(weight) * standardise(member.score(users))
        return total

    def forms(self) -> Sequence[Form]:
        """The members' forms, in order; the index standardises and weighs them by `weights`."""
        return [form for member in self.members for form in member.forms()]

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {
            f"{place}/{key}": value
            for place, member in enumerate(self.members)
            for key, value in member.state().items()
        }

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        for place, member in enumerate(self.members):
            prefix = f"{place}/"
            member.load_state({key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)})
        return self


def told_by(recommender: object) -> dict[str, Mapping[str, Any]]:
    """What the model, or each of a blend's members, learned that interactions count (`training.feedback`)."""
    members = recommender.members if isinstance(recommender, Blend) else (recommender,)
    found = {str(getattr(one, "name", "")): getattr(one, "told", None) for one in members}
    return {name: told for name, told in found.items() if told}


def _build(member: MemberConfig) -> Recommender:
    model = find(member.name)
    return model.build(model.config(member.settings))
