"""Which impression a click or a purchase belongs to: the latest of the same item to the same user, within a window."""

from __future__ import annotations

import numpy as np

from training.online.log import Acts, Ints, Shown

WINDOW_SECONDS = 24 * 3600
"""How long after an impression a click or purchase still counts as its own."""


def latest(acts: Acts, shown: Shown, window: int | None = WINDOW_SECONDS) -> Ints:
    """(len(acts),) row of the impression in `shown`, -1 for none. `window` in seconds, to its last second; None: any.

    An impression in the very second of the act came before it. Several acts may belong to one impression.
    """
    count = len(shown)
    size = 1 + max((int(part.item.max()) for part in (acts, shown) if len(part)), default=0)
    key = np.concatenate([shown.user * size + shown.item, acts.user * size + acts.item])
    at = np.concatenate([shown.at, acts.at])
    is_act = np.arange(len(key)) >= count
    order = np.lexsort((is_act, at, key))
    place = np.where(is_act[order], -1, np.arange(len(order)))
    last = np.maximum.accumulate(place) if len(place) else place
    before = order[np.maximum(last, 0)]
    good = (last >= 0) & (key[before] == key[order])
    if window is not None:
        good &= at[order] - at[before] <= window
    found = np.full(len(acts), -1, np.int64)
    rows = is_act[order]
    found[order[rows] - count] = np.where(good, before, -1)[rows]
    return found
