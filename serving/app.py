"""The HTTP application: routes plus a lifespan. Nothing it imports may import torch or `training`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from serving import problem
from serving.access.access import make_access
from serving.access.gate import Gate
from serving.access.start import start_access
from serving.middleware import Wrapped
from serving.observe.ticker import Ticker
from serving.observe.watch import Watch
from serving.openapi import Api
from serving.routes import (
    consent,
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
    metrics,
    models,
    playlists,
    recommendations,
    refresh_runs,
    related,
    scenarios,
    session,
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
    access = make_access(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await start_access(access)
        if has_store(settings):
            warm_up(service)
        service.later.soon()
        ticking = asyncio.create_task(Ticker(service).run())
        service.drain.install()
        yield
        ticking.cancel()
        await service.finish()
        service.close()
        access.close()

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
    app.state.access = access
    problem.install(app)
    app.include_router(_versioned(), prefix=f"/{VERSION}")
    for probes in (health, metrics):
        app.include_router(probes.router, include_in_schema=False)
    app.include_router(media.router)
    app.router.default = page_files()
    guarded = Gate(app, access)
    watch = Watch(guarded, service.observer, service.admission, service.drain, settings.request_seconds)
    return Wrapped(app, watch, tls=settings.behind_tls)


def _versioned() -> APIRouter:
    """All of them in one list, which is looked through at each request."""
    router = APIRouter()
    for module in (
        recommendations,
        scenarios,
        playlists,
        users,
        consent,
        explanations,
        items,
        related,
        live,
        events,
        friends,
        cypher,
        graph_schema,
        graph,
        models,
        refresh_runs,
        session,
        health,
        metrics,
    ):
        router.routes.extend(module.router.routes)
    return router
