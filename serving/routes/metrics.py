"""GET /v1/metrics, also /metrics: all workers' numbers for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from graph.errors import InterlaceError
from serving.index import Index
from serving.service import Service, service_of

router = APIRouter(tags=["health"])

EXAMPLE = """# HELP interlace_shown_items_total Items shown in recommendations, by candidate source.
# TYPE interlace_shown_items_total counter
interlace_shown_items_total{source="list"} 120.0
"""
TEXT = "text/plain"


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"description": "text exposition format", "content": {TEXT: {"example": EXAMPLE}}}},
)
def metrics(request: Request) -> Response:
    """Requests, stages, what is shown and how far it drifts, index, store and workers: of all workers, whichever
    answers.
    """
    service = service_of(request)
    content, media_type = service.observer.scrape(_index(service))
    return Response(content, media_type=media_type)


def _index(service: Service) -> Index | None:
    try:
        return service.index
    except InterlaceError:
        return None
