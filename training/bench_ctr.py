"""`interlace bench ctr`: click probabilities on labelled impressions, measured by the rules of the dataset folder.

    folder -> labelled rows in parts -> features -> fit on train -> choose, blend, calibrate on validation -> test once

The popularity beside it is the item's smoothed rate of clicks over train. A difference is tested by a paired bootstrap
over users.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from graph.errors import Conflict, Unsupported
from graph.snapshot_read import FolderData, read_folder
from training.bench import Embed, peak_mb
from training.ctr import kept
from training.ctr.auto import AUTO, Fitted, Parts, fit_clicks
from training.ctr.conversions import find_conversions, measure_conversions
from training.ctr.features import Features, make_features
from training.ctr.metrics import measures, paired_bootstrap
from training.ctr.models import find_click_model
from training.ctr.rows import Clicks, read_clicks
from training.ctr.statistics import item_rate
from training.split import TEST, TRAIN, VALIDATION
from training.tracking import Run

Progress = Callable[[str], None]
FUTURE = (
    "under a split that is not by time, rates and collaborative scores of a row may come from labels later than it; "
    "the features of the user's past do not"
)


@dataclass(frozen=True)
class CtrResult:
    """What `bench ctr --json` prints: see the dataset folder's rules of measurement.

    `validation`: cross-fitted measures of what was chosen. `beats_popularity`: paired differences in test auc and
    logloss. `brings`: what each member brings to the blend's validation log loss. `features`: what models read.
    `conversion`: test measures of ESMM and of a naive model, where purchases are in the folder.
    """

    task: str
    model: str
    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    chosen: str
    seconds: Mapping[str, float]
    peak_mb: int
    users: int
    items: int
    rows: Mapping[str, int]
    split: str
    refit: bool
    validation: Mapping[str, float]
    beats_popularity: Mapping[str, Mapping[str, float]]
    tried: tuple[Mapping[str, Any], ...]
    brings: Mapping[str, Any]
    features: Mapping[str, tuple[str, ...]]
    conversion: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    leaks: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def bench_ctr(
    path: Path,
    *,
    model: str = AUTO,
    overrides: Mapping[str, Any] | None = None,
    refit: bool = False,
    budget: float | None = 600.0,
    seed: int = 42,
    embed: Embed | None = None,
    ids: bool = True,
    keep: Path | None = None,
    progress: Progress = lambda _text: None,
) -> CtrResult:
    """Measures `model` on `path`. `embed` adds item embeddings; without `ids` nothing is read that tells one user or
    item from another of the same profile and attributes. `keep`: a new folder for the fitted model
    (`training.ctr.kept`).

    Errors: `NotFound` for a model that is not a click model, `InvalidData` for values other than 0 and 1, `Unsupported`
    for `refit` (the epoch and the blend are chosen on validation, which a refit would have to learn from).
    """
    _check(model, overrides, refit=refit, keep=keep)
    started = time.perf_counter()
    progress(f"reading {path}")
    folder = _with_embeddings(read_folder(path), path, embed, progress)
    clicks = read_clicks(folder, seed=seed)
    read = time.perf_counter()
    features = make_features(clicks, ids=ids, seed=seed, progress=progress)
    made = time.perf_counter()
    validation = clicks.positions(VALIDATION)
    parts = Parts(clicks.positions(TRAIN), validation, clicks.rows.user[validation])
    left = None if budget is None else budget - (made - started)
    fitted = fit_clicks(model, features, parts, overrides=overrides, budget=left, seed=seed, progress=progress)
    fit = time.perf_counter()
    if keep is not None:
        kept.save(fitted, kept.Reads.of(features, ids=ids), keep)
    progress("measuring on test")
    metrics, baseline, beats = _on_test(fitted, features, clicks, seed)
    conversion = _conversion(folder, clicks, features, parts, budget, seed, progress)
    done = time.perf_counter()
    return CtrResult(
        task="ctr",
        model=model,
        metrics=metrics,
        baselines={"popularity": baseline},
        chosen=fitted.text,
        seconds={"read": read - started, "features": made - read, "fit": fit - made, "evaluate": done - fit},
        peak_mb=peak_mb(),
        users=len(folder.snapshot.users),
        items=len(folder.snapshot.items),
        rows={name: len(clicks.positions(part)) for name, part in (("train", 0), ("valid", 1), ("test", 2))},
        split=clicks.split,
        refit=refit,
        validation=fitted.validation,
        beats_popularity=beats,
        tried=tuple(asdict(one) for one in fitted.tried),
        brings=fitted.brings,
        features={"fields": features.field_names, "bags": features.bag_names, "dense": features.dense_names},
        conversion=conversion,
        notes=(FUTURE,) if ids else (),
    )


def _conversion(
    folder: FolderData,
    clicks: Clicks,
    features: Features,
    parts: Parts,
    budget: float | None,
    seed: int,
    progress: Progress,
) -> Mapping[str, Mapping[str, float]]:
    """ESMM beside the naive model, where the folder says what was bought."""
    found = find_conversions(folder, clicks)
    if found is None:
        return {}
    test = clicks.positions(TEST)
    return measure_conversions(found, features, parts, test, seconds=budget, seed=seed, progress=progress)


def log_clicks(run: Run, result: CtrResult, *, keep: Path | None = None, **params: Any) -> None:
    """Into an MLflow run, and into one below it for every fit; `keep`: the folder of the fitted model."""
    run.params({"task": "ctr", "model": result.model, "chosen": result.chosen, "split": result.split, **params})
    run.metrics(result.metrics, prefix="test/")
    run.metrics(result.validation, prefix="validation/")
    run.metrics(result.baselines["popularity"], prefix="popularity/")
    for model, found in result.conversion.items():
        known = {name: value for name, value in found.items() if np.isfinite(value)}
        run.metrics(known, prefix=f"conversion/{model}/")
    run.document(result.as_dict(), "result.json")
    for one in result.tried:
        with run.child(f"{one['model']}, seed {one['seed']}") as child:
            child.params({"model": one["model"], "seed": one["seed"]})
            child.metrics(one["validation"], prefix="validation/")
            child.metrics({key: one[key] for key in ("epochs", "best_epoch", "seconds")})
    if keep is not None:
        run.folder(keep, "model")


def _check(model: str, overrides: Mapping[str, Any] | None, *, refit: bool, keep: Path | None) -> None:
    if keep is not None and keep.exists():  # before an hour of fitting, not after it
        raise Conflict(f"{keep} is there already", valid="a new folder", remedy="name another one, or remove it")
    if model != AUTO:
        find_click_model(model)
    if refit:
        raise Unsupported(
            "--refit of the task 'ctr'",
            valid="fits on train, chosen and calibrated on validation",
            remedy="leave --refit out",
        )
    if overrides and model == AUTO:
        raise Unsupported("settings for auto", valid="settings of one model", remedy="name it with --model")


def _with_embeddings(folder: FolderData, path: Path, embed: Embed | None, progress: Progress) -> FolderData:
    if embed is None:
        return folder
    progress("encoding text and images")
    return replace(folder, snapshot=folder.snapshot.with_embeddings(embed(folder.snapshot, path)))


def _on_test(
    fitted: Fitted, features: Features, clicks: Clicks, seed: int
) -> tuple[dict[str, float], dict[str, float], dict[str, dict[str, float]]]:
    """The one look at test: of the model, of popularity, and the paired differences."""
    rows = clicks.positions(TEST)
    label, user = clicks.label[rows], clicks.rows.user[rows]
    probability = fitted.probabilities(features, rows)
    popularity = item_rate(clicks)[rows].astype(float)
    beats = {
        measure: asdict(paired_bootstrap(label, probability, popularity, user, measure=measure, seed=seed))
        for measure in ("auc", "logloss")
    }
    return measures(label, probability, user), measures(label, popularity, user), beats
