"""GET /v1/users, and /v1/users/{id}: who there is and what they did; put and deleted while the server runs."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from serving.access.caller import caller_of
from serving.access.scope import check_users
from serving.foldin import viewer
from serving.people import card, delete_user, find_users, history, put_user
from serving.problem import documented
from serving.render import array, json_response
from serving.routes import event_examples as examples
from serving.routes.bodies import body_of, parsed, takes
from serving.routes.event_schemas import UserAnswer, UserRequest
from serving.routes.examples import ITEM, USER, answer
from serving.routes.parameters import Limit, Search, UserId
from serving.routes.schemas import UserPage, Users
from serving.service import service_of

MOST_BYTES = 1 << 20
router = APIRouter(tags=["users"])

PAGE = {**USER, "history": [{"item": dict(ITEM), "kind": "rated", "value": 5.0, "at": 881250949}]}


@router.get(
    "/users",
    summary="Find users",
    response_class=Response,
    responses=answer(Users, {"users": [dict(USER)]}, 404, 409, 422),
)
def users(request: Request, query: Search = "", limit: Limit = 20) -> Response:
    """Users whose id (or name) holds every word of `query`: new ones first, then by id."""
    live, caller = service_of(request).live, caller_of(request)
    prefix = f"{caller.platform}:" if caller.platform else ""
    return json_response(b'{"users":%b}' % array(find_users(live, query, limit, prefix=prefix)))


@router.get(
    "/users/{id}",
    summary="A user and what they did",
    response_class=Response,
    responses=answer(UserPage, PAGE, 404, 409, 422),
)
def user_page(request: Request, user: UserId, limit: Limit = 50) -> Response:
    """The user's profile and their interactions, newest first, with what they did this moment."""
    live = service_of(request).live
    who = viewer(live, user)
    return json_response(b'%b,"history":%b}' % (card(live, who)[:-1], array(history(live, who, limit))))


@router.put(
    "/users/{id}",
    summary="Put a user",
    response_class=Response,
    openapi_extra=takes(UserRequest, examples.USER_REQUEST),
    responses=answer(UserAnswer, examples.USER_ANSWER, 404, 409, 413, 422, 503),
)
async def user_put(request: Request, user: UserId) -> Response:
    """New, or with these properties from now on: those left out stay, null removes one. Every worker knows them at
    its next request. (Users need not be put before `POST /v1/events` names them.)
    """
    wish = parsed(await body_of(request, MOST_BYTES), UserRequest, examples.VALID_USER)
    check_users(request, wish.blocked or ())
    return json_response(b'{"user":%b}' % await put_user(service_of(request), user, wish.properties, wish.blocked))


@router.delete(
    "/users/{id}",
    summary="Delete a user",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "they are gone from every answer"}, **documented(404, 409, 422, 503)},
)
async def user_delete(request: Request, user: UserId) -> Response:
    """Gone from every answer of every worker at its next request, and from the graph, with what they did. The models
    forget them at the next refresh.
    """
    await delete_user(service_of(request), user)
    return Response(status_code=204)
