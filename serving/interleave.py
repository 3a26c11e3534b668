"""Two rankings in one list, each with the same chance: team-draft interleaving, and drawn orders with propensities.

Team draft (Radlinski, Kurup & Joachims 2008, «How does clickthrough data reflect retrieval quality?»): in every round a
coin says which ranker picks first; each picks its best item that is not in the list yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

NEITHER = -1


def team_draft(first: Sequence[int], second: Sequence[int], n: int, rng: Random) -> tuple[list[int], list[int]]:
    """At most n items, and the team of each: 0, 1, or `NEITHER` for those that both have at the same places from the
    top on, which say nothing about who is better.
    """
    same = 0
    while same < min(n, len(first), len(second)) and first[same] == second[same]:
        same += 1
    items, teams = list(first[:same]), [NEITHER] * same
    taken, lists, places = set(items), (first, second), [same, same]
    while len(items) < n:
        before = len(items)
        lead = rng.getrandbits(1)
        for team in (lead, 1 - lead):
            place = _next(lists[team], places[team], taken)
            places[team] = place
            if place < len(lists[team]) and len(items) < n:
                items.append(lists[team][place])
                teams.append(team)
                taken.add(lists[team][place])
        if len(items) == before:
            break
    return items, teams


def _next(ranking: Sequence[int], place: int, taken: set[int]) -> int:
    while place < len(ranking) and ranking[place] in taken:
        place += 1
    return place


def explore(pool: Sequence[int], n: int, share: float, rng: Random) -> tuple[list[int], list[float]]:
    """With probability `share` n items of the pool in random order, else its first n; and how likely each item was at
    its place: `(1 - share) [it is there in the pool's order] + share / len(pool)`, exactly.
    """
    size = len(pool)
    order = rng.sample(range(size), min(n, size)) if rng.random() < share else list(range(min(n, size)))
    chances = [(1 - share) * (place == rank) + share / size for rank, place in enumerate(order)]
    return [pool[place] for place in order], chances
