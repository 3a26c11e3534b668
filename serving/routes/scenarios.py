"""GET /v1/scenarios, and GET /v1/users/{id}/home: pages of shelves for one user."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from serving.brief import computed
from serving.live import Live
from serving.render import json_response
from serving.routes.examples import ITEM, MODEL, OTHER, answer
from serving.routes.parameters import UserId
from serving.routes.quick import Quick
from serving.routes.reasons import Lang, spoken
from serving.routes.schemas import Documented, Item, Model
from serving.routes.visits import visitor
from serving.scenarios.home import Row, home, render
from serving.scenarios.preset import Preset
from serving.service import Service, service_of

router = APIRouter(tags=["scenarios"], route_class=Quick)

TITLE = {"en": "Because you watched {item}", "zh": "因为你看过《{item}》"}
SCENARIOS = {"scenarios": [{
    "name": "video", "title": {"en": "Video", "zh": "视频"}, "own": False,
    "filters": {"country": "user", "age": "user"},
    "shelves": [{"source": "like-last", "title": TITLE, "n": 12}],
    "yaml": "title: {en: Video, zh: 视频}\nshelves:\n  - {title: because, source: like-last}\n",
}]}  # fmt: skip
HOME = {
    "user": "movielens:196", "scenario": "video", "title": "Video", "model": dict(MODEL),
    "shelves": [{"title": "Because you watched Toy Story", "source": "like-last", "attribute": {"label": "Genre",
                 "name": "Comedy"}, "item": dict(ITEM), "items": [{"rank": 1, "score": 0.93, "item": dict(OTHER),
                 "facts": {"price": 9.5, "currency": "EUR"}}]}],
}  # fmt: skip
Scenario = Annotated[
    str, Query(max_length=64, description="which page: a name of GET /v1/scenarios", examples=["video"])
]


class ScenarioShelf(Documented):
    """A row of a page, as it is defined. A title may have `{item}` or `{attribute}`."""

    source: str
    title: dict[str, str]
    n: int


class ScenarioInfo(Documented):
    """A scenario and its file. `own`: from the home folder, no shipped one."""

    name: str
    title: dict[str, str]
    own: bool
    filters: dict[str, Any] = Field(
        description="what every item of the page has to be, as in the file: `kinds`, `ranges` (property -> lowest and "
        "highest, null: open), `attributes`, `without`, `in_stock`, `country`, `age` (`user`: the user's own)"
    )
    shelves: list[ScenarioShelf]
    yaml: str


class ScenarioList(Documented):
    """The scenarios there are."""

    scenarios: list[ScenarioInfo]


class Placed(Documented):
    """An item of a shelf; `score` is its source's."""

    rank: int
    score: float
    item: Item
    facts: dict[str, str | float] = Field(
        description="what a card of it tells, each where it is known: `starts`, `ends`, `city`, `kilometres` from the "
        "user, `price`, `currency`, `published` (of articles and videos alone)"
    )


class AttributeName(Documented):
    """An attribute."""

    label: str
    name: str


class HomeShelf(Documented):
    """A row of a page. Its title speaks of `item` or `attribute`, where these are not null."""

    title: str
    source: str
    attribute: AttributeName | None
    item: Item | None
    items: list[Placed] = Field(description="best first; none that another shelf of the page shows")


class HomePage(Documented):
    """A page of shelves for one user; those with nothing to show are left out."""

    user: str
    scenario: str
    title: str
    model: Model
    shelves: list[HomeShelf]


@router.get(
    "/scenarios",
    summary="Which home pages there are",
    response_class=Response,
    responses=answer(ScenarioList, SCENARIOS, 422),
)
async def scenarios(request: Request) -> Response:
    """The shipped ones, and those of the home folder (`scenarios/NAME.yaml`), each with its YAML to read and copy."""
    found = [one.json() for one in service_of(request).scenarios.all().values()]
    return json_response(orjson.dumps({"scenarios": found}))


@router.get(
    "/users/{id}/home",
    summary="A home page for a user",
    response_class=Response,
    responses=answer(HomePage, HOME, 404, 409, 422),
)
async def user_home(request: Request, user: UserId, scenario: Scenario, lang: Lang = None) -> Response:
    """The shelves of a scenario, filled for the user. Filters and rules hold on every shelf; no item comes twice."""
    service = service_of(request)
    preset, live, language = service.scenarios.get(scenario), service.live, spoken(request, lang)
    rows = await computed(live.index, _rows, service, live, user, preset, language)
    for row in rows:
        service.observer.shown(live, user, row.shelf.source, row.items, row.scores)
    return json_response(render(live, user, preset, language, rows))


def _rows(service: Service, live: Live, user: str, preset: Preset, language: str) -> list[Row]:
    return home(visitor(service, live, user), preset, language)
