"""From cosines between items and labels to confidences: standardised by label, averaged over modalities, calibrated.

Labels differ in how near they are to everything, so a cosine is read against those of the same label:
z = (cosine - mean) / deviation over the items the fit saw. Modalities are fused by the mean of their z, standardised
again. Where it is known which items have a label, confidence = sigmoid(a z + b) (Platt 1999, with his targets),
fitted on these; a label that few items have borrows from all labels together. Where nothing is known, the confidence
is the share of items that fit the label less: a percentile, not a probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Scores: TypeAlias = NDArray[np.float64]

BORROWED = 20.0
"""How many items' worth the common curve weighs in that of one label."""
SPREAD = 1e-9


@dataclass(frozen=True)
class Scale:
    """Mean and deviation by label."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def of(self, scores: NDArray[Any]) -> Scores:
        found: Scores = (np.asarray(scores, np.float64) - np.array(self.mean)) / np.array(self.deviation)
        return found


@dataclass(frozen=True)
class Curve:
    """confidence = sigmoid(slope z + offset)."""

    slope: float
    offset: float


@dataclass(frozen=True)
class Fit:
    """What a catalogue taught: scales by modality, by combination of modalities (`text+image`), and curves by label.

    `curves` is empty where no item's labels are known: then confidences are percentiles.
    """

    scales: Mapping[str, Scale]
    fused: Mapping[str, Scale]
    curves: tuple[Curve, ...]

    @property
    def calibrated(self) -> bool:
        return bool(self.curves)

    def fused_scores(self, scores: Mapping[str, NDArray[Any]]) -> Scores:
        """(items, labels) from the cosines of items that all have the same modalities."""
        both = np.asarray(np.mean([self.scales[name].of(found) for name, found in scores.items()], axis=0))
        scale = self.fused.get(combination(scores))
        if scale is None:  # no item has just these: as if the modalities knew nothing of each other
            return np.asarray(both * np.sqrt(len(scores)))
        return scale.of(both)

    def confidences(self, scores: Mapping[str, NDArray[Any]]) -> Scores:
        """(items, labels), each between 0 and 1."""
        z = self.fused_scores(scores)
        if not self.curves:
            shares: Scores = np.vectorize(NormalDist().cdf, otypes=[np.float64])(z)
            return shares
        slopes, offsets = (np.array([getattr(curve, name) for curve in self.curves]) for name in ("slope", "offset"))
        return sigmoid(slopes * z + offsets)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Fit:
        scales, fused = (
            {name: Scale(tuple(one["mean"]), tuple(one["deviation"])) for name, one in values[part].items()}
            for part in ("scales", "fused")
        )
        return cls(scales, fused, tuple(Curve(**curve) for curve in values["curves"]))


def combination(modalities: Sequence[str] | Mapping[str, Any]) -> str:
    """`text`, `image` or `image+text`."""
    return "+".join(sorted(modalities))


def fit(
    scores: Mapping[str, NDArray[Any]], present: Mapping[str, NDArray[np.bool_]], known: NDArray[np.bool_] | None
) -> Fit:
    """`scores`: (items, labels) cosines by modality, meaningful where `present`; `known`: which labels each item has.

    Items of which no label is known say nothing about what fits, so they take no part in the calibration.
    """
    scales = {name: _scale(found[present[name]]) for name, found in scores.items() if present[name].any()}
    fused, z, seen = {}, np.zeros(next(iter(scores.values())).shape), np.zeros(len(next(iter(scores.values()))), bool)
    for rows, names in combinations(present):
        both = np.mean([scales[name].of(scores[name][rows]) for name in names], axis=0)
        fused[combination(names)] = _scale(both)
        z[rows], seen[rows] = fused[combination(names)].of(both), True
    curves = () if known is None else calibrate(z[seen], known[seen])
    return Fit(scales, fused, curves)


def combinations(present: Mapping[str, NDArray[np.bool_]]) -> list[tuple[NDArray[np.intp], tuple[str, ...]]]:
    """Items by which modalities they have: positions and names; those without any are left out."""
    names = sorted(present)
    codes = sum(present[name].astype(np.int64) << place for place, name in enumerate(names))
    found = []
    for code in range(1, 1 << len(names)):
        rows = np.flatnonzero(codes == code)
        if len(rows):
            found.append((rows, tuple(name for place, name in enumerate(names) if code >> place & 1)))
    return found


def calibrate(z: Scores, known: NDArray[np.bool_]) -> tuple[Curve, ...]:
    """A curve by label from the items that have any label; none where there are none."""
    rows = known.any(axis=1)
    if not rows.any():
        return ()
    z, known = z[rows], known[rows]
    common = _platt(z.ravel(), known.ravel(), None)
    return tuple(_platt(z[:, label], known[:, label], common) for label in range(z.shape[1]))


def _platt(z: Scores, is_so: NDArray[np.bool_], prior: Curve | None) -> Curve:
    """The least log loss with Platt's targets, drawn towards `prior`.

    The slope is never negative: fitting a label better must not mean less confidence.
    """
    from scipy.optimize import minimize

    yes, no = int(is_so.sum()), int((~is_so).sum())
    target = np.where(is_so, (yes + 1) / (yes + 2), 1 / (no + 2))
    start = prior or Curve(1.0, float(np.log((yes + 1) / (no + 1))))
    centre, pull = np.array([start.slope, start.offset]), BORROWED / 4 if prior else 1e-6

    def loss(curve: Scores) -> tuple[float, Scores]:
        logits, away = curve[0] * z + curve[1], curve - centre
        wrong = sigmoid(logits) - target
        value = (np.logaddexp(0, logits) - target * logits).sum() + pull / 2 * (away @ away)
        return float(value), np.array([wrong @ z, wrong.sum()]) + pull * away

    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]).x
    return Curve(round(float(found[0]), 6), round(float(found[1]), 6))


def _scale(scores: NDArray[Any]) -> Scale:
    values = np.asarray(scores, np.float64)
    deviation = values.std(axis=0)
    return Scale(
        tuple(values.mean(axis=0).round(9).tolist()),
        tuple(np.where(deviation > SPREAD, deviation, 1.0).round(9).tolist()),
    )


def sigmoid(values: Scores) -> Scores:
    """1 / (1 + exp(-values)), without overflow."""
    found: Scores = 0.5 * (1.0 + np.tanh(0.5 * values))
    return found
