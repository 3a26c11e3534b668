"""GET /v1/items, /v1/items/{id} and /v1/items/{id}/similar."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from serving.live import Live
from serving.render import array, json_response, ranked
from serving.routes.examples import ITEM, OTHER, answer
from serving.routes.parameters import Count, ItemId, Limit, Search
from serving.routes.quick import Quick
from serving.routes.schemas import ItemPage, Items, SimilarItems
from serving.service import service_of
from serving.similar import similar
from serving.similar_mix import LONGEST, parse_mix, scored_ways, similar_mixed

router = APIRouter(tags=["items"], route_class=Quick)

PAGE = {**ITEM, "text": "A cowboy doll is threatened by a new toy.", "properties": {"release_date": "01-Jan-1995"}}
SIMILAR = {
    "item": "movielens:1",
    "modality": "graph",
    "items": [{"rank": 1, "score": 0.71, "item": dict(OTHER)}],
}
Modality = Annotated[
    str,
    Query(
        max_length=32,
        description="text, image or audio (embeddings), graph (shared attributes), crowd (who liked both)",
        examples=["graph"],
    ),
]
Mix = Annotated[
    str | None,
    Query(
        max_length=LONGEST,
        description="several ways at once, weighed: NAME:WEIGHT,…, or `even` for all of them alike; `modality` is "
        "then left aside",
        examples=["text:0.5,image:0.3,graph:0.2"],
    ),
]


@router.get(
    "/items",
    summary="Find items",
    response_class=Response,
    responses=answer(Items, {"items": [dict(ITEM)]}, 404, 409, 422),
)
def items(request: Request, query: Search = "", limit: Limit = 20) -> Response:
    """Items whose title or id holds every word of `query` (case and accents do not matter), most popular first."""
    live = service_of(request).live
    return json_response(b'{"items":%b}' % array(live.card(place) for place in live.search_names(query, limit)))


@router.get(
    "/items/{id}",
    summary="An item",
    response_class=Response,
    responses=answer(ItemPage, PAGE, 404, 409, 422),
)
def item_page(request: Request, item: ItemId) -> Response:
    """Everything known of an item but its embeddings."""
    live = service_of(request).live
    return json_response(live.page(live.item(item)))


@router.get(
    "/items/{id}/similar",
    summary="Items like this one",
    response_class=Response,
    responses=answer(SimilarItems, SIMILAR, 404, 409, 422, 501),
)
def similar_items(
    request: Request, item: ItemId, modality: Modality = "graph", mix: Mix = None, n: Count = 10
) -> Response:
    """The most similar items, best first. By one modality, scores are cosines.

    With `mix`, each way's scores are standardised over the catalogue, weighed and added; the answer's `mix` has the
    weights that counted (a way this item has nothing for does not) and `ways` what this item can be compared by.
    """
    live = service_of(request).live
    place = live.item(item)
    if mix is not None:
        return _mixed(live, place, mix, n)
    order, scores = similar(live, place, modality, n)
    rows = ranked(live, order.tolist(), scores.tolist())
    return json_response(b'{"item":%b,"modality":%b,"items":%b}' % (orjson.dumps(item), orjson.dumps(modality), rows))


def _mixed(live: Live, place: int, mix: str, n: int) -> Response:
    weights, ways = parse_mix(live, mix), scored_ways(live, place)
    (order, scores), used = similar_mixed(live, place, weights, n, scored=ways)
    head = {"item": live.id(place), "modality": "mix", "mix": used, "ways": list(ways)}
    rows = ranked(live, order.tolist(), scores.tolist())
    return json_response(b'%b,"items":%b}' % (orjson.dumps(head)[:-1], rows))
