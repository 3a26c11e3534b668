"""Paths from what a user liked to items: read in few bounded queries, weighed, best first.

A path weighs more when its connecting node is rare, its relation means much to people, the node has a name, and the
user liked the first item much. Nothing here is believed yet: `graph.explain` proves each path by its own query.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from graph.explain_words import VERBS, is_name, noun
from graph.queries_explain import degrees_of
from graph.schema import ITEM, safe_name
from graph.store import GraphStore

HISTORY_READ = 1000
LIKED_USED = 60
"""Of what the user liked, the strongest and latest so many: more of them would say nothing new and cost time."""
DEGREE_COUNTED = 10_000
UNNAMED = 0.3
"""A node known by a code alone explains less: «the same director», but not which."""
OVERLAP = 0.35
"""What else two items share makes the pair a better one; the claim is still about one node."""
DIRECT = 0.9
TYPES = tuple(VERBS)

_MEANING: Mapping[str, float] = MappingProxyType(
    {
        "director": 1.2,
        "writer": 1.0,
        "producer": 0.6,
        "cinematographer": 0.5,
        "award nomination": 0.4,
        "award won": 0.4,
        "production company": 0.5,
        "country": 0.15,
        "language": 0.1,
        "content rating": 0.1,
    }
)


@dataclass(frozen=True)
class Liked:
    """One thing the user liked: relationship type, how strongly (0..1], when."""

    item: str
    type: str
    strength: float
    at: int


@dataclass(frozen=True)
class Path:
    """A path that was seen. `proof` names its query in `PROOFS`; `parameters` are that query's."""

    proof: str
    item: str
    weight: float
    parameters: Mapping[str, Any]

    @property
    def order(self) -> tuple[float, str, str, str]:
        """Best first; equal weights by what they are, so that both stores choose the same."""
        facts = self.parameters
        return -self.weight, str(facts["liked"]), str(facts["relation"]), str(facts.get("via", ""))


@dataclass(frozen=True)
class Tastes:
    """What a user liked, strongest first, and from which rating on that is."""

    user: str
    at_least: float
    liked: tuple[Liked, ...]


def tastes(store: GraphStore, user: str) -> Tastes:
    """Empty `liked` for an unknown user or one without positive interactions."""
    answer = store.query("user_interactions", {"user": user, "types": list(TYPES), "limit": HISTORY_READ})
    rows = answer.rows[0][0] if len(answer) else []
    ratings = [float(value) for _, kind, value, _ in rows if kind == "RATED" and value is not None]
    at_least, top = threshold(ratings), max(ratings, default=1.0)
    best: dict[str, Liked] = {}
    for item, kind, value, at in rows:
        if kind == "RATED" and (value is None or value < at_least):
            continue
        strength = max(0.1, float(value) / top) if kind == "RATED" and top > 0 else 1.0
        found = Liked(item, kind, strength, at if isinstance(at, int) else 0)
        if item not in best or (found.strength, found.at) > (best[item].strength, best[item].at):
            best[item] = found
    ordered = sorted(best.values(), key=lambda one: (-one.strength, -one.at, one.item))
    return Tastes(user, at_least, tuple(ordered[:LIKED_USED]))


def threshold(ratings: Sequence[float]) -> float:
    """From which rating on a user «liked» something: 4 of 5, 7 of 10, 70 of 100, 1 of 1, by the highest one given."""
    top = max(ratings, default=5.0)
    for scale, liked in ((1.0, 1.0), (5.0, 4.0), (10.0, 7.0), (100.0, 70.0)):
        if top <= scale:
            return liked
    return sorted(ratings)[len(ratings) // 2]


def graph_paths(store: GraphStore, taste: Tastes, items: Sequence[str]) -> list[Path]:
    """Paths through shared nodes and by direct relations, for each item, best first."""
    wanted = [one.item for one in taste.liked]
    ends = _ends(store, sorted({*wanted, *items}))
    linked = _direct(taste, items, ends)
    by_node: dict[tuple[str, str, str], list[Liked]] = defaultdict(list)
    for one in taste.liked:
        for end in ends.get(one.item, ()):
            by_node[end].append(one)
    shared = {item: [end for end in ends.get(item, ()) if end in by_node] for item in items}
    weights = _weights(store, {end for found in shared.values() for end in found})
    for item, found in shared.items():
        linked += _shared(taste, item, {end: weights[end] for end in found}, by_node)
    return sorted(linked, key=lambda path: path.order)


def _ends(store: GraphStore, items: Sequence[str]) -> dict[str, list[tuple[str, str, str]]]:
    answer = store.query("item_ends", {"items": list(items)})
    return {item: sorted({(kind, label, identity) for kind, label, identity in ends}) for item, ends in answer}


def _direct(taste: Tastes, items: Iterable[str], ends: Mapping[str, Sequence[tuple[str, str, str]]]) -> list[Path]:
    paths = []
    for item in items:
        for one in taste.liked:
            forward = [kind for kind, label, target in ends.get(one.item, ()) if (label, target) == (ITEM, item)]
            backward = [kind for kind, label, target in ends.get(item, ()) if (label, target) == (ITEM, one.item)]
            for proof, kinds in (("from_liked", forward), ("to_liked", backward)):
                paths += [
                    _path(proof, taste, one, item, DIRECT * one.strength, {"relation": kind})
                    for kind in kinds
                    if kind not in ("SIMILAR", "SAME_AS")
                ]
    return paths


def _weights(store: GraphStore, ends: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], float]:
    """Per shared node: rarity x meaning of the relation x whether it has a name."""
    ends = list(ends)
    by_label: dict[str, set[str]] = defaultdict(set)
    for _, label, identity in ends:
        by_label[label].add(identity)
    facts: dict[tuple[str, str], tuple[str | None, int]] = {}
    for label in sorted(by_label):
        found = store.query(degrees_of(safe_name(label)), {"ids": sorted(by_label[label]), "most": DEGREE_COUNTED})
        facts |= {(label, identity): (name, degree) for identity, name, degree in found}
    return {end: _weight(end, *facts.get(end[1:], (None, DEGREE_COUNTED))) for end in ends}


def _weight(end: tuple[str, str, str], name: str | None, degree: int) -> float:
    relation, _, identity = end
    known = 1.0 if is_name(name, identity) else UNNAMED
    return _MEANING.get(noun(relation), 1.0) * known / math.log2(2 + degree)


def _shared(
    taste: Tastes,
    item: str,
    weights: Mapping[tuple[str, str, str], float],
    by_node: Mapping[tuple[str, str, str], Sequence[Liked]],
) -> list[Path]:
    """The best shared node of each liked item; others that they share make the pair more likely, not the claim."""
    pairs: dict[Liked, list[tuple[str, str, str]]] = defaultdict(list)
    for end in weights:
        for one in by_node[end]:
            if one.item != item:
                pairs[one].append(end)
    paths = []
    for one, ends in pairs.items():
        best = min(ends, key=lambda end: (-weights[end], end))
        others = sum(weights[end] for end in ends) - weights[best]
        facts = {"relation": best[0], "label": best[1], "via": best[2]}
        weight = one.strength * (weights[best] + OVERLAP * others)
        paths.append(_path("attribute", taste, one, item, weight, facts))
    return paths


def _path(proof: str, taste: Tastes, one: Liked, item: str, weight: float, facts: Mapping[str, Any]) -> Path:
    common = {"user": taste.user, "liked": one.item, "item": item, "liking": one.type, "at_least": taste.at_least}
    return Path(proof, item, round(weight, 9), {**common, **facts})
