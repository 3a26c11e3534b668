"""The fixed splits on which the rivals were measured, as what our models read.

`SPLITS/<dataset>/{train,valid,test,users,items}.parquet` with columns user, item, timestamp of contiguous ids. Every
model is fitted on train alone and, where the rivals do, reads the train history alone; test excludes train and valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from graph.snapshot import Triples
from training.data import HeldOut, Histories, SideInformation, TrainingData

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class PeerSplit:
    """`data` holds validation for choosing; `test` is for one look."""

    name: str
    data: TrainingData
    test: HeldOut


def load_peer_split(splits: Path, dataset: str, *, read_valid: bool = False) -> PeerSplit:
    """`read_valid`: histories shown when test is scored include valid (the rivals' rule on beauty, not MovieLens)."""
    folder = splits / dataset
    frames = {part: pd.read_parquet(folder / f"{part}.parquet") for part in PARTS}
    shape = tuple(len(pd.read_parquet(folder / f"{kind}.parquet")) for kind in ("users", "items"))
    train = _histories(frames["train"], shape)
    seen = _histories(pd.concat([frames["train"], frames["valid"]]), shape)
    side = SideInformation(shape[1], (), _no_triples(), np.empty((0, 2), np.int32))
    data = TrainingData(train, side, _held_out(frames["valid"], train, train))
    return PeerSplit(dataset, data, _held_out(frames["test"], seen, seen if read_valid else train))


def _histories(frame: pd.DataFrame, shape: tuple[int, ...]) -> Histories:
    ordered = frame.sort_values(["user", "timestamp"], kind="stable")
    counts = np.bincount(ordered.user, minlength=shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    items, times = ordered.item.to_numpy(np.int32), ordered.timestamp.to_numpy(np.int64)
    return Histories(indptr, items, times, shape[1])


def _held_out(frame: pd.DataFrame, seen: Histories, read: Histories) -> HeldOut:
    users = np.unique(frame.user).astype(np.int64)
    rows = np.searchsorted(users, frame.user)
    relevant = csr_matrix((np.ones(len(rows), np.float32), (rows, frame.item)), shape=(len(users), seen.num_items))
    return HeldOut(users, relevant, seen.matrix[users], read.take(users))


def _no_triples() -> Triples:
    return Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32))
