"""POST /v1/playlists and /v1/radio, GET /v1/users/{id}/discovery: lists to be played one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.access.scope import check_items, check_users
from serving.live import Live
from serving.playlists.answer import discovery_json, playlist_json, radio_json
from serving.playlists.discovery import DIAL, WEEKLY, DiscoveryWish, discovery
from serving.playlists.make import playlist
from serving.playlists.radio import radio
from serving.playlists.transitions import Transitions
from serving.playlists.wish import MOST_ITEMS
from serving.render import json_response
from serving.routes.bodies import body_of, parsed, takes
from serving.routes.examples import MODEL, OTHER, answer
from serving.routes.parameters import UserId
from serving.routes.playlist_schemas import DiscoveryAnswer, PlaylistAnswer, PlaylistRequest, RadioAnswer, RadioRequest
from serving.routes.reasons import Lang, spoken
from serving.routes.visits import visitor
from serving.scenarios.visitor import Visitor
from serving.search import Wanted
from serving.service import Service, service_of

MOST_BYTES = 4 << 20
SOURCE, RADIO, WEEK = "playlist", "radio", "discovery"
VALID = '{"items": ["movielens:50"], "attributes": {"Genre": "Comedy"}, "n": 20}'
ASKED: dict[str, Any] = {"items": ["movielens:1"], "attributes": {"Genre": "Comedy"}, "n": 1}
WHY = {"kind": "asked", "text": "Genre: Comedy, as asked", "label": "Genre", "name": "Comedy", "item": "movielens:1"}
ENTRY: dict[str, Any] = {"rank": 1, "score": 3.2, "minutes": 90.0, "item": dict(OTHER), "why": [WHY], "follows": None}
ANSWERED: dict[str, Any] = {
    "name": "Comedy", "images": ["/media/8c/8c1b20f7aa.jpg"], "model": dict(MODEL), "complete": True, "minutes": 90.0,
    "tolerance": 0.05, "smoothness": {"ordered": 0.31, "unordered": 0.22}, "items": [ENTRY],
}  # fmt: skip
VALID_RADIO = '{"items": ["movielens:50"], "played": ["movielens:181"], "skipped": [], "liked": [], "n": 10}'
TUNED: dict[str, Any] = {"items": ["movielens:1"], "played": ["movielens:95"], "skipped": ["movielens:71"], "n": 1}
PLAYED: dict[str, Any] = {"model": dict(MODEL), "exhausted": False, "items": [ENTRY]}
WEEK_OF: dict[str, Any] = {
    "user": "movielens:196", "week": "2026-W48", "familiarity": 0.3, "familiar_share": 0.0, "model": dict(MODEL),
    "items": [{**ENTRY, "familiar": False}],
}  # fmt: skip
Familiarity = Annotated[
    float,
    Query(ge=0, le=1, description="0: nothing near what they know, to 1: half of it familiar", examples=[0.3]),
]
Few = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="how many items", examples=[30])]
Kind = Annotated[str | None, Query(max_length=64, description="only items of this kind", examples=["track"])]

Wish = TypeVar("Wish")
Made = TypeVar("Made")

router = APIRouter(tags=["playlists"])


@router.post(
    "/playlists",
    summary="A playlist from items, attributes, an artist or a user",
    response_class=Response,
    openapi_extra=takes(PlaylistRequest, ASKED),
    responses=answer(PlaylistAnswer, ANSWERED, 404, 409, 413, 422),
)
async def playlist_post(request: Request, lang: Lang = None) -> Response:
    """No item twice, no more than `at_most` of a name, neighbours alike, and why each entry is there. Nothing of it is
    kept.
    """
    service, language = service_of(request), spoken(request, lang)
    asked = parsed(await body_of(request, MOST_BYTES), PlaylistRequest, VALID)
    check_users(request, [] if asked.user is None else [asked.user])
    check_items(request, (*asked.items, *asked.exclude))
    live, wish = service.live, asked.wish()
    found = await _made(service, live, asked.user, playlist, wish)
    service.observer.shown(live, asked.user or "", SOURCE, found.items, found.scores)
    return json_response(orjson.dumps(playlist_json(live, wish, found, language)))


@router.post(
    "/radio",
    summary="What to play next",
    response_class=Response,
    openapi_extra=takes(RadioRequest, TUNED),
    responses=answer(RadioAnswer, PLAYED, 404, 409, 413, 422),
)
async def radio_post(request: Request, lang: Lang = None) -> Response:
    """Endless: ask again with what was played, skipped and liked, which the next answer obeys. Nothing that was played
    comes again, and nothing of it is kept.
    """
    service, language = service_of(request), spoken(request, lang)
    asked = parsed(await body_of(request, MOST_BYTES), RadioRequest, VALID_RADIO)
    check_users(request, [] if asked.user is None else [asked.user])
    check_items(request, (*asked.items, *asked.played, *asked.skipped, *asked.liked))
    live = service.live
    found = await _made(service, live, asked.user, radio, asked.wish())
    service.observer.shown(live, asked.user or "", RADIO, found.items, found.scores)
    return json_response(orjson.dumps(radio_json(live, found, language)))


@router.get(
    "/users/{id}/discovery",
    summary="What to discover this week",
    response_class=Response,
    responses=answer(DiscoveryAnswer, WEEK_OF, 404, 409, 422),
)
async def discovery_get(
    request: Request,
    user: UserId,
    familiarity: Familiarity = DIAL,
    n: Few = WEEKLY,
    kind: Kind = None,
    lang: Lang = None,
) -> Response:
    """Mostly what the user does not know, the same from Monday to Sunday (UTC) while the index is the same."""
    service, language = service_of(request), spoken(request, lang)
    live, wish = service.live, DiscoveryWish(familiarity, n, Wanted(kind))
    found = await _made(service, live, user, discovery, wish)
    service.observer.shown(live, user, WEEK, found.items, found.scores)
    return json_response(orjson.dumps(discovery_json(live, user, wish, found, language)))


async def _made(
    service: Service, live: Live, user: str | None, make: Callable[[Visitor, Transitions, Wish], Made], wish: Wish
) -> Made:
    """What `make` gives for this user, in a thread."""
    return await run_in_threadpool(lambda: make(visitor(service, live, user), live.index.transitions, wish))
