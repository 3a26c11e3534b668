"""What a small ranker loses beside the large one that taught it, and what it saves: what `interlace distill` prints.

Folder -> teacher fitted on train -> student fitted on the teacher's lists of the same users -> both ranked on
validation, compared by a paired test over users. The student never reads validation; test is not read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graph.errors import InvalidData
from graph.snapshot_read import read_folder
from training.auto import fit_auto
from training.blend import NAME as AUTO
from training.data import HeldOut, TrainingData
from training.evaluate import Evaluation, evaluate
from training.metrics import TARGET
from training.model_files import ModelCard, save, settings_of
from training.models.distilled import Distilled, DistilledConfig, build_teacher
from training.recommender import SILENT, Monitor, Recommender
from training.significance import paired_test
from training.tasks import find_task, task_data

ASKED = 200
"""Users scored one by one, as a request asks for them."""


@dataclass(frozen=True)
class DistillResult:
    """`rows`: the teacher, then the student.

    Of each: validation's ndcg@10, bytes of its arrays, how many times smaller, milliseconds to score one user alone; of
    the student the paired difference of ndcg@10 and the share lost.
    """

    teacher: str
    users: int
    items: int
    rows: Sequence[Mapping[str, Any]]
    kept: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def distill(
    path: Path,
    *,
    config: DistilledConfig,
    task: str = "top-n",
    min_value: float | None = None,
    budget: float = 120.0,
    keep: Path | None = None,
    note: Callable[[str], None] = lambda _text: None,
    monitor: Monitor = SILENT,
) -> DistillResult:
    """Fits both and measures; `keep`: a folder for the student, as `training.model_files` has it.

    Raises `NotFound` for an unknown teacher, `InvalidData` for data without validation.
    """
    note(f"reading {path}")
    folder = read_folder(path)
    data = task_data(find_task(task), folder, min_value=min_value, seed=config.seed).prepared.data
    if data.validation is None or not len(data.validation):
        raise InvalidData(
            "there is no validation part to measure on", valid="a split with validation", remedy="add interactions"
        )
    note(f"fitting {config.teacher}")
    teacher = _teacher(config.teacher, data, budget, note)
    note("teaching")
    student = Distilled(config).learn(teacher, data, monitor)
    found = [evaluate(one, data.validation) for one in (teacher, student)]
    rows = _rows(teacher, student, found, data.validation)
    if keep is not None:
        _keep(student, keep, found[1], folder.snapshot.items.ids)
    return DistillResult(config.teacher, data.num_users, data.num_items, rows, str(keep or ""))


def _teacher(name: str, data: TrainingData, budget: float, note: Callable[[str], None]) -> Recommender:
    if name == AUTO:
        return fit_auto(data, budget=budget, progress=note).recommender
    return build_teacher(name).fit(data)


def _rows(
    teacher: Recommender, student: Recommender, found: Sequence[Evaluation], validation: HeldOut
) -> list[dict[str, Any]]:
    sizes = [sum(array.nbytes for array in model.state().values()) for model in (teacher, student)]
    rows: list[dict[str, Any]] = [
        {
            "model": model.name, TARGET: round(one.metrics[TARGET], 5), "bytes": size,
            "smaller": round(sizes[0] / max(1, size), 2), "score_ms_a_user": round(_one_by_one(model, validation), 4),
        }
        for model, one, size in zip((teacher, student), found, sizes, strict=True)
    ]  # fmt: skip
    whole = found[0].metrics[TARGET]
    rows[1]["lost"] = round(1 - found[1].metrics[TARGET] / whole, 5) if whole else 0.0
    rows[1]["difference"] = asdict(paired_test(found[1].per_user[TARGET], found[0].per_user[TARGET]))
    return rows


def _one_by_one(model: Recommender, validation: HeldOut) -> float:
    """Median milliseconds; the batches are cut before, and what is made on a first call is not counted."""
    batches = [validation.batch(slice(row, row + 1)) for row in range(min(ASKED, len(validation)))]
    for batch in batches:
        batch.matrix  # noqa: B018 - kept by the batch from here on
    model.score(batches[0])
    seconds = []
    for batch in batches:
        began = time.perf_counter()
        model.score(batch)
        seconds.append(time.perf_counter() - began)
    return 1000 * float(np.median(seconds))


def _keep(student: Distilled, folder: Path, found: Evaluation, items: Sequence[str]) -> None:
    card = ModelCard(student.name, settings_of(student, student.config), validation=found.metrics[TARGET])
    save(student, folder, card, items=items)
