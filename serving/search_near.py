"""Search by vectors in a large catalogue: near ones by short codes, then their exact cosines, filters held inside.

Request path. Answers as `serving.search` and `serving.similar` do over all items, with the recall that was measured
when the index was published. While too few pass the filters it looks eight times farther; where that is a large part of
the catalogue it gives up, and all is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.candidates import Ranked
from serving.inherit import Floats
from serving.live import Live
from serving.rank import best

WIDTH = 1_000
"""Candidates whose cosines are computed first."""
WIDER = 8
LARGEST_SHARE = 8
"""All is scored instead of one in so many."""

Asked: TypeAlias = Sequence[tuple[str, Floats]]
"""Modality and unit vector of each thing that is asked for."""


def is_large(live: Live, modalities: Sequence[str]) -> bool:
    """Was one of these modalities published with a search."""
    return any(live.index.approximate.of(name) is not None for name in modalities)


def near(live: Live, asked: Asked, width: int) -> Ranked:
    """About `width` candidates for each modality, best first by the mean of their exact cosines."""
    found = [_candidates(live, name, vector, width) for name, vector in _by_modality(asked).items()]
    places = np.unique(np.concatenate([*found, np.fromiter(live.own, np.int64)])).astype(np.int64)
    return ranked_at(live, asked, places)


def ranked_at(live: Live, asked: Asked, places: NDArray[np.int64]) -> Ranked:
    """Those of `places` that have a vector, best first by the mean of their cosines."""
    scores, there = np.zeros(len(places), np.float32), np.zeros(len(places), np.bool_)
    for name, vector in _by_modality(asked).items():
        cosines, present = cosines_at(live, name, vector, places)
        scores += cosines
        there |= present
    scores /= np.float32(len(asked))
    scores[~there] = -np.inf
    order = best(scores, len(places))
    return places[order], scores[order]


def _by_modality(asked: Asked) -> dict[str, Floats]:
    """The sum of the vectors of each: the mean of cosines is one cosine with it, but for its length."""
    found: dict[str, Floats] = {}
    for name, vector in asked:
        found[name] = found[name] + vector if name in found else vector
    return found


def widths(live: Live, n: int) -> list[int]:
    """How many candidates to look at, one after the other, until n fit."""
    found, width = [], max(WIDTH, 4 * n)
    while width * LARGEST_SHARE <= live.index.num_items:
        found.append(width)
        width *= WIDER
    return found


def _candidates(live: Live, name: str, vector: Floats, width: int) -> NDArray[np.int64]:
    codes = live.index.approximate.of(name)
    if codes is not None:
        return codes.near(vector, width)
    scores, there = live.cosines(name, vector)
    scores[~there] = -np.inf
    return best(scores, width)


def cosines_at(
    live: Live, modality: str, vector: Floats, places: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.bool_]]:
    """`Live.cosines` of some positions alone."""
    table = live.index.vectors[modality]
    old = places < live.index.num_items
    scores, there = np.zeros(len(places), np.float32), np.zeros(len(places), np.bool_)
    scores[old] = table.unit[places[old]] @ vector
    there[old] = table.present[places[old]]
    for place in live.own:
        at = np.flatnonzero(places == place)
        mine = live.vector(place, modality)
        there[at] = mine is not None
        scores[at] = 0.0 if mine is None else mine @ vector
    there[live.hidden(places)] = False
    return scores, there
