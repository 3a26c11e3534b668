"""What would change if; and a user's own profile, which they can correct."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator

from serving.access.scope import check_items, check_users
from serving.brief import computed
from serving.corrections import Corrections
from serving.foldin import personal, viewer
from serving.interests import profile
from serving.render import json_response
from serving.routes.bodies import body_of, parsed, takes
from serving.routes.examples import ITEM, OTHER, answer
from serving.routes.explanation_schemas import ProfileAnswer, WhatIfAnswer, WhatIfRequest
from serving.routes.parameters import UserId, decoded
from serving.routes.reasons import Lang, spoken
from serving.service import Service, service_of
from serving.what_if import what_if

MOST_BYTES = 4 << 20
VALID = '{"user": "movielens:196", "without": ["movielens:50"], "n": 10}'
ASKED: dict[str, Any] = {"user": "movielens:196", "without": ["movielens:50"], "n": 1}
_HORROR = {"label": "Genre", "name": "Horror", "shown": "genre: Horror"}
_RANKED = {"rank": 1, "score": 2.1}
ANSWERED: dict[str, Any] = {
    "user": "movielens:196", "without": ["movielens:50"], "with": [],
    "before": [{**_RANKED, "item": dict(ITEM)}], "after": [{**_RANKED, "item": dict(OTHER)}],
    "entered": [{"item": dict(OTHER), "before": 4, "after": 1}],
    "left": [{"item": dict(ITEM), "before": 1, "after": 12}], "moved": [],
}  # fmt: skip
PROFILE: dict[str, Any] = {
    "user": "movielens:196",
    "text": "You like above all Comedy (1.4 times as often as others). Left out at your wish: Horror.",
    "liked": 39,
    "interests": [{"label": "Genre", "name": "Comedy", "shown": "genre: Comedy", "share": 0.41, "others": 0.3,
                   "lift": 1.4}],
    "favourites": [dict(ITEM)], "years": {"first": 1986, "last": 1997}, "drift": {"more": [], "less": []},
    "removed": [_HORROR],
}  # fmt: skip
Label = Annotated[
    str,
    Path(max_length=128, description="label of the attribute", examples=["Genre"]),
    AfterValidator(decoded),
]
Name = Annotated[
    str,
    Path(max_length=512, description="name of the attribute, percent-encoded", examples=["Horror"]),
    AfterValidator(decoded),
]

router = APIRouter()


@router.post(
    "/explanations/what-if",
    tags=["recommendations"],
    summary="What would change without this, or with that",
    response_class=Response,
    openapi_extra=takes(WhatIfRequest, ASKED),
    responses=answer(WhatIfAnswer, ANSWERED, 404, 409, 413, 422),
)
async def what_if_route(request: Request) -> Response:
    """Recommendations for the user's history and for another one, both by fold-in, and the difference. What is left out
    of the history stays seen; nothing is stored.
    """
    live = service_of(request).live
    wish = parsed(await body_of(request, MOST_BYTES), WhatIfRequest, VALID)
    check_users(request, [wish.user])
    check_items(request, (*wish.without, *wish.also))
    found = await computed(live.index, what_if, live, wish.user, wish.n, without=wish.without, also=wish.also)
    return json_response(orjson.dumps(found.json(live)))


@router.get(
    "/users/{id}/profile",
    tags=["users"],
    summary="A user's own profile in words",
    response_class=Response,
    responses=answer(ProfileAnswer, PROFILE, 404, 409, 422),
)
def profile_get(request: Request, user: UserId, lang: Lang = None) -> Response:
    """What the user likes more than others do, their favourites, years, what changed lately, and what they removed."""
    return _profile(service_of(request), user, spoken(request, lang))


@router.delete(
    "/users/{id}/profile/interests/{label}/{name}",
    tags=["users"],
    summary="Remove an interest",
    response_class=Response,
    responses=answer(ProfileAnswer, PROFILE, 404, 409, 422),
)
def interest_delete(request: Request, user: UserId, label: Label, name: Name, lang: Lang = None) -> Response:
    """From the next answer of every worker on, items with this attribute are not recommended to the user, and what they
    did with such items does not count. PUT undoes it. Answers with the profile as it is now.
    """
    return _corrected(request, user, lang, lambda corrections: corrections.remove(user, (label, name)))


@router.put(
    "/users/{id}/profile/interests/{label}/{name}",
    tags=["users"],
    summary="Restore an interest",
    response_class=Response,
    responses=answer(ProfileAnswer, PROFILE, 404, 409, 422),
)
def interest_put(request: Request, user: UserId, label: Label, name: Name, lang: Lang = None) -> Response:
    """Undoes its removal: answers are what they were before. Answers with the profile as it is now."""
    return _corrected(request, user, lang, lambda corrections: corrections.restore(user, (label, name)))


def _corrected(request: Request, user: str, lang: str | None, change: Callable[[Corrections], None]) -> Response:
    """The profile after a change; a language or a user that there is not changes nothing."""
    service, spoke = service_of(request), spoken(request, lang)
    viewer(service.live, user)
    change(service.corrections)
    return _profile(service, user, spoke)


def _profile(service: Service, user: str, lang: str) -> Response:
    live = service.live
    found = profile(live, personal(live, user), service.population, service.corrections.of(user))
    return json_response(orjson.dumps(found.json(live, lang)))
