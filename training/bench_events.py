"""`interlace bench events`: events to come, ranked by what is known before a cut in time, as one JSON object.

    folder -> log -> a cut for validation, one for the test -> signals -> weights by validation's lists -> test once

What is known at a cut, and which events can be recommended then, is said in `training.events.cut`. Beside the blend
stand baselines of one signal each: popularity so far, popularity by content, soonest, nearest and content alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import Unsupported
from graph.snapshot_read import read_folder
from training.bench import Embed, peak_mb
from training.events.cut import HORIZON_DAYS, TEST_SHARE, Cut, Cuts, Lists, make_cuts
from training.events.lacks import missing
from training.events.log import EventLog, read_events
from training.events.matrices import Floats
from training.events.ranker import EventRanker, choose_strength, cross_scores, fit_ranker, measure
from training.events.signals import Signals
from training.metrics import TARGET
from training.significance import compare_all, paired_test
from training.tracking import Run

BASELINES: Mapping[str, tuple[str, ...]] = {
    "popularity so far": ("popularity so far",),
    "expected popularity": ("expected popularity",),
    "soonest": ("soon",),
    "nearest": ("near home", "within 30 km of places", "home city", "cities"),
    "content": ("ridge", "attributes"),
}
"""Of each, the signals that may stand for it: the one that is best on validation does."""
PerPerson = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class EventsResult:
    """What `bench events --json` prints.

    `metrics` and `baselines` on test. `validation`: the same, cross-fitted over people for the blend. `beats`: ndcg@10
    against each baseline on test, paired by person, one family (Holm). `brings`: what each group of signals brings to
    the blend's cross-fitted validation ndcg@10. `weights` of the standardised signals. `cuts`: when, how many events,
    people and answers each has. `notes`: what the folder lacks.
    """

    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    validation: Mapping[str, Mapping[str, float]]
    beats: Mapping[str, Mapping[str, float]]
    brings: Mapping[str, Mapping[str, float]]
    weights: Mapping[str, float]
    stand_for: Mapping[str, str]
    regularization: float
    cuts: Mapping[str, Mapping[str, Any]]
    horizon_days: float
    users: int
    items: int
    events: int
    answers: int
    seconds: Mapping[str, float]
    peak_mb: int
    split: str
    notes: tuple[str, ...]
    model: str = "events"
    task: str = "events"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Learned:
    """The ranker, which signal stands for each baseline, and what validation said."""

    ranker: EventRanker
    stand_for: Mapping[str, str]
    validation: Mapping[str, PerPerson]
    brings: Mapping[str, Mapping[str, float]]


def bench_events(
    path: Path,
    *,
    horizon_days: float = HORIZON_DAYS,
    test_share: float = TEST_SHARE,
    min_value: float | None = None,
    seed: int = 42,
    embed: Embed | None = None,
    progress: Callable[[str], None] = lambda _text: None,
) -> EventsResult:
    """Measures on `path`; `embed` adds item embeddings. Errors: `Unsupported` for a horizon or a share that is none,
    `InvalidData` for a folder without events or with too few people to ask.
    """
    _check(horizon_days, test_share)
    began = time.perf_counter()
    progress(f"reading {path}")
    log = read_log(path, min_value=min_value, embed=embed, progress=progress)
    cuts = _sampled(make_cuts(log, horizon_days=horizon_days, test_share=test_share), seed)
    read = time.perf_counter()
    learned = learn(log, cuts, seed=seed, progress=progress)
    fitted = time.perf_counter()
    progress("measuring on test")
    found = on_test(log, cuts, learned)
    blend = found.pop("events")
    names = {"test": cuts.test_lists, "validation": cuts.validation_lists}
    return EventsResult(
        metrics=means(blend),
        baselines={name: means(one) for name, one in found.items()},
        validation={name: means(one) for name, one in learned.validation.items()},
        beats={name: asdict(one) for name, one in compare_all(
            blend[TARGET], {name: one[TARGET] for name, one in found.items()}, seed=seed).items()},
        brings=learned.brings,
        weights=dict(zip(learned.ranker.names, np.round(learned.ranker.weights, 4).tolist(), strict=True)),
        stand_for=learned.stand_for,
        regularization=learned.ranker.regularization,
        cuts={name: _told(log, getattr(cuts, name), lists) for name, lists in names.items()},
        horizon_days=horizon_days,
        users=log.shape[0],
        items=log.shape[1],
        events=int(log.is_event.sum()),
        answers=int(log.is_event[log.item].sum()),
        seconds={"read": read - began, "fit": fitted - read, "evaluate": time.perf_counter() - fitted},
        peak_mb=peak_mb(),
        split=f"by time: test from where the last {test_share:.0%} of the events begin, validation the horizon before",
        notes=missing(log, cuts.test),
    )  # fmt: skip


def _check(horizon_days: float, test_share: float) -> None:
    if not 0 < horizon_days < np.inf:
        raise Unsupported(f"a horizon of {horizon_days} days", valid="a number above 0", remedy="--horizon 30")
    if not 0 < test_share < 1:
        raise Unsupported(f"a test share of {test_share}", valid="between 0 and 1", remedy="--test-share 0.2")


def read_log(
    path: Path,
    *,
    min_value: float | None = None,
    embed: Embed | None = None,
    progress: Callable[[str], None] = lambda _text: None,
) -> EventLog:
    """The folder's events."""
    folder = read_folder(path)
    if embed is not None:
        progress("encoding text and images")
        folder = replace(folder, snapshot=folder.snapshot.with_embeddings(embed(folder.snapshot, path)))
    return read_events(folder, min_value=min_value)


