"""From likely pairs to who is who: one person has one user on a platform, unless the evidence is strong.

Pairs are joined from the likeliest down. Two groups that hold users of one platform stay apart unless that pair of the
same platform is itself at least `STRONG`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

STRONG = 0.9999
"""Probability from which two users of one platform are one person."""


@dataclass(frozen=True)
class Clusters:
    """`members`: groups of at least two ids, sorted. `probability`: id -> the weakest join that brought it in.

    `kept`: positions of the pairs that joined; `refused`: those that would have put two of one platform together.
    """

    members: tuple[tuple[str, ...], ...]
    probability: Mapping[str, float]
    kept: tuple[int, ...]
    refused: tuple[int, ...]


def cluster(
    pairs: pd.DataFrame, *, threshold: float, strong: float = STRONG, given: Mapping[str, str] | None = None
) -> Clusters:
    """Of `id_l`, `id_r`, `probability`; ids are `platform:native`. `given`: user -> person, as somebody said: users of
    different people are never joined, those of one always.
    """
    ordered = pairs[pairs.probability >= threshold].sort_values(
        ["probability", "id_l", "id_r"], ascending=[False, True, True]
    )
    known = given or {}
    groups: dict[str, list[str]] = {}
    people: dict[str, list[str]] = {}
    for name, person in sorted(known.items()):
        groups[name] = people.setdefault(person, [])
        groups[name].append(name)
    sure: dict[str, float] = {}
    kept, refused = [], []
    for place, one, two, probability in zip(
        ordered.index, ordered.id_l, ordered.id_r, ordered.probability, strict=True
    ):
        mine, other = groups.setdefault(one, [one]), groups.setdefault(two, [two])
        if mine is other:
            continue
        said = {known[name] for group in (mine, other) for name in group if name in known}
        same = _platforms(mine) & _platforms(other)
        if len(said) > 1 or (same and (probability < strong or _platform(one) != _platform(two))):
            refused.append(int(place))
            continue
        for name in (one, two):
            sure.setdefault(name, float(probability))
        mine.extend(other)
        groups.update(dict.fromkeys(other, mine))
        kept.append(int(place))
    found = {id(group): tuple(sorted(group)) for group in groups.values() if len(group) > 1}
    return Clusters(tuple(sorted(found.values())), sure, tuple(kept), tuple(refused))


def _platforms(group: Sequence[str]) -> set[str]:
    return {_platform(name) for name in group}


def _platform(name: str) -> str:
    return name.partition(":")[0]
