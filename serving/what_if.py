"""What would be recommended to somebody who had not done this, or had done that: fold-in of another history.

Request path. Both lists are made by fold-in (`serving.rank.score` of nobody the model was fitted on), so that they
differ by the history alone. What is taken out of the history stays seen: it is not recommended in its own place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import InvalidData
from serving.candidates import all_scores, appeal
from serving.foldin import Viewer, personal
from serving.index_files import MISSING
from serving.live import Live
from serving.rank import best


@dataclass(frozen=True)
class WhatIf:
    """Positions and scores before and after, best first; `deeper`: the rank that each item of either list has in the
    other one, however deep.
    """

    user: str
    without: tuple[str, ...]
    also: tuple[str, ...]
    before: list[tuple[int, float]]
    after: list[tuple[int, float]]
    first_ranks: dict[int, int | None]
    last_ranks: dict[int, int | None]

    def json(self, live: Live) -> dict[str, Any]:
        """As the API gives it. A rank is null where the item cannot be recommended on that side."""
        cards = {item: orjson.loads(live.card(item)) for item, _ in (*self.before, *self.after)}
        then, now = ([item for item, _ in part] for part in (self.before, self.after))

        def ranked(part: list[tuple[int, float]]) -> list[dict[str, Any]]:
            return [{"rank": rank, "score": float(f"{score:.6g}"), "item": cards[item]}
                    for rank, (item, score) in enumerate(part, start=1)]  # fmt: skip

        def moved(items: list[int]) -> list[dict[str, Any]]:
            return [{"item": cards[item], "before": self.first_ranks[item], "after": self.last_ranks[item]}
                    for item in items]  # fmt: skip

        return {
            "user": self.user, "without": list(self.without), "with": list(self.also),
            "before": ranked(self.before), "after": ranked(self.after),
            "entered": moved([item for item in now if item not in then]),
            "left": moved([item for item in then if item not in now]),
            "moved": moved([item for item in now if item in then
                            and self.first_ranks[item] != self.last_ranks[item]]),
        }  # fmt: skip


def what_if(live: Live, user: str, n: int, *, without: Sequence[str] = (), also: Sequence[str] = ()) -> WhatIf:
    """The n best before and after. Raises `NotFound` for an unknown user or item, `InvalidData` for nothing to change,
    an item that is not in the history, or one too new for any model.
    """
    who = personal(live, user)
    out = _places(live, without)
    added = _places(live, also)
    if not out and not added:
        raise InvalidData("nothing to change", valid="items in `without` or `with`", remedy="name one")
    strange = [name for name, place in zip(without, out, strict=True) if place not in set(who.history.tolist())]
    if strange:
        raise InvalidData(f"{strange[0]!r} is not among what {user!r} liked", valid="an item of their history",
                          remedy="GET /v1/users/{id} shows it")  # fmt: skip
    new = [name for name, place in zip(also, added, strict=True) if place >= live.index.num_items]
    if new:
        raise InvalidData(f"{new[0]!r} is too new: no model knows it", valid="an item of the published index",
                          remedy="refresh, then ask again")  # fmt: skip
    changed = np.concatenate([who.history[~np.isin(who.history, out)], np.array(added, np.int32)]).astype(np.int32)
    first, last = _scores(live, who, who.history), _scores(live, who, changed)
    last[added] = -np.inf
    before, after = best(first, n), best(last, n)
    shown = sorted({*before.tolist(), *after.tolist()})
    return WhatIf(
        user, tuple(without), tuple(also), _pairs(before, first), _pairs(after, last),
        {item: _rank(first, item) for item in shown}, {item: _rank(last, item) for item in shown},
    )  # fmt: skip


def _places(live: Live, names: Sequence[str]) -> list[int]:
    return [live.item(name) for name in names]


def _scores(live: Live, who: Viewer, history: NDArray[np.int32]) -> NDArray[np.float32]:
    scores = all_scores(live, MISSING, history) if len(history) else appeal(live)
    who.exclude(live, scores)
    scores[live.gone] = -np.inf
    return scores


def _pairs(items: NDArray[np.int64], scores: NDArray[np.float32]) -> list[tuple[int, float]]:
    return list(zip(items.tolist(), scores[items].tolist(), strict=True))


def _rank(scores: NDArray[np.float32], item: int) -> int | None:
    """From 1, as `best` orders; None for what is excluded."""
    mine = scores[item]
    if not np.isfinite(mine):
        return None
    return 1 + int(np.count_nonzero(scores > mine)) + int(np.count_nonzero(scores[:item] == mine))
