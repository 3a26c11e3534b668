"""What a caller that is bound to a platform or a user finds: the catalogue of its platform, and no other ids.

Routes ask `serving.service.service_of`, which gives such callers a service whose catalogue is narrowed; a route that
reads ids in its body calls `check_users` and `check_items` with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import numpy as np
from fastapi import Request

from serving.access.caller import Caller, caller_of
from serving.access.decide import out_of_reach
from serving.index import Index
from serving.inherit import Inherited
from serving.live import Live


class Holder(Protocol):
    """What gives the catalogue as it is now."""

    def get(self, index: Index) -> Live:
        """The catalogue over this index."""


class OnePlatform:
    """The catalogue of one platform: whatever lies elsewhere is gone. Cheap until the catalogue changes."""

    def __init__(self, holder: Holder, platform: str) -> None:
        self._holder = holder
        self._prefix = f"{platform}:"
        self._index: Index | None = None
        self._others = np.empty(0, np.int64)
        self._made: tuple[Live, Live] | None = None

    def get(self, index: Index) -> Live:
        live = self._holder.get(index)
        if self._made is None or self._made[0] is not live:
            self._made = live, self._narrowed(live)
        return self._made[1]

    def close(self) -> None:
        """Nothing of its own to close."""

    def _narrowed(self, live: Live) -> Live:
        if self._index is not live.index:
            prefix = self._prefix.encode()
            ids = live.index.item_ids
            places = [place for place in range(live.index.num_items) if not ids[place].startswith(prefix)]
            self._index, self._others = live.index, np.array(places, np.int64)
        kept = [place for place, one in enumerate(live.fresh) if one.id.startswith(self._prefix)]
        if not len(self._others) and len(kept) == len(live.fresh):
            return live
        gone = np.union1d(live.gone, self._others)
        others = set(self._others.tolist())
        return replace(
            live,
            fresh=tuple(live.fresh[place] for place in kept),
            changed={place: one for place, one in live.changed.items() if place not in others},
            gone=gone,
            sources=Inherited(live.sources.places[kept], live.sources.weights[kept]),
            has_source=live.has_source[kept],
        )


def check_items(request: Request, ids: Iterable[str]) -> None:
    """Raises `Refused` (403) for an item that the caller may not name, whether it exists or not."""
    caller = caller_of(request)
    if caller.platform and not all(map(caller.sees, ids)):
        raise out_of_reach(caller)


def check_users(request: Request, ids: Iterable[str]) -> None:
    """Raises `Refused` (403) for a user that the caller may not name, whether they exist or not."""
    caller = caller_of(request)
    if caller.bound and not all(may_name(caller, one) for one in ids):
        raise out_of_reach(caller)


def may_name(caller: Caller, user: str) -> bool:
    """Whether a user may be read or written."""
    return user == caller.user if caller.user else caller.sees(user)
