"""`interlace bench cold-user`: people never met, with nothing, one, three, five or all of their interactions known.

The whole flow for a task with several test parts: the models are fitted without the held-out users; how they are
blended is learned for each number of interactions on validation users of whom as many are known; then the members are
fitted once more, with validation's people, and each blend is measured once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from graph.snapshot_read import read_folder
from training.auto import BUDGET, DIRECT_SHARE, ONE_SHARE, Chosen, Progress, Tried, blend, choose, fit_auto
from training.bench import Embed, peak_mb
from training.blend import Blend
from training.cold_users import GIVEN, ColdUsers, NewUsers, Way, hold_out_users
from training.data import HeldOut
from training.evaluate import Evaluation, evaluate
from training.metrics import KS, TARGET
from training.recommender import Recommender
from training.refit import fit_again
from training.significance import paired_test
from training.zoo import ZOO, Model, find

CHOOSE_WITH = 3
"""Interactions that are known where networks stop: the weights of the blend are then learned for each number."""
TIMED = 100
"""Users who are scored one by one, as requests come."""
EVERYTHING = "all"


@dataclass(frozen=True)
class ColdUserResult:
    """`metrics`: by number of known interactions (`0`, `1`, `3`, `5`, `all`), as are `baselines` below each name.

    `of_full`: ndcg@10 as a share of that with everything known, by the same model. `given`: how many interactions that
    are on average, less than was asked for where the onboarding list ends before. `fold_in_ms`: scoring one newcomer
    of whom five interactions are known, median. `beats_popularity`: paired, user by user.
    """

    model: str
    metrics: Mapping[str, Mapping[str, float]]
    baselines: Mapping[str, Mapping[str, Mapping[str, float]]]
    chosen: Mapping[str, str]
    of_full: Mapping[str, float]
    given: Mapping[str, float]
    beats_popularity: Mapping[str, Mapping[str, Any]]
    fold_in_ms: float
    seconds: Mapping[str, float]
    peak_mb: int
    users: Mapping[str, int]
    items: int
    split: str
    task: str = "cold-user"
    tried: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def bench_cold_user(
    path: Path,
    *,
    model: str = "auto",
    min_value: float | None = None,
    budget: float | None = BUDGET,
    seed: int = 42,
    way: Way = "first",
    overrides: Mapping[str, Any] | None = None,
    embed: Embed | None = None,
    progress: Progress = lambda _text: None,
) -> ColdUserResult:
    """Measures `model` on the held-out users of `path`; `way`: which interactions are given (`training.cold_users`).

    Errors: `InvalidData` where nobody can be held out.
    """
    if model != "auto":
        find(model)
    began = time.perf_counter()
    progress(f"reading {path}")
    folder = read_folder(path)
    if embed is not None:
        progress("encoding text and images")
        folder = replace(folder, snapshot=folder.snapshot.with_embeddings(embed(folder.snapshot, path)))
    cold = hold_out_users(folder, min_value=min_value, seed=seed, way=way)
    read = time.perf_counter()
    members = _fitted(cold, model, overrides, budget, progress)
    fitted = time.perf_counter()
    models, texts = _blends(cold, members, seed, progress)
    progress("measuring on test")
    found = {given: evaluate(models[given], cold.test.held_out(given), ks=KS) for given in GIVEN}
    plain = find("popularity").build().fit(cold.everything)
    popular = {given: evaluate(plain, cold.test.held_out(given), ks=KS) for given in GIVEN}
    return ColdUserResult(
        model=model,
        metrics={_label(given): one.metrics for given, one in found.items()},
        baselines={"popularity": {_label(given): one.metrics for given, one in popular.items()}},
        chosen={_label(given): text for given, text in texts.items()},
        of_full={_label(given): one.metrics[TARGET] / max(1e-12, found[None].metrics[TARGET])
                 for given, one in found.items()},
        given=_counted(cold.test),
        beats_popularity=_compared(found, popular, seed),
        fold_in_ms=_fold_in_ms(models[5], cold.test.held_out(5)),
        seconds={"read": read - began, "fit": fitted - read, "evaluate": time.perf_counter() - fitted},
        peak_mb=peak_mb(),
        users={"train": int((cold.data.matrix.getnnz(1) > 0).sum()),
               "validation": len(np.unique(cold.validation.users)), "test": len(cold.test)},
        items=len(folder.snapshot.items),
        split=cold.how,
        tried=tuple(asdict(one) for member in members for one in member.tried),
    )  # fmt: skip


def _fitted(
    cold: ColdUsers, model: str, overrides: Mapping[str, Any] | None, budget: float | None, progress: Progress
) -> list[Chosen]:
    """Closed forms with the settings that are best for each number of interactions; networks as `auto` chooses them."""
    data = replace(cold.data, validation=cold.validation.held_out(CHOOSE_WITH))
    if model != "auto":
        progress(f"fitting {model}")
        return [choose(find(model), data, overrides=overrides)]
    began = time.monotonic()
    beside = ["profile"] if cold.validation.asked is None else ["profile", "ppca"]
    names = [one for one in ZOO.values() if one.in_auto(data) or (one.name in beside and one.fits(data))]
    found: list[Chosen] = []
    for one in (one for one in names if not one.slow):
        progress(f"{one.name}: fitting")
        deadline = began + DIRECT_SHARE * budget if budget else float("inf")
        found += _closed_form(one, cold, min(deadline, time.monotonic() + ONE_SHARE * (budget or float("inf"))))
    left = None if budget is None else budget - (time.monotonic() - began)
    networks = [one.name for one in names if one.slow]
    if networks and (left is None or left > 0):
        found += fit_auto(data, names=networks, budget=left, progress=progress).members
    return found


def _closed_form(model: Model, cold: ColdUsers, deadline: float) -> list[Chosen]:
    """The fits of a grid that are the best for some number of known interactions.

    Short histories want more of a prior than the grids, made for whole ones, have: each regularization is tried at ten
    times its strength, too.
    """
    configs = list(model.grid())
    configs += [
        replace(one, regularization=10 * one.regularization) for one in configs if hasattr(one, "regularization")
    ]
    best: dict[int | None, tuple[float, Chosen]] = {}
    for config in dict.fromkeys(configs):
        if best and time.monotonic() > deadline:
            break
        began = time.perf_counter()
        recommender = model.build(config).fit(cold.data)
        seconds = time.perf_counter() - began
        for given in GIVEN:
            quality = evaluate(recommender, cold.validation.held_out(given), ks=(10,)).metrics[TARGET]
            tried = Tried(model.name, asdict(config), quality, seconds)
            if given not in best or quality > best[given][0]:
                best[given] = quality, Chosen(recommender, config, tried, (tried,))
    return list({id(one.recommender): one for _, one in best.values()}.values())


def _blends(
    cold: ColdUsers, members: Sequence[Chosen], seed: int, progress: Progress
) -> tuple[dict[int | None, Recommender], dict[int | None, str]]:
    """The recommender of each number of known interactions, fitted on validation's people too; and what it is."""
    again = _Again(cold, progress)
    if len(members) == 1:
        only = again.of(members[0].recommender, members[0].config)
        return dict.fromkeys(GIVEN, only), dict.fromkeys(GIVEN, f"{only.name} {members[0].best.settings}")
    models: dict[int | None, Recommender] = {}
    texts: dict[int | None, str] = {}
    for given in GIVEN:
        held_out = cold.validation.held_out(given)
        found = blend(_best_of_each(members, held_out), held_out, seed=seed)
        pairs = zip(found.recommender.config.members, found.recommender.members, strict=True)
        parts = [again.of(member, find(one.name).config(one.settings)) for one, member in pairs]
        models[given] = Blend(found.recommender.config, parts)
        texts[given] = f"{found.recipe}: validation {TARGET} {found.validation:.4f}"
    return models, texts


