"""GET /v1/users/{id}/recommendations: the hot path. Without `explain`, one list lookup and a join of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from serving.access.caller import caller_of
from serving.access.people import seen_by
from serving.brief import computed
from serving.corrections import Interest
from serving.foldin import Viewer
from serving.live import Live
from serving.recommend import Recommendations, Wish, at_hand, recommend
from serving.render import json_response, recommendations
from serving.routes.examples import MODEL, OTHER, REASON, answer
from serving.routes.parameters import ID_LENGTH, Count, UserId
from serving.routes.quick import Quick
from serving.routes.reasons import Lang, reasons_for, spoken
from serving.routes.schemas import RecommendationList
from serving.service import service_of

router = APIRouter(tags=["recommendations"], route_class=Quick)

EXAMPLE = {
    "user": "movielens:196",
    "model": dict(MODEL),
    "items": [
        {"rank": 1, "score": 0.93, "item": dict(OTHER), "reason": dict(REASON)},
    ],
}
Kind = Annotated[str | None, Query(max_length=64, description="only items of this kind", examples=["movie"])]
Excluded = Annotated[
    list[str] | None,
    Query(max_length=1000, description="item id not to recommend; may be given again", examples=[["movielens:50"]]),
]
Diversity = Annotated[
    float,
    Query(ge=0, le=1, description="0: the model's order; towards 1: items unlike each other (MMR)", examples=[0.3]),
]
Explain = Annotated[bool, Query(description="give the reason of each item, proved by a path in the graph")]


@router.get(
    "/users/{id}/recommendations",
    summary="What to show a user next",
    response_class=Response,
    responses=answer(RecommendationList, EXAMPLE, 404, 409, 422),
)
async def user_recommendations(
    request: Request,
    user: UserId,
    n: Count = 10,
    kind: Kind = None,
    exclude: Excluded = None,
    diversity: Diversity = 0.0,
    explain: Explain = False,
    lang: Lang = None,
) -> Response:
    """The items that the current model ranks highest for the user, seen items left out, best first.

    A user without a history gets what is popular; one in an experiment what their arm gives. With `explain=true`, when
    the graph store cannot be reached, reasons are null and `reasons` says why.
    """
    service = service_of(request)
    wish = Wish(
        user, n, kind, tuple(name[:ID_LENGTH] for name in exclude or ()), diversity, service.corrections.of(user)
    )
    turn = service.trials.turn(service.live, wish)
    live = turn.live
    found = at_hand(live, turn.wish, turn.who)
    if found is None:
        found = await computed(live.index, recommend, live, turn.wish, turn.who)
    found = await turn.end(found)
    service.observer.shown(live, user, found.source, found.items, found.scores)
    response = (
        await _explained(request, live, turn.who, found, lang, wish.removed)
        if explain
        else json_response(recommendations(live, found))
    )
    response.background = turn.after
    return response


async def _explained(
    request: Request, live: Live, who: Viewer, found: Recommendations, lang: str | None, removed: Sequence[Interest]
) -> Response:
    service, caller = service_of(request), caller_of(request)
    reasons, missing = await reasons_for(service, live, who, found.items, spoken(request, lang), removed)
    headers = {"X-Interlace-Reasons": "unavailable"} if missing is not None else None
    shown = None if reasons is None else seen_by(caller, reasons)
    return json_response(recommendations(live, found, shown, missing), headers)
