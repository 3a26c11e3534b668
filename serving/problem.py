"""Every error of the API as problem+json (RFC 9457): type, title, status, detail, valid, remedy."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from graph.errors import InterlaceError

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("interlace.api")
_RETRY_AFTER: Mapping[int, str] = {HTTPStatus.SERVICE_UNAVAILABLE: "5", HTTPStatus.TOO_MANY_REQUESTS: "1"}


class Problem(BaseModel):
    """What went wrong, what would have been valid, and what to do."""

    type: str = Field(description="address of the error's kind", examples=["/problems/not-found"])
    title: str = Field(description="the error's kind in words", examples=["Not found"])
    status: int = Field(description="HTTP status", examples=[404])
    detail: str = Field(description="names the bad value", examples=["no user 'movielens:0'"])
    valid: str = Field("", description="what would have been accepted", examples=["one of 943 ids (platform:native)"])
    remedy: str = Field("", description="what to do", examples=["GET /v1/users?query=… finds users"])


def problem(status: int, title: str, detail: str, valid: str = "", remedy: str = "") -> Response:
    """The answer for one error."""
    body = {"type": _kind(title), "title": title, "status": status, "detail": detail, "valid": valid, "remedy": remedy}
    headers = {"Retry-After": _RETRY_AFTER[status]} if status in _RETRY_AFTER else None
    return Response(orjson.dumps(body), status, headers=headers, media_type=MEDIA_TYPE)


def problem_of(error: InterlaceError) -> Response:
    """The answer that says this error."""
    return problem(error.status, error.title, error.what, error.valid, error.remedy)


def as_problem(error: InterlaceError) -> dict[str, Any]:
    """The members of the problem that an error is."""
    return {
        "type": _kind(error.title),
        "title": error.title,
        "status": error.status,
        "detail": error.what,
        "valid": error.valid,
        "remedy": error.remedy,
    }


def _kind(title: str) -> str:
    return f"/problems/{title.lower().replace(' ', '-')}"


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` entry of a route for the problems it may answer with."""
    return {status: _documentation(status) for status in statuses}


def _documentation(status: int) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    example = {
        "type": _kind(title),
        "title": title,
        "status": status,
        **_EXAMPLES.get(status, {"detail": title, "valid": "", "remedy": ""}),
    }
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": title, "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}


_EXAMPLES: Mapping[int, Mapping[str, str]] = {
    404: {
        "detail": "no user 'movielens:0'",
        "valid": "one of 943 ids (platform:native), for example 'movielens:1'",
        "remedy": "GET /v1/users?query=… finds users",
    },
    422: {
        "detail": "query n: '0' (Input should be greater than or equal to 1)",
        "valid": "see /v1/openapi.json",
        "remedy": "mend the request",
    },
    504: {
        "detail": "the request was not answered within 30 s",
        "valid": "less work, or more time (X-Request-Timeout, up to INTERLACE_REQUEST_SECONDS)",
        "remedy": "ask for less, or try again",
    },
    503: {
        "detail": "the graph store at 'bolt://db:7687' cannot be reached",
        "valid": "a running store",
        "remedy": "start it, then try again",
    },
}


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem."""
    app.add_exception_handler(InterlaceError, _on_interlace_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_bug)


async def _on_interlace_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, InterlaceError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # The route, not the address: that may name a user.
        log.warning("%s %s: %s", request.method, getattr(request.scope.get("route"), "path", ""), error.what)
    return problem_of(error)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    detail = f"{request.method} {request.url.path}: {error.detail}"
    answer = problem(error.status_code, title, detail, "a path and method of /v1/openapi.json", "check the address")
    answer.headers.update(error.headers or {})
    return answer


async def _on_invalid_request(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = " ".join(str(part) for part in first["loc"])
    detail = f"{where}: {first.get('input')!r} ({first['msg']})"
    return problem(422, "Unprocessable Content", detail, "see /v1/openapi.json", "mend the request")


async def _on_bug(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the server logs the traceback
    detail = f"{request.method} {request.url.path} failed inside the server"
    remedy = "see the server's log; report it if it happens again"
    return problem(500, "Internal Server Error", detail, "", remedy)
