"""People with nothing on the target: what they did elsewhere against what is popular there.

A fifth of the people who are on both platforms lose their history on the target before the fit (another fifth for
validation); their held-out items are ranked from what they did elsewhere. Closed forms alone, blended on validation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.auto import Progress
from training.cross import search
from training.cross.data import Pair
from training.cross.kernel import MOST_PEOPLE, Kernel
from training.cross.mapped import Mapped, factors_of
from training.cross.members import Member
from training.cross.switch import Weighted
from training.data import HeldOut, Histories, TrainingData
from training.evaluate import evaluate
from training.metrics import TARGET
from training.significance import paired_test
from training.stacking import candidates, learn
from training.zoo import find

SHARE = 5


@dataclass(frozen=True)
class Newcomers:
    """`metrics` and those of `popularity` on the same people, and the paired difference of ndcg@10 and hr@10."""

    users: int
    chosen: str
    metrics: dict[str, float]
    popularity: dict[str, float]
    differences: dict[str, dict[str, float]]


def measure_newcomers(
    pair: Pair, methods: tuple[str, ...], *, ks: tuple[int, ...], seed: int, progress: Progress
) -> Newcomers | None:
    """None where too few people have something elsewhere."""
    data, test = pair.alone.data, pair.alone.test
    assert data.validation is not None
    elsewhere = np.diff(pair.source.indptr) > 0
    people = np.intersect1d(np.flatnonzero(elsewhere), test.users)
    order = np.random.default_rng(seed).permutation(people)
    share = len(order) // SHARE
    asked, shown = order[:share], order[share : 2 * share]
    validation = _hidden(data.validation, shown)
    if not len(validation) or not share:
        return None
    progress("people with nothing on the target: fitting")
    first = replace(data, histories=_without(data.histories, np.concatenate([asked, shown])), validation=None)
    members = _members(pair, first, validation, methods)
    weights = learn(candidates([one.recommender for one in members], validation, seed=seed), seed=seed)
    last = replace(data, histories=_without(data.histories, asked), validation=None)
    again = _again(pair, last, members)
    used = np.flatnonzero(weights)
    blend = Weighted(tuple(again[place] for place in used), tuple(float(weights[place]) for place in used))
    hidden = _hidden(test, asked)
    mine, popular = evaluate(blend, hidden, ks=ks), evaluate(again[0], hidden, ks=ks)
    return Newcomers(
        users=len(hidden),
        chosen=" + ".join(f"{weights[place]:.2f} {members[place].name}" for place in used),
        metrics=dict(mine.metrics),
        popularity=dict(popular.metrics),
        differences={
            name: asdict(paired_test(mine.per_user[name], popular.per_user[name], seed=seed))
            for name in ("hr@10", TARGET)
        },
    )


def _members(pair: Pair, data: TrainingData, validation: HeldOut, methods: tuple[str, ...]) -> list[Member]:
    """Popularity first."""
    plain = find("popularity").build().fit(data)
    found: list[tuple[Any, Any]] = [(plain, None)]
    if "kernel" in methods and data.num_users <= MOST_PEOPLE:
        found.append(search.kernel(data, pair, validation, shared=True)[:2])
    if {"mapped", "personal"} & set(methods):
        factors = factors_of(data, pair.source, 64)
        found += [
            search.mapped(data, pair.source, validation, factors, personal=name == "personal")[:2]
            for name in ("mapped", "personal")
            if name in methods
        ]
    return [Member(model.name, model, lambda: None, str(config), True, 0.0) for model, config in found]


def _again(pair: Pair, data: TrainingData, members: list[Member]) -> list[Any]:
    """The same, with validation's people shown."""
    found: list[Any] = []
    for one in members:
        model = one.recommender
        if isinstance(model, Kernel):
            found.append(Kernel(model.config, pair.source, pair.twins).fit(data))
        elif isinstance(model, Mapped):
            found.append(Mapped(model.config, pair.source).fit(data))
        else:
            found.append(find(model.name).build().fit(data))
    return found


def _hidden(held_out: HeldOut, people: NDArray[np.int64]) -> HeldOut:
    """These people's rows, with nothing known of them here."""
    mine = held_out.take(np.flatnonzero(np.isin(held_out.users, people)))
    empty = _without(mine.histories, np.arange(len(mine)))
    return replace(mine, histories=empty)


def _without(known: Histories, people: NDArray[np.int64]) -> Histories:
    stays = np.ones(len(known), bool)
    stays[people] = False
    kept = np.repeat(stays, np.diff(known.indptr))
    ends = np.concatenate([[0], np.cumsum(kept)])[known.indptr].astype(np.int64)
    return Histories(ends, known.items[kept], known.times[kept], known.num_items)
