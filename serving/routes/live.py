"""What a catalogue and its people need before any refresh: new items, newcomers, search and labels."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response

from graph.errors import InvalidData
from serving.access.scope import check_items
from serving.asked_vectors import question, vectors_of
from serving.brief import computed
from serving.index import Index
from serving.inherit import Floats
from serving.items import MOST_FILE, delete_item, put_item
from serving.live import Live
from serving.newcomers import Asked, ForNewcomer, Newcomer, for_newcomer
from serving.observe.observer import NEWCOMER
from serving.problem import documented
from serving.render import NULL, array, json_response, ranked
from serving.routes import live_examples as examples
from serving.routes.bodies import body_of, decoded_file, parsed, takes
from serving.routes.examples import answer
from serving.routes.live_schemas import (
    ClassifyAnswer,
    ClassifyRequest,
    Filters,
    ItemAnswer,
    ItemRequest,
    NewcomerAnswer,
    NewcomerRequest,
    OnboardingAnswer,
    SearchAnswer,
    SearchRequest,
)
from serving.routes.parameters import ID_LENGTH, ItemId
from serving.routes.reasons import Lang, reasons_for_newcomer, spoken
from serving.scenarios.session import House
from serving.search import Wanted, search
from serving.service import Service, service_of
from serving.sessions import Session, Step

MOST_BYTES = 48 << 20
"""Of a body with a picture and a sound in base64."""

router = APIRouter()


@router.put(
    "/items/{id}",
    tags=["items"],
    summary="Put an item",
    response_class=Response,
    openapi_extra=takes(ItemRequest, examples.ITEM_REQUEST),
    responses=answer(ItemAnswer, examples.ITEM_ANSWER, 404, 409, 413, 422, 501, 503),
)
async def item_put(request: Request, item: ItemId) -> Response:
    """New, or as it is from now on. When this answers, the item is on disk, and searches and recommendations of every
    worker know it within a second, from its words, picture, sound and attributes; no model is trained. Files are sent
    as base64; the server fetches no address.
    """
    wish = parsed(await body_of(request, MOST_BYTES), ItemRequest, examples.VALID_ITEM)
    return json_response(orjson.dumps(await put_item(service_of(request), item, wish)))


@router.delete(
    "/items/{id}",
    tags=["items"],
    summary="Delete an item",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "it is gone from every answer"}, **documented(404, 409, 422, 503)},
)
async def item_delete(request: Request, item: ItemId) -> Response:
    """Gone from every answer of every worker within a second, and from the graph, with what people did with it."""
    await delete_item(service_of(request), item)
    return Response(status_code=204)


@router.post(
    "/recommendations",
    tags=["recommendations"],
    summary="Recommend to somebody new",
    response_class=Response,
    openapi_extra=takes(NewcomerRequest, examples.NEWCOMER_REQUEST),
    responses=answer(NewcomerAnswer, examples.NEWCOMER_ANSWER, 404, 409, 413, 422, 501, 503),
)
async def newcomer(
    request: Request,
    explain: Annotated[bool, Query(description="give the reason of each item, from the items they chose")] = False,
    lang: Lang = None,
) -> Response:
    """For a session, or a person of whom nothing is stored: from the items they chose, a sentence, a picture, a sound,
    a profile, in any combination; from nothing, what is popular. Nothing of it is kept. What they were shown and did
    not choose (`left`) says something, too. The order of the items counts: what comes after the newest ones, what is
    met beside them, and the model, by weights learned on validation.
    """
    service = service_of(request)
    wish = parsed(await body_of(request, MOST_BYTES), NewcomerRequest, examples.VALID_NEWCOMER)
    session = Session.of([Step(one) if isinstance(one, str) else Step(**dict(one)) for one in wish.items])
    check_items(request, (*session.liked, *session.turned_down, *wish.left, *wish.exclude))
    live = service.live
    vectors = await _vectors(service, live.index, wish)
    who = Newcomer(session.liked, session.turned_down, vectors, wish.profile, tuple(wish.left))
    found = await computed(live.index, _for_newcomer, service, live, who, wish)
    service.observer.named(len(session.liked) - len(found.unknown), len(found.unknown))
    service.observer.shown(live, "", NEWCOMER, found.items, found.scores)
    head = orjson.dumps({
        "model": {"name": live.index.model.name, "version": live.index.model.version},
        "sources": found.sources,
        "unknown": found.unknown,
    })  # fmt: skip
    if not explain:
        return json_response(b'%b,"items":%b}' % (head[:-1], ranked(live, found.items, found.scores)))
    reasons, missing = await reasons_for_newcomer(service, live, session.liked, found.items, spoken(request, lang))
    tail = b"" if missing is None else b',"reasons":' + missing
    return json_response(
        b'%b,"items":%b%b}' % (head[:-1], ranked(live, found.items, found.scores, reasons or [NULL] * wish.n), tail)
    )


def _for_newcomer(service: Service, live: Live, who: Newcomer, wish: NewcomerRequest) -> ForNewcomer:
    house = None
    if wish.scenario is not None:
        house = House.of(live, service.columns.get(live), service.scenarios.get(wish.scenario), wish.profile)
    asked = Asked(wish.n, tuple(wish.exclude), wanted(wish.filter), wish.diversity, house)
    return for_newcomer(live, who, asked)


@router.get(
    "/onboarding",
    tags=["recommendations"],
    summary="What to ask a newcomer about",
    response_class=Response,
    responses=answer(OnboardingAnswer, examples.ONBOARDING_ANSWER, 404, 409, 422),
)
def onboarding(
    request: Request,
    n: Annotated[int, Query(ge=1, le=100, description="how many items", examples=[12])] = 12,
    skip: Annotated[list[str] | None, Query(max_length=1000, description="item id that was shown already")] = None,
    by: Annotated[
        Literal["answers", "likings"],
        Query(description="answers: they look at n items; likings: until a few are chosen, however many it takes"),
    ] = "answers",
) -> Response:
    """Items that people know and on which tastes differ: which of them somebody likes tells most of the others.

    Give the chosen ones to `POST /v1/recommendations` as `items`, and those that were left as `left`."""
    live = service_of(request).live
    shown = {live.find(name[:ID_LENGTH]) for name in skip or ()} | set(live.gone.tolist())
    asked = (live.index.onboarding if by == "answers" else live.index.onboarding_likings).tolist()
    places = [place for place in asked if place not in shown][:n]
    return json_response(b'{"items":%b}' % array(live.card(place) for place in places))


@router.post(
    "/search",
    tags=["items"],
    summary="Search by meaning",
    response_class=Response,
    openapi_extra=takes(SearchRequest, examples.SEARCH_REQUEST),
    responses=answer(SearchAnswer, examples.SEARCH_ANSWER, 404, 409, 413, 422, 501, 503),
)
async def search_items(request: Request) -> Response:
    """Items near a sentence, a picture, a sound or other items, alone or together. Filters hold inside the search: n
    items come when n fit.
    """
    service = service_of(request)
    wish = parsed(await body_of(request, MOST_BYTES), SearchRequest, examples.VALID_SEARCH)
    check_items(request, wish.like)
    live = service.live
    vectors = await _vectors(service, live.index, wish)
    items, scores = await computed(
        live.index, search, live, list(vectors.items()), wish.n, like=wish.like, wanted=wanted(wish.filter)
    )
    return json_response(b'{"items":%b}' % ranked(live, items.tolist(), scores.tolist()))


@router.post(
    "/classify",
    tags=["items"],
    summary="Label a text, a picture or a sound",
    response_class=Response,
    openapi_extra=takes(ClassifyRequest, examples.CLASSIFY_REQUEST),
    responses=answer(ClassifyAnswer, examples.CLASSIFY_ANSWER, 404, 409, 413, 422, 501, 503),
)
async def classify(request: Request) -> Response:
    """How well labels fit a thing that nobody labelled: genres, moods, unsafe content, any words. Without labels, those
    that the catalogue was tagged with (`interlace tag`), with calibrated confidences.
    """
    service = service_of(request)
    wish = parsed(await body_of(request, MOST_BYTES), ClassifyRequest, examples.VALID_CLASSIFY)
    check_items(request, [] if wish.item is None else [wish.item])
    asked = question("classify", service.index, *_thing(service, wish))
    found = (await service.encoders.ask(asked)).head
    return json_response(orjson.dumps({**found, "labels": found["labels"][: wish.top]}))


def wanted(filters: Filters) -> Wanted:
    """The filter of a request. Raises `InvalidData` for years the wrong way round."""
    years = None if filters.years is None else (filters.years[0], filters.years[1])
    if years is not None and years[0] > years[1]:
        raise InvalidData(f"the years {filters.years}", valid="the first, then the last", remedy="turn them round")
    return Wanted(filters.kind, filters.platform, years, filters.attributes)


async def _vectors(service: Service, index: Index, wish: SearchRequest | NewcomerRequest) -> dict[str, Floats]:
    files = {name: decoded_file(name, getattr(wish, name), MOST_FILE[name]) for name in ("image", "audio")}
    text = (wish.text or "").strip()
    if not text and not any(files.values()):
        return {}
    return await vectors_of(service.encoders, index, {"text": text or None}, files)


def _thing(service: Service, wish: ClassifyRequest) -> tuple[dict[str, Any], dict[str, bytes | None]]:
    """What is judged: the head of the question, and its files or vectors."""
    head: dict[str, Any] = {"text": wish.text, "labels": None if wish.labels is None else _distinct(wish.labels)}
    files = {name: decoded_file(name, getattr(wish, name), MOST_FILE[name]) for name in ("image", "audio", "video")}
    if wish.item is None:
        if not (wish.text or "").strip() and not any(files.values()):
            raise InvalidData(
                "nothing to classify", valid="text, image, audio, video or item", remedy="give one of them"
            )
        return {**head, "skip": True}, files
    live = service.live
    place = live.item(wish.item)
    vectors = {name: live.vector(place, name) for name in sorted(live.index.vectors)}
    parts: dict[str, bytes | None] = {
        f"vector.{name}": one.tobytes() for name, one in vectors.items() if one is not None
    }
    if not parts:
        raise InvalidData(f"item {wish.item!r} has no vector", valid="an item with a text, a picture or a sound",
                          remedy="interlace encode, then publish again")  # fmt: skip
    return head, parts


def _distinct(labels: list[str]) -> list[str]:
    return list(dict.fromkeys(one.strip() for one in labels if one.strip()))
