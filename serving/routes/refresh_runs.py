"""GET and POST /v1/refresh-runs: what the last refreshes did, and starting one.

A refresh runs in a process of its own (`serving.refresh_start`); ask for its state until it is no longer `running`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from graph.errors import InvalidData, NotFound
from graph.store import GraphStore
from serving.problem import documented
from serving.refresh_lock import holder
from serving.refresh_runs import RunRecord, find, recent
from serving.refresh_start import check_step, going_on, start, unrecorded
from serving.render import json_response
from serving.routes.bodies import body_of
from serving.routes.examples import answer
from serving.routes.refresh_schemas import RUN, STARTED, RefreshRequest, RefreshRun, RefreshRuns, RefreshStarted
from serving.service import service_of
from serving.settings import Settings

router = APIRouter(tags=["refresh"])

DEADLINE_SECONDS = 30.0
MOST_BYTES = 4096
GONE = "the process ended before the run did"
Limit = Annotated[int, Query(ge=1, le=100, description="at most so many", examples=[20])]
RunId = Annotated[str, Path(alias="id", max_length=100, description="id of a run", examples=[RUN["id"]])]


@router.get(
    "/refresh-runs",
    summary="The last refreshes",
    response_class=Response,
    responses=answer(RefreshRuns, {"runs": [RUN]}, 422, 503),
)
async def refresh_runs(request: Request, limit: Limit = 20) -> Response:
    """What each run did, newest first, step by step: whether it was done or skipped, why, and how long it took."""
    service = service_of(request)
    runs = await service.gateway.run(lambda store: _recent(store, service.settings, limit), deadline=DEADLINE_SECONDS)
    return json_response(orjson.dumps({"runs": [_as_dict(run, service.settings) for run in runs]}))


@router.get(
    "/refresh-runs/{id}",
    summary="One refresh",
    response_class=Response,
    responses=answer(RefreshRun, RUN, 404, 422, 503),
)
async def refresh_run(request: Request, run: RunId) -> Response:
    """Its state now. A run that was asked for a moment ago is `running` before its first step shows."""
    service = service_of(request)
    found = await service.gateway.run(lambda store: _find(store, service.settings, run), deadline=DEADLINE_SECONDS)
    return json_response(orjson.dumps(_as_dict(found, service.settings)))


@router.post(
    "/refresh-runs",
    status_code=202,
    summary="Start a refresh",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": RefreshRequest.model_json_schema(), "example": {"full": False}}},
        }
    },
    responses={
        202: {
            "model": RefreshStarted,
            "description": RefreshStarted.__doc__,
            "content": {"application/json": {"example": STARTED}},
            "headers": {"Location": {"description": "where the run's state is", "schema": {"type": "string"}}},
        },
        **documented(409, 413, 422, 501, 503),
    },
)
async def start_refresh(request: Request) -> Response:
    """Brings graph, vectors, models, index and what is written back up to date, in a process of its own.

    409 while another refresh of this graph goes on. What the process prints is in HOME/log/refresh-ID.log.
    """
    service = service_of(request)
    asked = await _asked(request)
    check_step(asked.only)
    other = await service.gateway.run(holder, deadline=DEADLINE_SECONDS)
    if other is not None:
        raise going_on(str(other))
    started = await run_in_threadpool(start, service.settings, full=asked.full, only=asked.only)
    location = f"/v1/refresh-runs/{started.run}"
    body = orjson.dumps({"id": started.run, "location": location})
    return Response(body, 202, media_type="application/json", headers={"Location": location})


async def _asked(request: Request) -> RefreshRequest:
    """The body. It must be declared as JSON: what a page of another site may send without asking is not."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidData(
            f"a refresh cannot be asked for as {request.headers.get('content-type', '')!r}",
            valid="Content-Type: application/json",
            remedy='send {} or {"full": true} as JSON',
        )
    body = await body_of(request, MOST_BYTES)
    try:
        return RefreshRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the body"
        raise InvalidData(
            f"{name}: {first['msg']}",
            valid=f"full (true or false) and only, in at most {MOST_BYTES} bytes",
            remedy="correct the body",
        ) from error


def _recent(store: GraphStore, settings: Settings, limit: int) -> list[RunRecord]:
    recorded = [_truthful(store, run) for run in recent(store, limit)]
    known = {run.id for run in recorded}
    others = [run for run in unrecorded(settings.home) if run.id not in known]
    # A run that is known to the files alone may be older than the last that was asked for, and then it has a node.
    others = [run for run in others if run.state == "running" or not store.query("refresh_run", {"id": run.id}).rows]
    return sorted([*recorded, *others], key=lambda run: -run.started)[:limit]


def _find(store: GraphStore, settings: Settings, run_id: str) -> RunRecord:
    try:
        return _truthful(store, find(store, run_id))
    except NotFound:
        for run in unrecorded(settings.home):
            if run.id == run_id:
                return run
        raise


def _truthful(store: GraphStore, run: RunRecord) -> RunRecord:
    """A run that was killed says `running` until the next one begins; nobody holding the lease tells."""
    if run.state != "running":
        return run
    now = holder(store)
    if now is not None and now.run == run.id:
        return run
    again = find(store, run.id)  # it may have ended between the two reads
    return replace(again, state="interrupted", error=GONE) if again.state == "running" else again


def _as_dict(run: RunRecord, settings: Settings) -> dict[str, Any]:
    found = run.as_dict()
    tracked = found.pop("mlflow_run")
    address = settings.mlflow_page or settings.mlflow
    page = (
        f"{address.rstrip('/')}/#/runs/{tracked}" if tracked and address.startswith(("http://", "https://")) else None
    )
    return {**found, "mlflow": page}
