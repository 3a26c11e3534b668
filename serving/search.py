"""The catalogue searched by meaning: items near a sentence, a picture, a sound or other items, filters held inside.

Request path: vectors come in ready-made (`serving.search_vectors` makes them), NumPy does the rest. With several
things asked for at once an item's score is the mean of its cosines to them; one that lacks a modality is near nothing
there. Filters are applied while the ranking is walked, so n items come back when n exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import InvalidData, NotFound, Unsupported
from serving.candidates import Ranked
from serving.index_files import MISSING
from serving.live import Live
from serving.rank import best
from serving.search_near import is_large, near, ranked_at, widths

STEP = 1_000
"""Items whose cards are read at once."""
FEW = 20_000
"""Items of a kind that are scored one and all, rather than searched for."""


@dataclass(frozen=True)
class Wanted:
    """Only items of this `kind` and `platform`, of a year in `years` (both included), with all these attributes: label
    -> value.
    """

    kind: str | None = None
    platform: str | None = None
    years: tuple[int, int] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def takes(self, card: Mapping[str, Any]) -> bool:
        """Does an item's card fit; words of attributes are compared whatever their case."""
        if self.kind is not None and card["kind"] != self.kind:
            return False
        if self.platform is not None and not card["id"].startswith(f"{self.platform}:"):
            return False
        if self.years is not None and not (card["year"] and self.years[0] <= card["year"] <= self.years[1]):
            return False
        return all(
            value.casefold() in (one.casefold() for one in card["attributes"].get(label, ()))
            for label, value in self.attributes.items()
        )


def search(
    live: Live,
    queries: Sequence[tuple[str, NDArray[np.float32]]],
    n: int,
    *,
    like: Sequence[str] = (),
    wanted: Wanted | None = None,
) -> Ranked:
    """The n items nearest to `queries` (modality, vector) and to the items `like` in every modality they have.

    Raises `InvalidData` where nothing is asked for, `Unsupported` for a modality that the index has no vectors of,
    `NotFound` for an unknown item.
    """
    asked = [*queries, *_of_items(live, like)]
    if not asked:
        raise InvalidData("nothing to search for", valid="words, a picture, a sound or an item", remedy="give one")
    found = _in_cells(live, asked, n, like, wanted or Wanted())
    if found is not None:
        return found
    cosines, present = zip(*(_cosines(live, modality, vector) for modality, vector in asked), strict=True)
    scores = np.asarray(np.sum(cosines, axis=0) / len(asked), np.float32)
    scores[~np.logical_or.reduce(present)] = -np.inf
    scores[[live.item(name) for name in like]] = -np.inf
    order = best_wanted(live, scores, n, wanted or Wanted())
    return order, scores[order]


def _in_cells(
    live: Live, asked: Sequence[tuple[str, NDArray[np.float32]]], n: int, like: Sequence[str], wanted: Wanted
) -> Ranked | None:
    """The same in a large catalogue, from candidates; None where exact search is quick or too few candidates fit."""
    if not is_large(live, [modality for modality, _ in asked]):
        return None
    queries = [(modality, _unit(live, modality, vector)) for modality, vector in asked]
    own = {live.item(name) for name in like}
    some = _of_kind(live, wanted.kind)
    for width in widths(live, n + len(own)) if some is None else (len(some),):
        places, scores = near(live, queries, width) if some is None else ranked_at(live, queries, some)
        fit = np.fromiter(islice(_places_fitting(live, places, own, wanted), n), np.int64)
        if len(fit) == n or some is not None:
            return places[fit], scores[fit]
    return None


def _of_kind(live: Live, kind: str | None) -> NDArray[np.int64] | None:
    """All items of a kind that few have: these are scored, and nothing is searched."""
    if kind is None:
        return None
    if kind not in live.kinds:
        return np.empty(0, np.int64)
    found = np.flatnonzero(live.item_kind == live.kinds.index(kind))
    return found if len(found) <= FEW else None


def _places_fitting(live: Live, places: NDArray[np.integer], own: set[int], wanted: Wanted) -> Iterator[int]:
    every = wanted == Wanted()
    for at, place in enumerate(places.tolist()):
        if place not in own and (every or wanted.takes(orjson.loads(live.card(place)))):
            yield at


def _of_items(live: Live, like: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for name in like:
        place = live.item(name)
        found = {modality: live.vector(place, modality) for modality in sorted(live.index.vectors)}
        there = {modality: vector for modality, vector in found.items() if vector is not None}
        if not there:
            raise NotFound(f"item {name!r} has no vector", valid="an item with a text, a picture or a sound",
                           remedy="interlace encode, then publish again")  # fmt: skip
        yield from there.items()


def _cosines(live: Live, modality: str, vector: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    return live.cosines(modality, _unit(live, modality, vector))


def _unit(live: Live, modality: str, vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vector, of length one. Raises `Unsupported` for one that the index has no vectors to compare with."""
    table = live.index.vectors.get(modality)
    if table is None or table.unit.shape[1] != len(vector):
        there = ", ".join(f"{name} ({one.unit.shape[1]} wide)" for name, one in sorted(live.index.vectors.items()))
        raise Unsupported(f"a search by {modality} with a vector {len(vector)} wide", valid=there or "nothing",
                          remedy="encode the items with that encoder (interlace encode) and publish again")  # fmt: skip
    norm = max(1e-12, float(np.linalg.norm(vector)))
    return np.asarray(vector / np.float32(norm), np.float32)


def best_wanted(live: Live, scores: NDArray[np.float32], n: int, wanted: Wanted) -> NDArray[np.int64]:
    """Positions of the n best items by these (num_items,) scores that are as `wanted`, best first."""
    if wanted == Wanted():
        return best(scores, n)
    if wanted.kind is not None:  # before anything is ranked: a kind may be rare
        code = live.kinds.index(wanted.kind) if wanted.kind in live.kinds else MISSING
        scores = np.where(live.item_kind == code, scores, np.float32(-np.inf))
    return np.fromiter(_fitting(live, scores, n, wanted), np.int64)


def _fitting(live: Live, scores: NDArray[np.float32], n: int, wanted: Wanted) -> Iterator[int]:
    order, found = best(scores, live.num_items), 0
    for start in range(0, len(order), STEP):
        for place in order[start : start + STEP].tolist():
            if wanted.takes(orjson.loads(live.card(place))):
                yield place
                found += 1
                if found == n:
                    return
