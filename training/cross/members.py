"""What is blended across platforms: the models of the target alone, and each method that reads the other platforms.

Every one is fitted on train with settings that validation chose, and knows how to be fitted once more on everything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from graph.errors import InvalidData
from graph.snapshot import NO_TIME
from training.auto import Chosen, Progress, Tried, choose, fit_auto
from training.cross import search
from training.cross.data import Pair
from training.cross.joint import Shared, refitted
from training.cross.kernel import MOST_PEOPLE, Kernel
from training.cross.mapped import Mapped, factors_of
from training.data import HeldOut, TrainingData
from training.refit import fit_again
from training.zoo import ZOO, find

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "shared": "one row a person over all platforms' items, by every model of the zoo that suits",
        "kernel": "EASE over those rows, solved over people, the other platforms' weight chosen",
        "mapped": "factors on the other platforms mapped to the target's (EMCDR)",
        "personal": "the same with a map for each person (PTUPCDR)",
    }
)
TIMES_ITEMS = 3
"""A dense item by item model of more than so many times as many items as people is left to `Kernel`, which is the same
regression over the smaller side.
"""


SEQUENCES = frozenset({"sasrec", "bert4rec", "linear-sequence"})


@dataclass(frozen=True)
class Member:
    """`again` fits it on train and validation. `settings` in words; `across`: it reads the other platforms."""

    name: str
    recommender: Any
    again: Callable[[], Any]
    settings: str
    across: bool
    validation: float


def find_methods(names: Sequence[str]) -> tuple[str, ...]:
    """All where none is named; raises `InvalidData` for one that is not there."""
    for name in names:
        if name not in METHODS:
            raise InvalidData(f"no method {name!r}", valid=", ".join(METHODS), remedy="choose of these")
    return tuple(names) or tuple(METHODS)


def alone(
    pair: Pair, model: str, *, overrides: Mapping[str, Any] | None, budget: float | None, progress: Progress
) -> tuple[list[Member], list[Tried]]:
    """Models that know the target and nothing else: `model`, or for `auto` all the zoo and EASE over people."""
    data = pair.alone.data
    chosen = _zoo(data, model, overrides, budget, progress)
    everything = pair.alone.everything
    members = [
        _member(name, one, rec, config, partial(fit_again, rec, config, everything), across=False)
        for name, one, rec, config in _each(chosen)
    ]
    tried = [attempt for one in chosen for attempt in one.tried]
    if model == "auto" and data.num_users <= MOST_PEOPLE:
        progress("kernel: fitting on the target alone")
        members.append(_kernel(pair, shared=False, tried=tried, budget=budget))
    return members, tried


def across(
    pair: Pair,
    model: str,
    methods: Sequence[str],
    *,
    overrides: Mapping[str, Any] | None,
    budget: float | None,
    progress: Progress,
) -> tuple[list[Member], list[Tried]]:
    """The methods that read the other platforms."""
    members: list[Member] = []
    tried: list[Tried] = []
    if "shared" in methods:
        chosen = _zoo(pair.lift(pair.alone.data), model, overrides, budget, progress)
        for name, one, rec, config in _each(chosen):
            if name != "popularity":  # of the target's items it is the same
                again = refitted(rec, config, pair)
                members.append(_member(f"shared {name}", one, Shared(rec, pair), config, again, across=True))
        tried += [replace(attempt, name=f"shared {attempt.name}") for one in chosen for attempt in one.tried]
    if "kernel" in methods and model == "auto" and pair.alone.data.num_users <= MOST_PEOPLE:
        progress("kernel: fitting with the other platforms")
        members.append(_kernel(pair, shared=True, tried=tried, budget=budget))
    if model == "auto" and {"mapped", "personal"} & set(methods):
        progress("mapping embeddings")
        members += _mapped(pair, methods, tried)
    return members, tried


def suited(data: TrainingData) -> list[str]:
    """The zoo's models that `auto` tries on this data, less the dense ones that `Kernel` stands for, and those of what
    comes next where no time is known.
    """
    most = TIMES_ITEMS * data.num_users
    ordered = bool((data.histories.times != NO_TIME).any())
    return [
        name for name, one in ZOO.items()
        if one.in_auto(data)
        and not (one.most_items is not None and data.num_items > most)
        and (ordered or name not in SEQUENCES)
    ]  # fmt: skip


def _zoo(
    data: TrainingData,
    model: str,
    overrides: Mapping[str, Any] | None,
    budget: float | None,
    progress: Progress,
) -> list[Chosen]:
    if model != "auto":
        progress(f"fitting {model}")
        return [choose(find(model), data, overrides=overrides)]
    return list(fit_auto(data, names=suited(data), budget=budget, progress=progress).members)


def _each(chosen: Sequence[Chosen]) -> list[tuple[str, Chosen, Any, Any]]:
    """Each model and its twins, with their configs."""
    return [
        (one.best.name, one, recommender, config)
        for one in chosen
        for recommender, config in ((one.recommender, one.config), *one.twins)
    ]


def _member(name: str, one: Chosen, recommender: Any, config: Any, again: Callable[[], Any], *, across: bool) -> Member:
    return Member(name, recommender, again, str(config), across, one.best.validation)


def _kernel(pair: Pair, *, shared: bool, tried: list[Tried], budget: float | None) -> Member:
    deadline = time.monotonic() + budget if budget else float("inf")
    data, held_out = pair.alone.data, _validation(pair)
    model, config, found = search.kernel(data, pair, held_out, shared=shared, deadline=deadline)
    tried += found
    best = max(one.validation for one in found)
    everything = pair.alone.everything
    return Member(
        model.name, model, lambda: Kernel(config, pair.source, pair.twins).fit(everything), str(config), shared, best
    )


def _mapped(pair: Pair, methods: Sequence[str], tried: list[Tried]) -> list[Member]:
    data, everything, held_out = pair.alone.data, pair.alone.everything, _validation(pair)
    factors = factors_of(data, pair.source, 64)
    members = []
    for personal in (name == "personal" for name in ("mapped", "personal") if name in methods):
        model, config, found = search.mapped(data, pair.source, held_out, factors, personal=personal)
        tried += found
        best = max(one.validation for one in found)

        def again(config: Any = config) -> Any:
            return Mapped(config, pair.source).fit(everything)

        members.append(Member(model.name, model, again, str(config), True, best))
    return members


def _validation(pair: Pair) -> HeldOut:
    assert pair.alone.data.validation is not None  # every split has one
    return pair.alone.data.validation
