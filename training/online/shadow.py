"""A challenger's answers beside the champion's to the same requests: how alike, how broad, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graph.errors import InvalidData
from training.online.ratios import Floats
from training.resample import mean_with_interval

K = 10


@dataclass(frozen=True)
class Pair:
    """Two answers to one request: item ids, best first, and how long each took (milliseconds)."""

    user: str
    champion: Sequence[str]
    challenger: Sequence[str]
    champion_ms: float
    challenger_ms: float


@dataclass(frozen=True)
class Shadowed:
    """`overlap`: share of the first ten that both show; `correlation`: Kendall's tau over the items that both show,
    answers with fewer than two left out; each with its 95% interval. `coverage`: distinct items among the first ten of
    all answers by the catalogue's size; `milliseconds`: median and 95th percentile; both champion, then challenger.
    """

    answers: int
    overlap: tuple[float, float, float]
    correlation: tuple[float, float, float]
    same_first: float
    coverage: tuple[float, float]
    milliseconds: tuple[tuple[float, float], tuple[float, float]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(pairs: Sequence[Pair], catalogue: int, k: int = K) -> Shadowed:
    """Of all pairs; intervals over answers. Raises `InvalidData` for none."""
    if not pairs:
        raise InvalidData("no answer has been shadowed yet", valid="a running shadow and some requests",
                          remedy="interlace shadow start VERSION; then ask the server for recommendations")  # fmt: skip
    heads = [(list(one.champion[:k]), list(one.challenger[:k])) for one in pairs]
    overlap = np.array([len(set(one) & set(two)) / max(1, min(k, max(len(one), len(two)))) for one, two in heads])
    correlation = np.array([kendall(one, two) for one, two in heads])
    first = np.mean([one[:1] == two[:1] for one, two in heads])
    shown = [len({item for pair in heads for item in pair[side]}) / max(1, catalogue) for side in (0, 1)]
    times = (np.array([one.champion_ms for one in pairs]), np.array([one.challenger_ms for one in pairs]))
    return Shadowed(len(pairs), mean_with_interval(overlap), mean_with_interval(correlation), float(first),
                    (shown[0], shown[1]), (_times(times[0]), _times(times[1])))  # fmt: skip


def kendall(one: Sequence[str], two: Sequence[str]) -> float:
    """Tau over the items in both lists; NaN with fewer than two."""
    place = {item: rank for rank, item in enumerate(two)}
    order = np.array([place[item] for item in one if item in place])
    if len(order) < 2:
        return float("nan")
    above = np.sign(order[None, :] - order[:, None])[np.triu_indices(len(order), 1)]
    return float(above.mean())


def _times(values: Floats) -> tuple[float, float]:
    middle, high = np.quantile(values, (0.5, 0.95))
    return float(middle), float(high)
