"""Conversions of clicks: which impression led to which purchase, and what ESMM tells of them beside a naive model.

A folder says so by rows of kind `purchased`, without a value, beside labelled impressions of the same user and item.
A purchase belongs to the latest click before it (last click); one that follows none is left out. Read by
`training.bench_ctr`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.schema import KINDS
from graph.snapshot import NO_TIME, Interactions
from graph.snapshot_read import FolderData
from training.ctr.auto import Parts
from training.ctr.esmm import fit_esmm, fit_naive
from training.ctr.features import Features
from training.ctr.fit import FitConfig
from training.ctr.metrics import auc, log_loss
from training.ctr.models import DEFAULTS, ClickModelConfig
from training.ctr.rows import Clicks
from training.split import TRAIN

PURCHASED = KINDS.index("purchased")
STEPS, LEAST_BATCH = 50, 128
"""Steps an epoch at least, where batches stay this large: conversions are rare, and small data would see few steps."""


@dataclass(frozen=True)
class Conversions:
    """`label` (rows of the clicks,) 0/1; `orphans`: purchases that followed no click."""

    label: NDArray[np.float32]
    orphans: int


def find_conversions(folder: FolderData, clicks: Clicks) -> Conversions | None:
    """Attributes purchases to clicks; None where there are none, or none in train."""
    rows = folder.snapshot.interactions
    bought = rows.take(np.flatnonzero((rows.kind == PURCHASED) & np.isnan(rows.value)))
    if not len(bought):
        return None
    label = np.zeros(len(clicks.rows), np.float32)
    clicked = np.flatnonzero(clicks.label > 0)
    place = _latest(clicks.rows.take(clicked), bought)
    label[clicked[place[place >= 0]]] = 1.0
    orphans = int((place < 0).sum())
    return Conversions(label, orphans) if label[clicks.part == TRAIN].any() else None


def _latest(clicks: Interactions, bought: Interactions) -> NDArray[np.int64]:
    """(purchases,) the newest click of the same user and item, not later than the purchase; -1 where there is none.

    Purchases and clicks without a time: any click before any purchase.
    """
    width = np.int64(max(clicks.item.max(initial=0), bought.item.max(initial=0))) + 1
    pairs = [rows.user.astype(np.int64) * width + rows.item for rows in (clicks, bought)]
    order = np.lexsort((clicks.time, pairs[0]))
    until = np.where(bought.time == NO_TIME, np.iinfo(np.int64).max, bought.time)
    found = np.full(len(bought), -1, np.int64)
    starts, ends = (np.searchsorted(pairs[0][order], pairs[1], side=side) for side in ("left", "right"))
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        place = start + np.searchsorted(clicks.time[order[start:end]], until[row], side="right") - 1
        if place >= start:
            found[row] = order[place]
    return found


def measure_conversions(
    conversions: Conversions,
    features: Features,
    parts: Parts,
    test: NDArray[np.int64],
    *,
    seconds: float | None = None,
    seed: int = 42,
    progress: Callable[[str], None] = lambda _text: None,
) -> dict[str, Mapping[str, float]]:
    """Test measures of `esmm` and of a model fitted on clicks alone (`naive`), each with half of `seconds`.

    `cvr`: of conversion, on clicked rows; `ctcvr`: of click and conversion, on all. NaN where a part has one label.
    """
    label, click = conversions.label, features.label
    size = int(np.clip(len(parts.train) // STEPS, LEAST_BATCH, FitConfig.batch_size))
    fit = FitConfig(batch_size=size, seed=seed, max_seconds=None if seconds is None else seconds / 2)
    progress("fitting esmm, conversion over all impressions")
    model = fit_esmm(features, label, parts.train, parts.validation, fit=fit)
    of_click, given = model.probabilities(features, test)
    progress("fitting conversion on clicks alone, to compare")
    config = ClickModelConfig("deepfm", DEFAULTS["deepfm"].network, fit)
    naive = fit_naive(features, label, parts.train, parts.validation, config)[0][test]
    clicked = click[test] > 0

    def measured(conversion: NDArray[np.float64]) -> dict[str, float]:
        return {
            **_both("cvr", label[test][clicked], conversion[clicked]),
            **_both("ctcvr", label[test], of_click * conversion),
        }

    counts = {"conversions": label.sum(), "in test": label[test].sum(), "orphans": conversions.orphans}
    return {
        "rows": {name: float(count) for name, count in counts.items()},
        "esmm": {**_both("ctr", click[test], of_click), **measured(given)},
        "naive": measured(naive),
    }


def _both(name: str, label: NDArray[np.float32], probability: NDArray[np.float64]) -> dict[str, float]:
    mixed = len(label) > 0 and 0 < label.mean() < 1
    return {
        f"{name}_auc": auc(label, probability) if mixed else float("nan"),
        f"{name}_logloss": log_loss(label, probability) if len(label) else float("nan"),
    }
