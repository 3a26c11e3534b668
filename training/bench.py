"""`interlace bench`: one task on one data set, measured by the rules of the dataset folder, as one JSON object.

The whole flow without a store: folder -> snapshot -> split -> fit on train -> choose on validation -> one look at test.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from graph.errors import Unsupported
from graph.snapshot import EmbeddingTable, Snapshot
from graph.snapshot_read import FolderData, read_folder
from training.auto import BUDGET, Progress, choose, fit_auto
from training.data import TrainingData
from training.evaluate import on_test
from training.prepare import Prepared, prepare
from training.recommender import Recommender
from training.refit import refit as refitted
from training.significance import paired_test
from training.split import How, make_split
from training.zoo import find

TASKS: Mapping[str, How] = {"top-n": "random", "next-item": "last-out"}
"""Task -> how a data set without fixed parts is split."""

LATER_TASKS = ("ranking-99", "cold-item", "cold-user", "cross-platform", "social", "kg", "ctr")

Embed = Callable[[Snapshot, Path], Mapping[str, EmbeddingTable]]


@dataclass(frozen=True)
class BenchResult:
    """What `bench --json` prints: see the dataset folder's rules of measurement."""

    task: str
    model: str
    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    chosen: str
    seconds: Mapping[str, float]
    peak_mb: int
    users: int
    items: int
    split: str
    refit: bool
    validation: float
    beats_popularity: Mapping[str, float]
    tried: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    brings: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Fitted:
    recommender: Recommender
    config: Any
    chosen: str
    validation: float
    tried: tuple[Mapping[str, Any], ...]
    brings: Mapping[str, float]


def bench(
    task: str,
    path: Path,
    *,
    model: str = "auto",
    min_value: float | None = None,
    refit: bool = False,
    budget: float | None = BUDGET,
    seed: int = 42,
    overrides: Mapping[str, Any] | None = None,
    embed: Embed | None = None,
    progress: Progress = lambda _text: None,
) -> BenchResult:
    """Measures `model` on `path`. `embed` adds item embeddings (encoders are not this package's to call).

    Errors: `Unsupported` for a task this version does not measure, `InvalidData` for data that cannot be split.
    """
    how = _way(task)
    if model != "auto":
        find(model)
    started = time.perf_counter()
    folder = _read(path, embed, progress)
    prepared, made = _prepared(folder, how, min_value, seed)
    read = time.perf_counter()
    fitted = _fit(model, prepared.data, overrides, budget, progress)
    if refit:
        progress("refitting on train and validation")
        fitted = replace(fitted, recommender=refitted(fitted.recommender, fitted.config, prepared.everything))
    fit = time.perf_counter()
    progress("measuring on test")
    evaluation = on_test(fitted.recommender, prepared)
    baseline = on_test(find("popularity").build().fit(prepared.data), prepared)
    done = time.perf_counter()
    compared = paired_test(evaluation.per_user["ndcg@10"], baseline.per_user["ndcg@10"], seed=seed)
    return BenchResult(
        task=task,
        model=model,
        metrics=evaluation.metrics,
        baselines={"popularity": baseline.metrics},
        chosen=fitted.chosen,
        seconds={"read": read - started, "fit": fit - read, "evaluate": done - fit},
        peak_mb=peak_mb(),
        users=len(folder.snapshot.users),
        items=len(folder.snapshot.items),
        split=made,
        refit=refit,
        validation=fitted.validation,
        beats_popularity=asdict(compared),
        tried=fitted.tried,
        brings=fitted.brings,
    )


def _read(path: Path, embed: Embed | None, progress: Progress) -> FolderData:
    progress(f"reading {path}")
    folder = read_folder(path)
    if embed is None:
        return folder
    progress("encoding text and images")
    return replace(folder, snapshot=folder.snapshot.with_embeddings(embed(folder.snapshot, path)))


def _way(task: str) -> How:
    if task in TASKS:
        return TASKS[task]
    known = task in LATER_TASKS
    raise Unsupported(
        f"task {task!r} is {'not measured by this version yet' if known else 'not a task'}",
        valid=", ".join(TASKS),
        remedy="choose one of these",
    )


def _prepared(folder: FolderData, how: How, min_value: float | None, seed: int) -> tuple[Prepared, str]:
    split = make_split(
        folder.snapshot.interactions,
        how="fixed" if folder.part is not None else how,
        min_value=min_value,
        seed=seed,
        part=folder.part,
        order=folder.order,
    )
    return prepare(folder.snapshot, split, seed=seed), split.how


def _fit(
    model: str, data: TrainingData, overrides: Mapping[str, Any] | None, budget: float | None, progress: Progress
) -> _Fitted:
    if model == "auto":
        auto = fit_auto(data, budget=budget, progress=progress)
        tried = tuple(asdict(one) for one in auto.tried)
        return _Fitted(auto.recommender, None, auto.text, auto.validation, tried, auto.brings)
    progress(f"fitting {model}")
    chosen = choose(find(model), data, overrides=overrides)
    text = f"{model} {dict(chosen.best.settings)}, best of {len(chosen.tried)} by validation ndcg@10"
    tried = tuple(asdict(one) for one in chosen.tried)
    return _Fitted(chosen.recommender, chosen.config, text, chosen.best.validation, tried, {})


def peak_mb() -> int:
    """This process's high-water mark of resident memory, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1024 * 1024 if sys.platform == "darwin" else 1024))
