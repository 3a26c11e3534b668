"""Labelled impressions: which rows a click model learns from, which choose it, and which measure it once.

First step of `training.bench_ctr`, after `graph.snapshot_read`. A row is one impression: the same user and item may
meet again, and each meeting counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from graph.snapshot import NO_TIME, Interactions, Snapshot
from graph.snapshot_read import FolderData
from training.split import TEST, TRAIN, VALIDATION

HELD_OUT = 0.1


@dataclass(frozen=True)
class Clicks:
    """`part` (0 train, 1 validation, 2 test) goes with `rows`, whose `value` is the label; `split`: how it was made."""

    snapshot: Snapshot
    rows: Interactions
    part: NDArray[np.int8]
    split: str

    @property
    def label(self) -> NDArray[np.float32]:
        return self.rows.value

    def positions(self, part: int) -> NDArray[np.int64]:
        return np.flatnonzero(self.part == part)


def read_clicks(folder: FolderData, *, seed: int = 42) -> Clicks:
    """The rows whose value is 0 or 1, in their parts. A part that is absent is cut from train.

    It is the latest tenth by time, without times a random tenth.

    Raises `InvalidData` for values other than 0 and 1, and for a part without both of them.
    """
    rows = folder.snapshot.interactions
    known = np.flatnonzero(~np.isnan(rows.value))
    rows = rows.take(known)
    others = np.setdiff1d(np.unique(rows.value), (0.0, 1.0))
    if len(others) or not len(rows):
        raise InvalidData(
            f"a value of {others[0]:g} among the labels of impressions" if len(others) else "no labelled impressions",
            valid="a column `value` of 0 (shown, not clicked) and 1 (clicked)",
            remedy="write labels in place of values, as `python -m benchmarks.convert ctr-ml-1m` does with ratings",
        )
    given = folder.part is not None
    part = folder.part[known].copy() if folder.part is not None else np.full(len(rows), TRAIN, np.int8)
    cut = [
        f"{name} cut from train by {_cut(rows, part, code, seed)}"
        for name, code in (("test", TEST), ("validation", VALIDATION))
        if not (part == code).any()
    ]
    for name, code in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        _check(rows.value[part == code], name)
    return Clicks(folder.snapshot, rows, part, "; ".join(["fixed parts"] * given + cut))


def _cut(rows: Interactions, part: NDArray[np.int8], code: int, seed: int) -> str:
    """Moves a tenth of train into part `code`, in place."""
    train = np.flatnonzero(part == TRAIN)
    count = max(1, int(len(train) * HELD_OUT))
    timed = not (rows.time[train] == NO_TIME).any() and rows.time[train].min() < rows.time[train].max()
    order = (
        np.argsort(rows.time[train], kind="stable") if timed else np.random.default_rng(seed).permutation(len(train))
    )
    part[train[order[len(train) - count :]]] = code
    return "time" if timed else f"chance (seed {seed})"


def _check(label: NDArray[np.float32], name: str) -> None:
    if len(np.unique(label)) < 2:
        raise InvalidData(
            f"the {name} part has {len(label)} impressions, not both clicked and not clicked ones",
            valid="some labels 0 and some 1 in each part",
            remedy="add rows, or leave the parts to be cut from one `interactions` file",
        )
