"""GET /v1/health and /v1/ready, also without /v1 for probes that expect them at the root."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request, Response

from serving.render import json_response
from serving.routes.examples import MODEL, answer
from serving.routes.schemas import Health, Readiness
from serving.service import service_of

router = APIRouter(tags=["health"])

READY = {"ready": True, "index": "3f9a1c2b4d5e6f70", "model": dict(MODEL), "store": "open", "warning": ""}


@router.get(
    "/health",
    summary="Is the process alive",
    response_class=Response,
    responses=answer(Health, {"status": "ok"}),
)
async def health() -> Response:
    """200 as long as the process answers."""
    return json_response(b'{"status":"ok"}')


@router.get(
    "/ready",
    summary="Can it recommend",
    response_class=Response,
    responses=answer(Readiness, READY, 404, 409),
)
async def ready(request: Request) -> Response:
    """200 when an index is open; else the problem. `warning`: a newer index is damaged; else empty."""
    service = service_of(request)
    index = service.index
    trouble = service.holder.trouble
    body = {
        "ready": True,
        "index": index.version,
        "model": {"name": index.model.name, "version": index.model.version},
        "store": service.gateway.state,
        "warning": trouble.what if trouble else "",
    }
    return json_response(orjson.dumps(body))
