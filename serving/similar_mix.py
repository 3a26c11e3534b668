"""Items like an item in several ways at once: each way's scores standardised, weighed, added. Exact, over all items."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData, NotFound
from serving.candidates import Ranked
from serving.index_files import MISSING
from serving.live import Live
from serving.rank import best, standardise
from serving.similar import CROWD, GRAPH, check_modality, graph_scores, modalities

Scores: TypeAlias = NDArray[np.float32]

EVEN = "even"
LONGEST = 256
VALID = f"{EVEN}, or NAME:WEIGHT,… with weights from 0 that are not all 0, such as text:0.5,image:0.3"


def parse_mix(live: Live, text: str) -> dict[str, float]:
    """`text:0.5,image:0.3` (or with `=`) as weights that add up to 1; `even`: every way that the index has, alike.

    Raises `InvalidData` for what is no mix, `Unsupported` for a way the index has not.
    """
    if text.strip() == EVEN:
        names = modalities(live.index)
        return dict.fromkeys(names, 1 / len(names))
    weights: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, weight = _pair(part)
        if name in weights:
            raise _wrong(f"the mix names {name!r} twice", "name each way once")
        check_modality(live.index, name)
        weights[name] = weight
    total = sum(weights.values())
    if not 0 < total < math.inf:
        raise _wrong(f"the mix {text!r} weighs nothing", "give one of them a weight above 0")
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def _pair(part: str) -> tuple[str, float]:
    name, *rest = re.split(r"[:=]", part)
    try:
        weight = float(rest[0]) if len(rest) == 1 else math.nan
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise _wrong(f"{part!r} is no way with its weight", "write it as NAME:WEIGHT")
    return name.strip(), weight


def _wrong(what: str, remedy: str) -> InvalidData:
    return InvalidData(what, valid=VALID, remedy=remedy)


def similar_mixed(
    live: Live, item: int, mix: Mapping[str, float], n: int, *, scored: Mapping[str, Scores] | None = None
) -> tuple[Ranked, dict[str, float]]:
    """The n best others by the weighted sum of z-scores, and the weights that counted. `scored`: `scored_ways` of the
    item, where they have been made already.

    A way the item has nothing for (no picture, say) does not count, and the others share its weight; an item that lacks
    one way stands at that way's mean. The crowd is what the index keeps of it: items beyond an item's list score 0.

    Raises `NotFound` when the item has nothing of what is asked for.
    """
    found = _scored(live, item, mix) if scored is None else scored
    ways = {name: found[name] for name in mix if name in found}
    if not ways:
        raise NotFound(
            f"item {live.id(item)!r} has nothing to compare by {', '.join(mix)}",
            valid="a way it can be compared by: " + (", ".join(ways_of(live, item)) or "none"),
            remedy="weigh another way",
        )
    whole = sum(mix[name] for name in ways)
    used = {name: mix[name] / whole for name in ways}
    total = np.zeros(live.num_items, np.float32)
    for name, scores in ways.items():
        total += np.float32(used[name]) * scores
    total[item] = -np.inf
    total[live.gone] = -np.inf
    order = best(total, n)
    return (order, total[order]), used


def ways_of(live: Live, item: int) -> list[str]:
    """The ways this item can be compared by, as `modalities` orders them."""
    return list(scored_ways(live, item))


def scored_ways(live: Live, item: int) -> dict[str, Scores]:
    """(num_items,) z-scores by each of these ways."""
    return _scored(live, item, modalities(live.index))


def _scored(live: Live, item: int, names: Iterable[str]) -> dict[str, Scores]:
    return {name: scores for name in names if (scores := _standardised(live, item, name)) is not None}


def _standardised(live: Live, item: int, name: str) -> Scores | None:
    """(num_items,) z-scores by one way, over the items that have it; 0 for the others. None where the item has not."""
    scores, there = _scores(live, item, name)
    there[item] = False
    if not np.any(scores[there]):
        return None
    found = np.zeros(live.num_items, np.float32)
    found[there] = standardise(scores[there])
    return found


def _scores(live: Live, item: int, name: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores of all items, and which items have any."""
    there = np.ones(live.num_items, np.bool_)
    there[live.gone] = False
    if name == GRAPH:
        return graph_scores(live, item), there
    if name == CROWD:
        return _crowd(live, item), there
    vector = live.vector(item, name)
    if vector is None:
        return np.zeros(live.num_items, np.float32), there
    scores, known = live.cosines(name, vector)
    return scores, known & there


def _crowd(live: Live, item: int) -> NDArray[np.float32]:
    scores = np.zeros(live.num_items, np.float32)
    if item < live.index.num_items:
        items = live.index.crowd_items[item]
        kept = items != MISSING
        scores[items[kept]] = live.index.crowd_scores[item, kept]
    return scores
