"""GET /v1/items/{id}/related."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from serving.related import RelatedWish, related
from serving.related_parts import RELATIONS, TOGETHER
from serving.render import json_response, ranked
from serving.routes.examples import ITEM, OTHER, answer
from serving.routes.parameters import ID_LENGTH, Count, ItemId
from serving.routes.quick import Quick
from serving.routes.reasons import Lang, spoken
from serving.routes.recommendations import Excluded, Kind
from serving.routes.schemas import RelatedItems
from serving.service import service_of

router = APIRouter(tags=["items"], route_class=Quick)

REASON = {
    "text": "At least 25 people have both close together; chance would give 3.1",
    "people": 25, "chance": 3.1, "likeness": None, "shared": {"Genre": ["Comedy"]},
}  # fmt: skip
EXAMPLE = {
    "item": ITEM["id"],
    "relation": TOGETHER,
    "items": [{"rank": 1, "score": 64.2, "item": dict(OTHER), "reason": REASON}],
}
Which = Annotated[
    str,
    Query(
        max_length=32,
        description="together (taken near each other, more often than by chance), complements (of these, what is of "
        "another category), alternatives (of the same category, alike, and not taken together)",
        examples=list(RELATIONS),
    ),
]


@router.get(
    "/items/{id}/related",
    summary="What is taken together with an item, instead of it, or beside it",
    response_class=Response,
    responses=answer(RelatedItems, EXAMPLE, 404, 409, 422, 501),
)
async def related_items(
    request: Request,
    item: ItemId,
    relation: Which = TOGETHER,
    n: Count = 10,
    kind: Kind = None,
    exclude: Excluded = None,
    lang: Lang = None,
) -> Response:
    """Items related to this one, best first, each with the facts that say why. 501 for a relation that the published
    index does not have: without attributes there are no categories, so no alternatives and no complements.
    """
    live, language = service_of(request).live, spoken(request, lang)
    wish = RelatedWish(relation, n, kind, tuple(name[:ID_LENGTH] for name in exclude or ()))
    found = related(live, live.item(item), wish)
    reasons = [orjson.dumps(one) for one in found.reasons(live, language)]
    rows = ranked(live, found.items, found.scores, reasons)
    return json_response(
        b'{"item":%b,"relation":%b,"items":%b}' % (orjson.dumps(item), orjson.dumps(relation), rows)
    )  # fmt: skip
