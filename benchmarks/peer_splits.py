"""The fixed splits on which the rivals were measured, as what our models read.

`SPLITS/<dataset>/{train,valid,test,users,items}.parquet` with columns user, item, timestamp of contiguous ids. Every
model is fitted on train alone and, where the rivals do, reads the train history alone; test excludes train and valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import Triples
from training.data import HeldOut, Histories, SideInformation, TrainingData

PARTS = ("train", "valid", "test")
COLUMNS = ("user", "item", "timestamp")

Part = dict[str, NDArray[np.int64]]
"""A column each, by its name; never by `to_numpy`, whose import of pandas would count in the measured memory."""


@dataclass(frozen=True)
class PeerSplit:
    """`data` holds validation for choosing; `test` is for one look."""

    name: str
    data: TrainingData
    test: HeldOut


def load_peer_split(splits: Path, dataset: str, *, read_valid: bool = False) -> PeerSplit:
    """`read_valid`: histories shown when test is scored include valid (the rivals' rule on beauty, not MovieLens)."""
    folder = splits / dataset
    train, valid, test = (_part(folder / f"{part}.parquet") for part in PARTS)
    users, items = (pq.ParquetFile(folder / f"{kind}.parquet").metadata.num_rows for kind in ("users", "items"))
    read = _histories(train, (users, items))
    seen = _histories({name: np.concatenate([train[name], valid[name]]) for name in COLUMNS}, (users, items))
    side = SideInformation(items, (), _no_triples(), np.empty((0, 2), np.int32))
    data = TrainingData(read, side, _held_out(valid, read, read))
    return PeerSplit(dataset, data, _held_out(test, seen, seen if read_valid else read))


def _part(path: Path) -> Part:
    table = pq.ParquetFile(path).read(list(COLUMNS)).combine_chunks()
    return {name: np.from_dlpack(table[name].chunk(0)).astype(np.int64) for name in COLUMNS}


def _histories(part: Part, shape: tuple[int, int]) -> Histories:
    order = np.lexsort((part["timestamp"], part["user"]))
    counts = np.bincount(part["user"], minlength=shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Histories(indptr, part["item"][order].astype(np.int32), part["timestamp"][order], shape[1])


def _held_out(part: Part, seen: Histories, read: Histories) -> HeldOut:
    users = np.unique(part["user"])
    rows = np.searchsorted(users, part["user"])
    relevant = csr_matrix((np.ones(len(rows), np.float32), (rows, part["item"])), shape=(len(users), seen.num_items))
    return HeldOut(users, relevant, seen.matrix[users], read.take(users))


def _no_triples() -> Triples:
    return Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32))
