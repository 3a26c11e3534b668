"""GET /v1/graph/{label}/{id}: a node of the graph and its neighbours, read from the store."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from graph.guard.hidden import Hidden
from graph.neighbourhood import neighbourhood
from serving.catalogue import dumps
from serving.policy import policy_of
from serving.render import json_response
from serving.routes.examples import answer
from serving.routes.parameters import Label, NodeId
from serving.routes.schemas import Neighbourhood
from serving.service import service_of

router = APIRouter(tags=["graph"])

DEADLINE_SECONDS = 10.0
Neighbours = Annotated[int, Query(ge=1, le=500, description="at most so many neighbours", examples=[50])]

EXAMPLE = {
    "nodes": [
        {"id": "movielens:1", "label": "Item", "title": "Toy Story", "properties": {"kind": "movie", "year": 1995}},
        {"id": "Genre:Animation", "label": "Genre", "title": "Animation", "properties": {"name": "Animation"}},
    ],
    "relationships": [
        {
            "source": "movielens:1",
            "source_label": "Item",
            "target": "Genre:Animation",
            "target_label": "Genre",
            "type": "HAS_GENRE",
            "properties": {},
        },
    ],
}


@router.get(
    "/graph/{label}/{id}",
    summary="A node and its neighbours",
    response_class=Response,
    responses=answer(Neighbourhood, EXAMPLE, 404, 422, 503),
)
async def graph_neighbourhood(request: Request, label: Label, node: NodeId, limit: Neighbours = 50) -> Response:
    """The node first, then up to `limit` neighbours, taken from each relationship type in turn.

    Embeddings are left out, and whatever is hidden (`INTERLACE_HIDDEN_PROPERTIES`, `INTERLACE_HIDDEN_LABELS`).
    """
    service = service_of(request)
    hidden = Hidden(policy_of(service.settings))
    found = await service.gateway.run(
        lambda store: neighbourhood(store, label, node, limit=limit, hidden=hidden), deadline=DEADLINE_SECONDS
    )
    return json_response(dumps(asdict(found)))
