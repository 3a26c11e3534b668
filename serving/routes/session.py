"""GET, POST and DELETE /v1/session: who a key is, and the page's cookie for pictures."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import Field

from serving.access.access import access_of
from serving.access.caller import Caller, caller_of
from serving.problem import documented
from serving.render import json_response
from serving.routes.examples import answer
from serving.routes.schemas import Documented

router = APIRouter(tags=["session"])


class Session(Documented):
    """Who sends the request, and what that caller may do."""

    caller: str = Field(description="id of the key, `oidc:SUBJECT`, or `local` where no key is needed")
    role: str = Field(description="reader, writer, admin, or user for a user's own token")
    platform: str | None = Field(description="the only platform it sees; null: all")
    user: str | None = Field(description="the only user it sees; null: all")


EXAMPLE = {"caller": "3f9a1c2b4d", "role": "user", "platform": "movielens", "user": "movielens:196"}


@router.get("/session", summary="Who am I", response_class=Response, responses=answer(Session, EXAMPLE))
async def session(request: Request) -> Response:
    """What the server takes this key or token for."""
    return json_response(_body(caller_of(request)))


@router.post("/session", summary="Sign in", response_class=Response, responses=answer(Session, EXAMPLE, 501))
async def sign_in(request: Request) -> Response:
    """As GET, with a cookie that lets a browser load pictures below /media for twelve hours, and nothing else."""
    caller = caller_of(request)
    response = json_response(_body(caller), {"Cache-Control": "no-store"})
    access = access_of(request)
    if access.required:
        cookies = access.cookies(make=True)
        assert cookies is not None
        response.headers["Set-Cookie"] = cookies.made(caller.name)
    return response


@router.delete(
    "/session",
    summary="Sign out",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "the cookie is taken away"}, **documented()},
)
async def sign_out(request: Request) -> Response:
    """Takes the cookie away. A key stays good until it is revoked: `interlace keys revoke`."""
    cookies = access_of(request).cookies()
    headers = {} if cookies is None else {"Set-Cookie": cookies.cleared()}
    return Response(status_code=204, headers=headers)


def _body(caller: Caller) -> bytes:
    role = "user" if caller.user else caller.role.word
    return orjson.dumps(
        {"caller": caller.name, "role": role, "platform": caller.platform or None, "user": caller.user or None}
    )