def _best_of_each(members: Sequence[Chosen], held_out: HeldOut) -> list[Chosen]:
    """Of several settings of a model the one that is best here: more candidates fit the validation part by chance."""
    best: dict[str, tuple[float, Chosen]] = {}
    for one in members:
        quality = evaluate(one.recommender, held_out, ks=(10,)).metrics[TARGET]
        if one.best.name not in best or quality > best[one.best.name][0]:
            best[one.best.name] = quality, one
    return [one for _, one in best.values()]


class _Again:
    """The last fit of each member, once however many blends hold it."""

    def __init__(self, cold: ColdUsers, progress: Progress) -> None:
        self._cold, self._progress = cold, progress
        self._made: dict[int, Recommender] = {}

    def of(self, recommender: Recommender, config: Any) -> Recommender:
        """The same, fitted on everything but the test's people."""
        if id(recommender) not in self._made:
            self._progress(f"{recommender.name}: fitting with validation's people")
            self._made[id(recommender)] = fit_again(recommender, config, self._cold.everything)
        return self._made[id(recommender)]


def _compared(
    found: Mapping[int | None, Evaluation], popular: Mapping[int | None, Evaluation], seed: int
) -> dict[str, dict[str, float]]:
    return {
        _label(given): asdict(paired_test(one.per_user[TARGET], popular[given].per_user[TARGET], seed=seed))
        for given, one in found.items()
    }


def _counted(users: NewUsers) -> dict[str, float]:
    """Interactions given, on average."""
    return {_label(given): len(users.held_out(given).histories.items) / len(users) for given in GIVEN}


def _fold_in_ms(recommender: Recommender, held_out: HeldOut) -> float:
    spent = []
    for row in range(min(TIMED, len(held_out))):
        began = time.perf_counter()
        recommender.score(held_out.batch(slice(row, row + 1)))
        spent.append(1000 * (time.perf_counter() - began))
    return round(median(spent), 3)


def _label(given: int | None) -> str:
    return EVERYTHING if given is None else str(given)
