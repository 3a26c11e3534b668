"""A short list in a new order, such that no item's judgement can do more than move that item, and not far.

A candidate at first-stage place r that is judged p in [0, 1] by itself has the key r + (reach / 2) (1 - 2 p); the list
is sorted by key. What is pinned keeps its place exactly. Whatever the judgements are, and whoever chose them:

- The order of any two other items does not depend on an item's judgement: their keys do not hold it.
- Nobody moves more than `reach` places. Keys lie within reach / 2 of places, so those less than r - reach stay ahead of
  r, those beyond r + reach stay behind; and pinned ones do not move, so the free places between are the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from graph.errors import InvalidData


def reorder(judged: Sequence[float | None], *, reach: int) -> list[int]:
    """First-stage places in their new order. `judged`: by first-stage place, None for an item that is pinned.

    Raises `InvalidData` for a judgement outside [0, 1] or a negative reach.
    """
    if reach < 0:
        raise InvalidData(f"a reach of {reach} places", valid="0 or more", remedy="mend INTERLACE_LANGUAGE_REACH")
    for one in judged:
        if one is not None and not 0 <= one <= 1:
            raise InvalidData(f"a judgement of {one}", valid="0 to 1", remedy="scale the provider's scores")
    free = [place for place, one in enumerate(judged) if one is not None]
    ordered = iter(sorted(free, key=lambda place: (place + reach / 2 * (1 - 2 * float(judged[place] or 0)), place)))
    return [place if one is None else next(ordered) for place, one in enumerate(judged)]
