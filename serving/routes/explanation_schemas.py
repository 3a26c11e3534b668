"""What the routes of what-if and of profiles take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serving.routes.live_schemas import MOST_ITEMS, Asked, Id, Ranked
from serving.routes.schemas import Documented, Item


class WhatIfRequest(Asked):
    """A user and what their history shall be without, or with."""

    user: Id
    without: Annotated[list[Id], Field(max_length=1_000)] = Field(default_factory=list, description="of their history")
    also: Annotated[list[Id], Field(max_length=1_000)] = Field(
        default_factory=list, alias="with", description="as if they had liked these last"
    )
    n: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 10


class Moved(Documented):
    """An item of either list; a rank is null where it cannot be recommended."""

    item: Item
    before: int | None
    after: int | None


class WhatIfAnswer(Documented):
    """Both lists, by fold-in of both histories; what entered, what left, and what changed its rank within."""

    user: str
    without: list[str]
    also: list[str] = Field(alias="with")
    before: list[Ranked]
    after: list[Ranked]
    entered: list[Moved]
    left: list[Moved]
    moved: list[Moved]


class InterestName(Documented):
    """An attribute; `shown` is in the language of the answer."""

    label: str
    name: str
    shown: str


class Interest(InterestName):
    """Share of the user's likings that have it, share of everybody's, and how many times that is."""

    share: float
    others: float
    lift: float | None


class Drift(Documented):
    """What the latest quarter has more and less of."""

    more: list[InterestName]
    less: list[InterestName]


class Years(Documented):
    """The middle eight tenths."""

    first: int
    last: int


class ProfileAnswer(Documented):
    """What is known of a user's taste, in words and in numbers."""

    user: str
    text: str
    liked: int
    interests: list[Interest]
    favourites: list[Item]
    years: Years | None
    drift: Drift
    removed: list[InterestName]
