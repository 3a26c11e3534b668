"""`interlace bench cross-platform`: each platform as the target, with and without what its people did on the others.

Without: the blend of everything that the target alone allows, as `auto` makes it. With: the blend of these and of the
methods across platforms (`training.cross`), switched off for the groups of users whom validation says it harms. Both
are chosen on validation, and test is read once, at the end.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from graph.snapshot_read import FolderData, read_folder
from training.auto import BUDGET, Progress, Tried
from training.bench import Embed, peak_mb
from training.cross.data import Pair, pair_of, platforms
from training.cross.members import Member, across, alone, find_methods
from training.cross.newcomers import measure_newcomers
from training.cross.switch import Learned, Weighted, learn_switched
from training.evaluate import Evaluation, on_test
from training.metrics import KS, TARGET
from training.significance import paired_test
from training.zoo import find

MEASURES = ("hr@10", TARGET)
NEGATIVE_KS = (1, 5, 10)


@dataclass(frozen=True)
class Direction:
    """One target. `metrics` with the other platforms, `without` without; `differences` are paired over test users.

    `groups`: where transfer is on. `newcomers`: people whose history on the target was hidden (None: not measured).
    """

    target: str
    sources: tuple[str, ...]
    metrics: Mapping[str, float]
    without: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    differences: Mapping[str, Mapping[str, float]]
    chosen: str
    chosen_without: str
    groups: Sequence[Mapping[str, Any]]
    newcomers: Mapping[str, Any] | None
    users: int
    linked: int
    items: int
    split: str
    seconds: Mapping[str, float]
    tried: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


@dataclass(frozen=True)
class CrossResult:
    """`targets`: each direction by the target's name."""

    model: str
    methods: tuple[str, ...]
    targets: Mapping[str, Direction]
    refit: bool
    peak_mb: int
    task: str = "cross-platform"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def bench_cross(  # noqa: PLR0913 - each is an option of the command
    path: Path,
    *,
    model: str = "auto",
    targets: Sequence[str] = (),
    methods: Sequence[str] = (),
    same_users: bool = False,
    min_value: float | None = None,
    refit: bool = False,
    budget: float | None = BUDGET,
    seed: int = 42,
    overrides: Mapping[str, Any] | None = None,
    embed: Embed | None = None,
    newcomers: bool = True,
    progress: Progress = lambda _text: None,
) -> CrossResult:
    """Measures each of `targets` (default: every platform). `budget`: seconds that a direction may fit for.

    Errors: `NotFound` for a platform, `InvalidData` where nobody is on two.
    """
    if model != "auto":
        find(model)
    named = find_methods(methods)
    progress(f"reading {path}")
    folder = read_folder(path, same_users=same_users)
    if embed is not None:
        progress("encoding text and images")
        folder = replace(folder, snapshot=folder.snapshot.with_embeddings(embed(folder.snapshot, path)))
    plan = _Plan(model, named, overrides, budget, refit, seed, newcomers, progress)
    found = {
        target: _direction(plan, folder, pair_of(folder, target, min_value=min_value, seed=seed))
        for target in targets or platforms(folder)
    }
    return CrossResult(model, named, found, refit, peak_mb())


@dataclass(frozen=True)
class _Plan:
    model: str
    methods: tuple[str, ...]
    overrides: Mapping[str, Any] | None
    budget: float | None
    refit: bool
    seed: int
    newcomers: bool
    progress: Progress


def _direction(plan: _Plan, folder: FolderData, pair: Pair) -> Direction:
    def note(text: str) -> None:
        plan.progress(f"{pair.target}: {text}")

    began = time.perf_counter()
    half = None if plan.budget is None else plan.budget / 2
    members, tried = alone(pair, plan.model, overrides=plan.overrides, budget=half, progress=note)
    more, others = across(pair, plan.model, plan.methods, overrides=plan.overrides, budget=half, progress=note)
    note("blending on validation")
    assert pair.alone.data.validation is not None
    there = np.diff(pair.source.indptr)
    learned = learn_switched([*members, *more], pair.alone.data.validation, there, seed=plan.seed)
    if plan.refit:
        note("refitting on train and validation")
        learned = _refitted(learned, [*members, *more])
    fitted = time.perf_counter()
    found = _newcomers(plan, pair, bool(folder.negatives), note) if plan.newcomers else None
    note("measuring on test")
    ks = NEGATIVE_KS if folder.negatives else KS
    plain = find("popularity").build().fit(pair.alone.data)
    one, other, popular = (on_test(each, pair.alone, ks=ks) for each in (learned.switched, learned.alone, plain))
    return Direction(
        target=pair.target,
        sources=pair.sources,
        metrics=one.metrics,
        without=other.metrics,
        baselines={"popularity": popular.metrics},
        differences=_differences(one, other, plan.seed),
        chosen=learned.recipe,
        chosen_without=learned.recipe_alone,
        groups=learned.groups,
        newcomers=found,
        users=len(pair.alone.test),
        linked=pair.linked,
        items=pair.num_items,
        split=pair.split,
        seconds={"fit": fitted - began, "evaluate": time.perf_counter() - fitted},
        tried=_tried([*tried, *others]),
    )


def _newcomers(plan: _Plan, pair: Pair, given: bool, note: Progress) -> Mapping[str, Any] | None:
    ks = NEGATIVE_KS if given else KS
    found = measure_newcomers(pair, plan.methods, ks=ks, seed=plan.seed, progress=note)
    return None if found is None else asdict(found)


def _differences(one: Evaluation, other: Evaluation, seed: int) -> dict[str, dict[str, float]]:
    return {name: asdict(paired_test(one.per_user[name], other.per_user[name], seed=seed)) for name in MEASURES}


def _tried(attempts: Sequence[Tried]) -> tuple[dict[str, Any], ...]:
    return tuple(asdict(one) for one in attempts)


def _refitted(learned: Learned, members: Sequence[Member]) -> Learned:
    """The same weights and switches over members that were fitted once more; each once however many blends hold it."""
    made: dict[int, Any] = {}
    again = {id(one.recommender): one.again for one in members}

    def fresh(blend: Weighted) -> Weighted:
        for one in blend.members:
            if id(one) not in made:
                made[id(one)] = again[id(one)]()
        return replace(blend, members=tuple(made[id(one)] for one in blend.members))

    plain = fresh(learned.alone)
    switched = replace(learned.switched, alone=plain, across=fresh(learned.switched.across))
    return replace(learned, alone=plain, switched=switched)
