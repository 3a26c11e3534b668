"""GET /v1/users/{id}/friends: people a user may know."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from serving.access.caller import caller_of
from serving.acquaintances import Suggestion, people_you_may_know
from serving.foldin import viewer
from serving.live import Live
from serving.people import card
from serving.render import array, json_response
from serving.routes.examples import USER, answer
from serving.routes.parameters import UserId
from serving.routes.schemas import Documented, User
from serving.service import service_of

router = APIRouter(tags=["users"])

OTHER = {**USER, "id": "movielens:7"}
EXAMPLE = {
    "user": "movielens:196",
    "people": [
        {"rank": 1, "score": 2.31, "user": OTHER, "common_friends": 3, "taste": 0.42, "reason": "3 friends in common"}
    ],
}
MOST = 50
Few = Annotated[int, Query(ge=1, le=MOST, description="how many people", examples=[10])]


class Acquaintance(Documented):
    """Somebody the user may know."""

    rank: int
    score: float = Field(description="log-odds of a friendship")
    user: User
    common_friends: int = Field(description="friends of both, those left out who do not show their friends")
    taste: float = Field(description="how alike what both like is, 0 to 1")
    reason: str


class Acquaintances(Documented):
    """People a user may know, the likeliest first."""

    user: str
    people: list[Acquaintance]


@router.get(
    "/users/{id}/friends",
    summary="People you may know",
    response_class=Response,
    responses=answer(Acquaintances, EXAMPLE, 404, 409, 422, 501),
)
def friends(request: Request, user: UserId, n: Few = 10) -> Response:
    """By friends in common, the ways that lead from one to the other, and what both like. Never friends already, people
    who block one another, or people whose property `discoverable` is false.
    """
    live, caller = service_of(request).live, caller_of(request)
    found = people_you_may_know(live, user, MOST if caller.platform else n)
    found = [one for one in found if caller.sees(_name(live, one))][:n]
    rows = (_row(live, rank, one) for rank, one in enumerate(found, start=1))
    return json_response(b'{"user":%b,"people":%b}' % (orjson.dumps(user), array(rows)))


def _name(live: Live, one: Suggestion) -> str:
    return live.index.user_ids[one.place].decode("utf-8", "surrogatepass")


def _row(live: Live, rank: int, one: Suggestion) -> bytes:
    name = _name(live, one)
    told = {"common_friends": one.shared, "taste": round(one.taste, 4), "reason": one.reason}
    shown = card(live, viewer(live, name))
    return b'{"rank":%d,"score":%.6g,"user":%b,%b' % (rank, one.score, shown, orjson.dumps(told)[1:])
