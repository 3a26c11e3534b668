"""GET /v1/users, and /v1/users/{id}: who there is and what they did; put and deleted while the server runs."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from graph.store import GraphStore
from serving.access.caller import caller_of
from serving.access.scope import check_users
from serving.erasure.export import Export, exported, packed
from serving.erasure.record import receipt_of, still_open
from serving.foldin import viewer
from serving.people import card, delete_user, find_users, history, put_user
from serving.problem import documented
from serving.render import array, json_response
from serving.routes import event_examples as examples
from serving.routes.bodies import body_of, parsed, takes
from serving.routes.event_schemas import ErasureAnswer, UserAnswer, UserRequest
from serving.routes.examples import ITEM, USER, answer
from serving.routes.parameters import Limit, Search, UserId
from serving.routes.schemas import UserPage, Users
from serving.service import service_of

MOST_BYTES = 1 << 20
EXPORT_SECONDS = 60.0
GONE = {
    "description": "they are gone from every answer",
    "headers": {"Location": {"description": "the erasure, and its receipt", "schema": {"type": "string"}}},
}
EXPORTED = {
    "application/json": {"schema": {"type": "object"}, "example": examples.EXPORT},
    "application/zip": {"schema": {"type": "string", "format": "binary"}, "example": "PK…"},
}
ThisOne = Annotated[bool, Query(description="not the person's ids on other platforms")]
Form = Annotated[Literal["json", "zip"], Query(alias="format", description="one JSON object, or a zip with CSV too")]
ErasureId = Annotated[str, Path(alias="id", max_length=100, description="id of an erasure", examples=["20260101-a1b2"])]
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
    responses={204: GONE, **documented(404, 409, 422, 503)},
)
async def user_delete(request: Request, user: UserId, only_this_platform: ThisOne = False) -> Response:
    """Gone from every answer of every worker at its next request, with what they did. Everything else that is theirs
    (graph, models, index, files) is erased a while later, that of many people together: `GET /v1/erasures/{id}` gives
    the signed receipt then. The person's ids on other platforms go too, unless the caller sees one platform alone.
    """
    caller = caller_of(request)
    whole = not (only_this_platform or caller.bound)
    erasure = await delete_user(service_of(request), user, by=caller.name, whole=whole)
    return Response(status_code=204, headers={"Location": f"/v1/erasures/{erasure}"})


@router.get(
    "/users/{id}/export",
    summary="Everything about a user",
    response_class=Response,
    responses={
        200: {"description": "JSON, or a zip with JSON and CSV", "content": EXPORTED},
        **documented(404, 422, 503),
    },
)
async def user_export(request: Request, user: UserId, form: Form = "json") -> Response:
    """What this home and its graph hold of the user: properties, interactions, events, what was shown to them, and what
    was derived (recommendations, factors, links, profile) with the model or run that made it. Others' tokens see none.
    """
    service = service_of(request)
    home, cipher = service.settings.home, service.cipher

    def work(store: GraphStore) -> Export:
        return exported(home, user, store, cipher)

    found = await service.gateway.run(work, deadline=EXPORT_SECONDS, patient=True)
    if form == "zip":
        name = quote(f"{user}.zip", safe="")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(await run_in_threadpool(packed, found), media_type="application/zip", headers=headers)
    return json_response(orjson.dumps(found, default=str))


@router.get(
    "/erasures/{id}",
    summary="An erasure",
    response_class=Response,
    responses=answer(ErasureAnswer, examples.ERASURE, 404, 422),
)
def erasure_state(request: Request, erasure: ErasureId) -> Response:
    """How far it is, and the signed receipt once it is done: places, what was removed there, no id."""
    home = service_of(request).settings.home
    for one in still_open(home):
        if one.id == erasure:
            return json_response(orjson.dumps({"id": erasure, "state": "open", "done": sorted(one.done)}))
    receipt = receipt_of(home, erasure)
    done = sorted(one["place"] for one in receipt["places"])
    return json_response(orjson.dumps({"id": erasure, "state": "done", "done": done, "receipt": receipt}))
