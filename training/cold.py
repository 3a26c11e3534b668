"""Items that nobody has met: which are held out as newcomers, and that they alone are ranked.

Between the snapshot and the fit, for the task `cold-item`. Whole items leave the train part, with every interaction of
theirs, good or bad: a fifth of them for the test and a fifth of the rest for validation, so that what is chosen is
chosen on newcomers, too. Where the data set has fixed parts, its newcomers are the items without any interaction in
train or validation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from graph.snapshot import Interactions
from training.prepare import Prepared
from training.split import TEST, TRAIN, VALIDATION

SHARE = 5
"""One item in so many is a newcomer."""


@dataclass(frozen=True)
class ColdItems:
    """`rows` of the interactions that stay, their `part`, and the newcomers (num_items,) of both held-out parts."""

    rows: NDArray[np.int64]
    part: NDArray[np.int8]
    validation: NDArray[np.bool_]
    test: NDArray[np.bool_]
    how: str


def hold_out_items(
    interactions: Interactions, num_items: int, *, seed: int, part: NDArray[np.int8] | None = None
) -> ColdItems:
    """Newcomers chosen by `seed`, or those of the fixed `part`. Raises `InvalidData` where there are none."""
    rng = np.random.default_rng(seed)
    item = interactions.item
    if part is None:
        test, how = _some(np.arange(num_items), num_items, rng), f"a fifth of the items is new (seed {seed})"
    else:
        known = _mask(item[part != TEST], num_items)
        test, how = ~known, "fixed: the items without an interaction in train"
        if not test[item[part == TEST]].any():
            raise InvalidData(
                "every item of the test part is in the train part, too",
                valid="a test part with items that nobody meets in train",
                remedy="give the interactions in one file, so that items are held out; or measure top-n",
            )
    validation = _validation(item, test, part, rng)
    kept = np.ones(len(item), bool) if part is None else (part != TEST) | test[item]
    rows = np.flatnonzero(kept)
    labels = np.where(test[item], TEST, np.where(validation[item], VALIDATION, TRAIN)).astype(np.int8)
    return ColdItems(rows, labels[rows], validation, test, f"{how}, a fifth of the others for validation")


def _validation(
    item: NDArray[np.int32], test: NDArray[np.bool_], part: NDArray[np.int8] | None, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """The newcomers of a fixed validation part where it has any, else a fifth of the items that are left."""
    known = _mask(item[~test[item]], len(test))
    if part is not None:
        new = known & ~_mask(item[part == TRAIN], len(test))
        if new.sum() * SHARE * SHARE >= known.sum():
            return np.asarray(new)
    return _some(np.flatnonzero(known), len(test), rng)


def _some(items: NDArray[np.int64], num_items: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    return _mask(rng.permutation(items)[: max(1, len(items) // SHARE)], num_items)


def _mask(items: NDArray[np.integer], num_items: int) -> NDArray[np.bool_]:
    mask = np.zeros(num_items, np.bool_)
    mask[items] = True
    return mask


def rank_newcomers(prepared: Prepared, found: ColdItems) -> Prepared:
    """The same, with nothing but newcomers ranked in both held-out parts."""
    validation = prepared.data.validation
    if validation is not None:
        validation = replace(validation, only=found.validation)
    data = replace(prepared.data, validation=validation)
    return replace(prepared, data=data, test=replace(prepared.test, only=found.test))
