"""GET /v1/users and /v1/users/{id}: who there is and what they did."""

from __future__ import annotations

import math

import orjson
from fastapi import APIRouter, Request, Response

from graph.schema import KINDS
from graph.snapshot import NO_TIME
from serving.access.caller import caller_of
from serving.live import Live
from serving.render import array, json_response
from serving.routes.examples import ITEM, USER, answer
from serving.routes.parameters import Limit, Search, UserId
from serving.routes.schemas import UserPage, Users
from serving.service import service_of

router = APIRouter(tags=["users"])

PAGE = {**USER, "history": [{"item": dict(ITEM), "kind": "rated", "value": 5.0, "at": 881250949}]}


@router.get(
    "/users",
    summary="Find users",
    response_class=Response,
    responses=answer(Users, {"users": [dict(USER)]}, 404, 409, 422),
)
def users(request: Request, query: Search = "", limit: Limit = 20) -> Response:
    """Users whose id (or name) holds every word of `query`, by id."""
    index, caller = service_of(request).index, caller_of(request)
    most = index.num_users if caller.platform else limit
    sought = index.user_names.search(query, most)
    found = [place for place in sought if caller.sees(index.user_ids[place].decode())][:limit]
    return json_response(b'{"users":%b}' % array(index.user_cards[place] for place in found))


@router.get(
    "/users/{id}",
    summary="A user and what they did",
    response_class=Response,
    responses=answer(UserPage, PAGE, 404, 409, 422),
)
def user_page(request: Request, user: UserId, limit: Limit = 50) -> Response:
    """The user's profile and their interactions, newest first."""
    live = service_of(request).live
    place = live.index.user(user)
    card = live.index.user_cards[place]
    return json_response(b'%b,"history":%b}' % (card[:-1], array(_history(live, place, limit))))


def _history(live: Live, place: int, limit: int) -> list[bytes]:
    index = live.index
    span = index.history.rows.span(place)
    rows = slice(span.start, min(span.stop, span.start + limit))
    columns = (index.history.rows.columns, index.history.kind, index.history.value, index.history.time)
    events = zip(*(column[rows].tolist() for column in columns), strict=True)
    gone = set(live.gone.tolist())
    return [_event(live, *row) for row in events if row[0] not in gone]


def _event(live: Live, item: int, kind: int, value: float, at: int) -> bytes:
    facts = {
        "kind": KINDS[kind],
        "value": None if math.isnan(value) else value,
        "at": None if at == NO_TIME else at,
    }
    return b'{"item":%b,%b' % (live.card(item), orjson.dumps(facts)[1:])
