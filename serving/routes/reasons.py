"""Reasons for a list of recommendations, asked of the graph store within a deadline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import orjson
from fastapi import Query, Request

from graph.errors import InterlaceError, StoreUnavailable
from graph.explain_words import language
from graph.store import GraphStore
from serving.corrections import Interest
from serving.foldin import Viewer, viewer
from serving.live import Live
from serving.observe.record import REASONS, stage
from serving.reasons import as_json
from serving.service import Service

DEADLINE_SECONDS = 5.0
WARMING = 10

Lang = Annotated[
    str | None,
    Query(
        max_length=8,
        description="language of the words: `en` or `zh`; left out, what `Accept-Language` says, else English",
        examples=["en"],
    ),
]


def spoken(request: Request, lang: str | None) -> str:
    """The language of an answer. Raises `InvalidData` for one that there is not."""
    return language(lang, request.headers.get("accept-language", ""))


async def reasons_for(
    service: Service, live: Live, who: Viewer, items: Sequence[int], lang: str, removed: Sequence[Interest] = ()
) -> tuple[list[bytes] | None, bytes | None]:
    """The reason of each item as JSON, and None; or None and JSON that says why the store gave none."""
    with stage(REASONS):
        told = service.reasoner.told_before(live, who, items, lang, removed)
    if told is not None:
        return told, None
    return await _asked(service, lambda store: service.reasoner.json_for_user(store, live, who, items, lang, removed))


async def reasons_for_newcomer(
    service: Service, live: Live, named: Sequence[str], items: Sequence[int], lang: str
) -> tuple[list[bytes] | None, bytes | None]:
    """The same for somebody who named some items."""

    def explain(store: GraphStore) -> list[bytes]:
        given = service.reasoner.for_newcomer(store, live, named, items, lang)
        return [as_json(one) for one in given]

    return await _asked(service, explain)


async def _asked(
    service: Service, work: Callable[[GraphStore], list[bytes]]
) -> tuple[list[bytes] | None, bytes | None]:
    try:
        with stage(REASONS):
            return await service.gateway.run(work, deadline=DEADLINE_SECONDS), None
    except StoreUnavailable as error:
        service.observer.degraded("store")
        return None, orjson.dumps({"title": error.title, "detail": error.what, "remedy": error.remedy})


def warm_up(service: Service) -> None:
    """Opens the store in the background and explains something, so that the first visitor does not wait for it."""
    try:
        live = service.live
    except InterlaceError:  # nothing published yet: the requests will say so
        service.gateway.warm(lambda _: None)
        return
    items = live.index.popular[:WARMING].tolist()

    def explain(store: GraphStore) -> None:
        if live.index.num_users:
            who = viewer(live, live.index.user_ids[0].decode())
            service.reasoner.for_user(store, live, who, items)

    service.gateway.warm(explain)
