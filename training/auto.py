"""`auto`: tries every model that the data allows, chooses settings and blend weights by validation alone.

Between fit and the one look at test. Settings: the config of a model's grid with the best ndcg@10 on validation.
Weights: greedy forward selection with replacement (Caruana et al. 2004, «Ensemble selection from libraries of models»):
a member that does not help is not taken. One method for every data set and task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from graph.errors import InvalidData
from training.blend import Blend, BlendConfig, MemberConfig, standardise
from training.data import HeldOut, TrainingData
from training.evaluate import evaluate
from training.recommender import SILENT, Monitor, Recommender
from training.zoo import ZOO, Model, find

TARGET = "ndcg@10"
ROUNDS = 30
LEAST_SECONDS = 5.0
BUDGET = 600.0
"""Seconds that `auto` may fit for when nobody says otherwise."""
SAMPLE_CELLS = 8_000_000
"""Validation scores (users x items) a member may hold while weights are learned: beyond it, a sample of users."""

Progress = Callable[[str], None]
Monitors = Callable[[str], Monitor]


@dataclass(frozen=True)
class Tried:
    """One fitted candidate: validation `ndcg@10` and the seconds its fit took."""

    name: str
    settings: Mapping[str, Any]
    validation: float
    seconds: float


@dataclass(frozen=True)
class Chosen:
    """A model fitted with the settings that validation chose, and everything tried on the way."""

    recommender: Recommender
    config: Any
    best: Tried
    tried: tuple[Tried, ...]


@dataclass(frozen=True)
class AutoResult:
    """The blend, what was tried, and what each member brings (validation ndcg@10 lost without it)."""

    recommender: Blend
    members: tuple[Chosen, ...]
    tried: tuple[Tried, ...]
    validation: float
    brings: Mapping[str, float]

    @property
    def text(self) -> str:
        """What was chosen and why, in one line."""
        parts = " + ".join(f"{member.weight:.2f} {member.name}" for member in self.recommender.config.members)
        best = max(self.members, key=lambda chosen: chosen.best.validation).best
        return (
            f"{parts}: validation {TARGET} {self.validation:.4f}, best single {best.name} {best.validation:.4f}, "
            f"of {len(self.tried)} candidates"
        )


def choose(
    model: Model,
    data: TrainingData,
    *,
    overrides: Mapping[str, Any] | None = None,
    monitor: Monitor = SILENT,
    deadline: float = float("inf"),
) -> Chosen:
    """Fits each config of the grid on train and keeps the best by validation; `overrides` fix settings in all of them.

    After `deadline` (of `time.monotonic`) no further config is started; a network gets its share of the time until
    then, and keeps the best of the epochs it had.
    """
    held_out = _validation(data)
    tried: list[Tried] = []
    best: tuple[Recommender, Any] | None = None
    configs = _configs(model, overrides)
    for place, config in enumerate(configs):
        left = deadline - time.monotonic()
        if tried and left <= 0:
            break
        started = time.perf_counter()
        recommender = model.build(_within(config, left / (len(configs) - place))).fit(data, monitor)
        seconds = time.perf_counter() - started
        quality = evaluate(recommender, held_out, ks=(10,)).metrics[TARGET]
        tried.append(Tried(model.name, asdict(config), quality, seconds))
        if best is None or quality >= max(one.validation for one in tried):
            best = recommender, config
    assert best is not None
    return Chosen(*best, max(tried, key=lambda one: one.validation), tuple(tried))


def _configs(model: Model, overrides: Mapping[str, Any] | None) -> list[Any]:
    model.config(overrides)
    configs = [replace(config, **(overrides or {})) for config in model.grid()]
    return list(dict.fromkeys(configs))


def _within(config: Any, seconds: float) -> Any:
    """The config with its training time bounded, where it is that of a network without a bound of its own."""
    if seconds == float("inf") or getattr(config, "max_seconds", 0.0) is not None:
        return config
    return replace(config, max_seconds=max(LEAST_SECONDS, seconds))


def _validation(data: TrainingData) -> HeldOut:
    if data.validation is None or not len(data.validation):
        raise InvalidData(
            "there is no validation part to choose by",
            valid="a split with validation interactions",
            remedy="split again, or name one model and all of its settings",
        )
    return data.validation


def fit_auto(
    data: TrainingData,
    *,
    names: Sequence[str] | None = None,
    budget: float | None = BUDGET,
    monitors: Monitors = lambda _name: SILENT,
    progress: Progress = lambda _text: None,
) -> AutoResult:
    """Fits every model of `names` (default: all the zoo that the data allows), then learns the blend.

    `budget` seconds: the cheap closed forms come first, the networks share what is left, and no new candidate is begun
    after it; None: no bound.
    """
    deadline = time.monotonic() + budget if budget else float("inf")
    models = [model for model in map(find, names or ZOO) if model.fits(data)]
    chosen: list[Chosen] = []
    models.sort(key=lambda model: model.slow)
    for place, model in enumerate(models):
        if chosen and time.monotonic() > deadline:
            progress(f"{model.name}: skipped, the budget of {budget:.0f} s is spent")
            continue
        progress(f"{model.name}: fitting")
        now = time.monotonic()
        until = now + (deadline - now) / (len(models) - place) if model.slow else deadline
        chosen.append(choose(model, data, monitor=monitors(model.name), deadline=until))
        progress(f"{model.name}: validation {TARGET} {chosen[-1].best.validation:.4f}")
    progress("blend: learning weights on validation")
    return blend(chosen, _validation(data), seed=data.seed)


def blend(chosen: Sequence[Chosen], held_out: HeldOut, *, seed: int = 42) -> AutoResult:
    """Learns the weights of already fitted members."""
    sample = _sample(held_out, seed)
    scores = [_masked(one.recommender, sample) for one in chosen]
    counts = select(scores, sample.relevant.indptr, sample.relevant.indices)
    order = [place for place in np.argsort(-counts, kind="stable") if counts[place] > 0]
    config = BlendConfig(tuple(_member(chosen[place], counts[place] / counts.sum()) for place in order))
    recommender = Blend(config, [chosen[place].recommender for place in order])
    brings = _brings(scores, counts, sample, [one.best.name for one in chosen])
    validation = evaluate(recommender, held_out, ks=(10,)).metrics[TARGET]
    tried = tuple(one for member in chosen for one in member.tried)
    return AutoResult(recommender, tuple(chosen), tried, validation, brings)


def _member(chosen: Chosen, weight: float) -> MemberConfig:
    return MemberConfig(chosen.best.name, float(weight), asdict(chosen.config))


def _sample(held_out: HeldOut, seed: int) -> HeldOut:
    most = max(1, SAMPLE_CELLS // held_out.relevant.shape[1])
    if len(held_out) <= most:
        return held_out
    return held_out.take(np.sort(np.random.default_rng(seed).choice(len(held_out), most, replace=False)))


def _masked(recommender: Recommender, sample: HeldOut) -> NDArray[np.float32]:
    """Standardised scores, -inf where an item may not be ranked."""
    scores = standardise(recommender.score(sample.batch(slice(None))))
    sample.mask(scores)
    return scores


def select(
    scores: Sequence[NDArray[np.float32]], indptr: NDArray[np.integer], indices: NDArray[np.integer]
) -> NDArray[np.int64]:
    """How often greedy selection takes each member (>= 0, some > 0): the blend's weights before normalisation.

    `scores`: one standardised (users, items) a member, -inf where excluded; relevant items as CSR.
    """
    quality = [_quality(one, indptr, indices) for one in scores]
    counts = np.zeros(len(scores), np.int64)
    best_counts, best = counts, -1.0
    total = np.zeros_like(scores[0])
    for number in range(ROUNDS):
        found = quality if number == 0 else [_quality(total + one, indptr, indices) for one in scores]
        place = int(np.argmax(found))
        total = total + scores[place]
        counts = counts.copy()
        counts[place] += 1
        if found[place] > best + 1e-6:
            best, best_counts = found[place], counts
    return best_counts


def _brings(
    scores: Sequence[NDArray[np.float32]], counts: NDArray[np.int64], sample: HeldOut, names: Sequence[str]
) -> dict[str, float]:
    """ndcg@10 that the blend loses on validation when one member is left out."""
    indptr, indices = sample.relevant.indptr, sample.relevant.indices
    whole = sum(count * score for count, score in zip(counts, scores, strict=True) if count)
    full = ndcg_at(whole, indptr, indices, 10)
    lost = {}
    for place, count in enumerate(counts):
        others = [n * s for other, (n, s) in enumerate(zip(counts, scores, strict=True)) if n and other != place]
        if count and others:
            lost[names[place]] = full - ndcg_at(sum(others), indptr, indices, 10)
    return lost


def _quality(scores: NDArray[np.float32], indptr: NDArray[np.integer], indices: NDArray[np.integer]) -> float:
    """Mean of ndcg@10 and of ndcg over the whole ranking: the second sees every item and so is far less noisy."""
    return 0.5 * ndcg_at(scores, indptr, indices, 10) + 0.5 * ndcg_at(scores, indptr, indices, scores.shape[1])


def ndcg_at(scores: Any, indptr: NDArray[np.integer], indices: NDArray[np.integer], k: int) -> float:
    """Mean ndcg@k over rows straight from scores, without sorting them; ties count against."""
    return float(_ndcg(np.asarray(scores, np.float32), indptr.astype(np.int64), indices.astype(np.int64), k))


@njit(cache=True)
def _ndcg(scores, indptr, indices, k):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    total = 0.0
    for user in range(len(indptr) - 1):
        row = scores[user]
        gain, ideal = 0.0, 0.0
        for place in range(indptr[user], indptr[user + 1]):
            rank = 0
            score = row[indices[place]]
            if score > -np.inf:
                for other in row:
                    rank += other >= score
                if rank <= k:
                    gain += 1 / np.log2(rank + 1.0)
            order = place - indptr[user] + 1
            if order <= k:
                ideal += 1 / np.log2(order + 1.0)
        total += gain / ideal
    return total / (len(indptr) - 1)
