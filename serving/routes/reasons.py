"""Reasons for a list of recommendations, asked of the graph store within a deadline."""

from __future__ import annotations

import orjson

from graph.errors import InterlaceError, StoreUnavailable
from graph.explain import explain
from serving.live import Live
from serving.observe.record import REASONS, stage
from serving.recommend import Recommendations
from serving.render import NULL
from serving.service import Service

DEADLINE_SECONDS = 5.0
WARMING = 10


async def reasons_for(service: Service, live: Live, found: Recommendations) -> tuple[list[bytes] | None, bytes | None]:
    """The reason of each item as JSON, and None; or None and JSON that says why the store gave none."""
    ids = [live.id(item) for item in found.items]
    try:
        with stage(REASONS):
            given = await service.gateway.run(lambda store: explain(store, found.user, ids), deadline=DEADLINE_SECONDS)
    except StoreUnavailable as error:
        service.observer.degraded("store")
        return None, orjson.dumps({"title": error.title, "detail": error.what, "remedy": error.remedy})
    return [orjson.dumps(given[name].json()) if name in given else NULL for name in ids], None


def warm_up(service: Service) -> None:
    """Opens the store in the background and explains something, so that the first visitor does not wait for it."""
    try:
        index = service.index
    except InterlaceError:  # nothing published yet: the requests will say so
        service.gateway.warm(lambda _: None)
        return
    user = index.user_ids[0].decode() if index.num_users else ""
    items = [index.item_ids[item].decode() for item in index.popular[:WARMING].tolist()]
    service.gateway.warm(lambda store: explain(store, user, items))
