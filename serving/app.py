"""The HTTP application: routes plus a lifespan. Nothing it imports may import torch or `training`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from serving import problem
from serving.middleware import Wrapped
from serving.openapi import Api
from serving.routes import (
    cypher,
    events,
    explanations,
    friends,
    graph,
    graph_schema,
    health,
    items,
    live,
    media,
    models,
    recommendations,
    refresh_runs,
    users,
)
from serving.routes.page import page_files
from serving.routes.reasons import warm_up
from serving.service import Service, has_store, make_service
from serving.settings import Settings

VERSION = "v1"
DESCRIPTION = """
Recommendations from a knowledge graph, with reasons that are paths in it.

Ids are `platform:native` and go percent-encoded into paths (`/` as `%2F`). Every error is `application/problem+json`
with `detail` (the bad value), `valid` (what would have been accepted) and `remedy` (what to do).
"""


def create_app(settings: Settings, service: Service | None = None) -> Wrapped:
    """The application for one worker. `service` is made from the settings when it is not given."""
    service = service or make_service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if has_store(settings):
            warm_up(service)
        yield
        await service.finish()
        service.close()

    app = Api(
        title="Interlace",
        version=VERSION,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    problem.install(app)
    app.include_router(_versioned(), prefix=f"/{VERSION}")
    app.include_router(health.router, include_in_schema=False)
    app.include_router(media.router)
    app.router.default = page_files()
    return Wrapped(app)


def _versioned() -> APIRouter:
    router = APIRouter()
    for module in (
        recommendations,
        users,
        explanations,
        items,
        live,
        events,
        friends,
        cypher,
        graph_schema,
        graph,
        models,
        refresh_runs,
        health,
    ):
        router.include_router(module.router)
    return router
