"""GET /v1/health and /v1/ready, also without /v1 for probes that expect them at the root."""

from __future__ import annotations

import asyncio

import orjson
from fastapi import APIRouter, Request, Response

from graph.errors import InterlaceError
from serving.degraded import degraded
from serving.problem import problem
from serving.render import json_response
from serving.routes.examples import MODEL, answer
from serving.routes.schemas import Health, Readiness
from serving.service import service_of

router = APIRouter(tags=["health"])

READY = {
    "ready": True,
    "index": "3f9a1c2b4d5e6f70",
    "model": dict(MODEL),
    "store": "failed",
    "breaker": "open",
    "warning": "",
    "degraded": [
        {
            "part": "store",
            "detail": "the graph store at 'bolt://db:7687' cannot be reached",
            "effect": "reasons are missing; recommendations come from the index",
        }
    ],
}


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
    responses=answer(Readiness, READY, 503),
)
async def ready(request: Request) -> Response:
    """200 when this worker can recommend; 503 with the reason when it is about to stop or has no index.

    A part that is down and without which answers are only poorer is named in `degraded`, with what is missing:
    `store`, `encoders`, `graph` (it does not hold the newest changes yet), `index` (a newer one cannot be opened).
    """
    service = service_of(request)
    if service.drain.begun:
        return problem(503, "Stopping", "this server is about to stop", "another server", "ask another one")
    try:
        index = service.index
    except InterlaceError as error:
        return problem(503, "Not ready", error.what, error.valid, error.remedy)
    trouble = service.holder.trouble
    body = {
        "ready": True,
        "index": index.version,
        "model": {"name": index.model.name, "version": index.model.version},
        "store": service.gateway.state,
        "breaker": service.gateway.breaker.state,
        "warning": trouble.what if trouble else "",
        "degraded": await asyncio.to_thread(degraded, service, index),
    }
    return json_response(orjson.dumps(body))
