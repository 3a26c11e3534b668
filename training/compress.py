"""What a model of factors loses when its tables are kept in fewer bytes: what `interlace compress` prints.

Folder -> model fitted on train -> its tables packed in every form -> ranked on validation from the unpacked tables,
beside float32 by a paired test over users. Test is not read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData, Unsupported
from graph.snapshot_read import read_folder
from training.data import HeldOut, TrainingData
from training.evaluate import Evaluation, evaluate
from training.metrics import TARGET
from training.quantize import FORMS, Packed, pack
from training.recommender import FactorForm, Recommender
from training.significance import paired_test
from training.tasks import find_task, task_data
from training.zoo import find

WHOLE = "float32"
State = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class CompressResult:
    """`rows`: `WHOLE`, then each form. `skipped`: forms that could not be.

    Of each: validation's ndcg@10, its paired difference and share lost, bytes of all tables, how many times smaller,
    milliseconds to unpack and to rank a user.
    """

    model: str
    users: int
    items: int
    rows: Sequence[Mapping[str, Any]]
    skipped: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compress(
    path: Path,
    *,
    model: str = "ials",
    task: str = "top-n",
    min_value: float | None = None,
    seed: int = 42,
    note: Callable[[str], None] = lambda _text: None,
) -> CompressResult:
    """Fits and measures.

    Raises `Unsupported` for a model without factors, `InvalidData` for data without validation.
    """
    note(f"reading {path}")
    data = task_data(find_task(task), read_folder(path), min_value=min_value, seed=seed).prepared.data
    if data.validation is None or not len(data.validation):
        raise InvalidData(
            "there is no validation part to measure on", valid="a split with validation", remedy="add interactions"
        )
    note(f"fitting {model}")
    fitted = find(model).build().fit(data)
    if not all(isinstance(form, FactorForm) for form in fitted.forms()) or not _tables(fitted.state(), data):
        raise Unsupported(
            f"{model!r} has no tables of factors", valid="ials, bpr, lightgcn", remedy="name one of these"
        )
    return _measure(fitted, data, data.validation, seed, note)


def _tables(state: State, data: TrainingData) -> dict[str, NDArray[np.float32]]:
    """The arrays with a row a user or an item."""
    rows = {data.num_users, data.num_items}
    return {
        name: np.asarray(array, np.float32) for name, array in state.items() if array.ndim == 2 and len(array) in rows
    }


def _measure(
    fitted: Recommender, data: TrainingData, validation: HeldOut, seed: int, note: Callable[[str], None]
) -> CompressResult:
    whole = {name: np.array(array) for name, array in fitted.state().items()}
    tables = _tables(whole, data)
    size = sum(table.nbytes for table in tables.values())
    evaluate(fitted, validation)  # compiles what ranks, which the first row must not pay for
    before = evaluate(fitted, validation)
    rows: list[dict[str, Any]] = [_row(WHOLE, size, size, 0.0, before, before)]
    skipped: dict[str, str] = {}
    for form in FORMS:
        note(f"{form}: packing and ranking")
        try:
            packed = {name: pack(table, form, seed=seed) for name, table in tables.items()}
        except InvalidData as error:
            skipped[form] = str(error)
            continue
        unpacked, seconds = _unpacked(packed)
        fitted.load_state({**whole, **unpacked})
        nbytes = sum(one.nbytes for one in packed.values())
        rows.append(_row(form, nbytes, size, seconds, evaluate(fitted, validation), before))
    fitted.load_state(whole)
    return CompressResult(fitted.name, data.num_users, data.num_items, rows, skipped)


def _unpacked(packed: Mapping[str, Packed]) -> tuple[State, float]:
    began = time.perf_counter()
    tables = {name: one.unpack() for name, one in packed.items()}
    return tables, time.perf_counter() - began


def _row(form: str, nbytes: int, size: int, seconds: float, found: Evaluation, before: Evaluation) -> dict[str, Any]:
    value, whole = found.metrics[TARGET], before.metrics[TARGET]
    row: dict[str, Any] = {
        "form": form, TARGET: round(value, 5), "lost": round(1 - value / whole, 5) if whole else 0.0,
        "bytes": nbytes, "smaller": round(size / nbytes, 3), "unpack_ms": round(1000 * seconds, 3),
        "rank_ms_a_user": round(found.cost["rank_ms_a_user"], 4),
    }  # fmt: skip
    if form != WHOLE:
        test = paired_test(found.per_user[TARGET], before.per_user[TARGET])
        row["difference"] = asdict(test)
    return row