def learn(
    log: EventLog, cuts: Cuts, *, seed: int = 42, progress: Callable[[str], None] = lambda _text: None
) -> Learned:
    """Weights and every choice, from validation's lists and what is known at its cut alone."""
    lists, signals = cuts.validation_lists, Signals(log, cuts.validation)
    progress(f"learning from {len(lists)} lists")
    names = signals.names
    values = signals.of(lists.users, names)
    strength, blend = choose_strength(names, values, lists, seed=seed)
    alone = {name: measure(values[:, :, place], lists) for place, name in enumerate(names)}
    stand_for = {
        baseline: max(there, key=lambda name: float(alone[name][TARGET].mean()))
        for baseline, offered in BASELINES.items()
        if (there := [name for name in offered if name in names])
    }
    validation = {"events": blend, **{baseline: alone[name] for baseline, name in stand_for.items()}}
    ranker = fit_ranker(names, values, lists, regularization=strength)
    progress("what each group of signals brings")
    return Learned(ranker, stand_for, validation, _brings(signals.groups, values, lists, ranker, blend, seed))


def _brings(
    groups: Mapping[str, str], values: Floats, lists: Lists, ranker: EventRanker, blend: PerPerson, seed: int
) -> dict[str, dict[str, float]]:
    """The cross-fitted blend beside that without each group of signals."""
    found = {}
    for group in dict.fromkeys(groups[name] for name in ranker.names):
        kept = [place for place, name in enumerate(ranker.names) if groups[name] != group]
        if kept:
            names = tuple(ranker.names[place] for place in kept)
            rest = cross_scores(names, values[:, :, kept], lists, regularization=ranker.regularization, seed=seed)
            found[group] = asdict(paired_test(blend[TARGET], measure(rest, lists)[TARGET], seed=seed))
    return found


def on_test(log: EventLog, cuts: Cuts, learned: Learned) -> dict[str, PerPerson]:
    """The one look at test: the blend, then the baselines."""
    ranker, lists = learned.ranker, cuts.test_lists
    values = Signals(log, cuts.test).of(lists.users, ranker.names)
    found: dict[str, PerPerson] = {"events": measure(ranker.score(values), lists)}
    for baseline, name in learned.stand_for.items():
        found[baseline] = measure(values[:, :, ranker.names.index(name)], lists)
    return found


def log_events(run: Run, result: EventsResult, **params: Any) -> None:
    """Into an MLflow run."""
    run.params({"task": "events", "horizon_days": result.horizon_days, "regularization": result.regularization,
                "split": result.split, **params})  # fmt: skip
    run.metrics(result.metrics, prefix="test/")
    run.metrics(result.validation["events"], prefix="validation/")
    for name, metrics in result.baselines.items():
        run.metrics(metrics, prefix=f"{name.replace(' ', '-')}/")
    run.document(result.as_dict(), "result.json")


def _sampled(cuts: Cuts, seed: int) -> Cuts:
    """With at most as many lists as their signals have room."""
    rng = np.random.default_rng(seed)
    validation, test = (lists.sampled(rng) for lists in (cuts.validation_lists, cuts.test_lists))
    return replace(cuts, validation_lists=validation, test_lists=test)


def _told(log: EventLog, cut: Cut, lists: Lists) -> dict[str, Any]:
    known = cut.known[:, np.flatnonzero(log.is_event)].nnz
    return {
        "at": datetime.fromtimestamp(cut.at, UTC).isoformat(),
        "candidates": len(cut.candidates),
        "people": len(lists),
        "targets": int(lists.relevant.nnz),
        "known_answers_to_events": int(known),
        "known_answers_to_candidates": int(cut.going.nnz),
    }


def means(per_person: PerPerson) -> dict[str, float]:
    """The measures that are told."""
    return {name: float(per_person[name].mean()) for name in ("ndcg@10", "recall@10", "recall@20")}
