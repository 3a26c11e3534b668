"""GET /v1/users and /v1/users/{id}: who there is and what they did."""

from __future__ import annotations

import math

import orjson
from fastapi import APIRouter, Request, Response

from graph.schema import KINDS
from graph.snapshot import NO_TIME
from serving.index import Index
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
    index = service_of(request).index
    found = index.user_names.search(query, limit)
    return json_response(b'{"users":%b}' % array(index.user_cards[place] for place in found))


@router.get(
    "/users/{id}",
    summary="A user and what they did",
    response_class=Response,
    responses=answer(UserPage, PAGE, 404, 409, 422),
)
def user_page(request: Request, user: UserId, limit: Limit = 50) -> Response:
    """The user's profile and their interactions, newest first."""
    index = service_of(request).index
    place = index.user(user)
    card = index.user_cards[place]
    return json_response(b'%b,"history":%b}' % (card[:-1], array(_history(index, place, limit))))


def _history(index: Index, place: int, limit: int) -> list[bytes]:
    span = index.history.rows.span(place)
    rows = slice(span.start, min(span.stop, span.start + limit))
    columns = (index.history.rows.columns, index.history.kind, index.history.value, index.history.time)
    return [_event(index, *row) for row in zip(*(column[rows].tolist() for column in columns), strict=True)]


def _event(index: Index, item: int, kind: int, value: float, at: int) -> bytes:
    facts = {
        "kind": KINDS[kind],
        "value": None if math.isnan(value) else value,
        "at": None if at == NO_TIME else at,
    }
    return b'{"item":%b,%b' % (index.item_cards[item], orjson.dumps(facts)[1:])
