"""Quick routes answer as FastAPI's own do, whatever is asked: the same values and the same errors."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.routes.quick import Quick

NAMES = ("n", "exclude", "deep", "kind", "explain", "odd")
VALUES = st.sampled_from(["3", "0", "x", "", "true", "no", "0.5", "2", "é", "-1", "1e3", " 4"])


def app(route_class: type[APIRoute]) -> FastAPI:
    router = APIRouter(route_class=route_class)

    @router.get("/{place}/things")
    async def things(
        request: Request,
        place: Annotated[int, Path(ge=1)],
        n: Annotated[int, Query(ge=1, le=5)] = 2,
        exclude: Annotated[list[str] | None, Query(max_length=2)] = None,
        depth: Annotated[float, Query(alias="deep", ge=0, le=1)] = 0.0,
        kind: str | None = None,
        explain: bool = False,
    ) -> Response:
        said: dict[str, Any] = {"place": place, "n": n, "exclude": exclude, "depth": depth, "kind": kind}
        return JSONResponse({**said, "explain": explain, "path": request.url.path})

    @router.get("/needed")
    async def needed(kind: str, n: int = 1) -> Response:
        return JSONResponse([kind, n])

    @router.get("/plain")
    async def plain(x_name: Annotated[str, Header()] = "nobody") -> str:
        return x_name

    whole = FastAPI()
    whole.include_router(router, prefix="/v1")
    return whole


@pytest.fixture(scope="module")
def clients() -> tuple[TestClient, TestClient]:
    return TestClient(app(Quick)), TestClient(app(APIRoute))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["1", "0", "x", "12"]), st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=5))
def test_answers_are_fastapis(clients: tuple[TestClient, TestClient], place: str, query: list[tuple[str, str]]) -> None:
    for path in (f"/v1/{place}/things", "/v1/needed"):
        quick, usual = (client.get(path, params=query) for client in clients)
        assert (quick.status_code, quick.json()) == (usual.status_code, usual.json())


def test_what_reads_more_than_the_address_is_left_to_fastapi(clients: tuple[TestClient, TestClient]) -> None:
    for client in clients:
        assert client.get("/v1/plain", headers={"X-Name": "ada"}).json() == "ada"


def test_the_documents_are_the_same(clients: tuple[TestClient, TestClient]) -> None:
    quick, usual = (client.get("/openapi.json").json() for client in clients)
    assert quick == usual
