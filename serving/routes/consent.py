"""GET and PUT /v1/users/{id}/consent: what a user agrees to, by purpose."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from graph.consent import PURPOSES
from graph.errors import InvalidData
from serving.access.scope import check_users
from serving.consent import marks_at
from serving.foldin import viewer
from serving.render import json_response
from serving.routes.bodies import body_of, parsed, takes
from serving.routes.examples import answer
from serving.routes.live_schemas import Asked
from serving.routes.parameters import UserId
from serving.routes.schemas import Documented
from serving.service import Service, service_of

MOST_BYTES = 1 << 16
VALID = '{"recommendation": false, "transfer": true, "explanation": null}'
ASKED: dict[str, Any] = {"transfer": False}
_GRANTED = {"granted": True, "by": "default", "at": None}
ANSWERED: dict[str, Any] = {
    "user": "movielens:196",
    "platform": "movielens",
    "consent": {
        "recommendation": _GRANTED,
        "transfer": {"granted": False, "by": "user", "at": 1_764_240_000},
        "explanation": _GRANTED,
    },
}
router = APIRouter(tags=["users"])

Word = Annotated[bool | None, Field(description="true: granted; false: withheld; null: what the default says")]


class ConsentRequest(Asked):
    """What a user says from now on; a purpose that is left out stays as it is."""

    recommendation: Word = None
    transfer: Word = None
    explanation: Word = None


class ConsentTo(Documented):
    """Whether one purpose is agreed to, and who says so."""

    granted: bool
    by: str = Field(description="`user`: said here; `data`: a property that a source brought; `default`: the setting")
    at: int | None = Field(None, description="when it was said here, Unix seconds")


class ConsentAnswer(Documented):
    """What a user agrees to at their platform."""

    user: str
    platform: str
    consent: dict[str, ConsentTo] = Field(
        description="`recommendation`: to learn from what they do; `transfer`: to carry it to their other accounts; "
        "`explanation`: to name them in reasons that others get"
    )


@router.get(
    "/users/{id}/consent",
    summary="What a user agrees to",
    response_class=Response,
    responses=answer(ConsentAnswer, ANSWERED, 404, 409, 422),
)
def consent_get(request: Request, user: UserId) -> Response:
    """By purpose, and who says so: the user, a source of data, or the default."""
    return _answer(service_of(request), user)


@router.put(
    "/users/{id}/consent",
    summary="Grant or withdraw consent",
    response_class=Response,
    openapi_extra=takes(ConsentRequest, ASKED),
    responses=answer(ConsentAnswer, ANSWERED, 404, 409, 413, 422, 503),
)
async def consent_put(request: Request, user: UserId) -> Response:
    """Counts from the next answer of every worker on, and for what is learned from the next refresh on. Who withdraws
    `recommendation` gets what is popular; what they did is kept, and counts again when they agree again.
    """
    check_users(request, [user])
    wish = parsed(await body_of(request, MOST_BYTES), ConsentRequest, VALID)
    words = {purpose: getattr(wish, purpose) for purpose in PURPOSES if purpose in wish.model_fields_set}
    if not words:
        raise InvalidData("no purpose", valid=VALID, remedy="name at least one purpose")
    service = service_of(request)
    viewer(service.live, user)
    await run_in_threadpool(service.consents.say, user, words)
    service.settler.soon()
    return _answer(service, user)


def _answer(service: Service, user: str) -> Response:
    live = service.live
    who = viewer(live, user)
    return json_response(orjson.dumps(service.consents.told(user, marks_at(live.index.consent, who.place))))
