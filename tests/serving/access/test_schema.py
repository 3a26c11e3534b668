"""schemathesis over every operation of the OpenAPI: no answer of 5xx but documented ones, none that is undocumented.

A few examples an operation here; `INTERLACE_SCHEMA_EXAMPLES=300 pytest tests/serving/access/test_schema.py` for more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks

from graph.local_store import LocalStore
from graph.schema import ITEM, USER, Entity, Interaction
from serving.access.keys import KeyStore
from serving.app import create_app
from serving.gateway import Gateway
from serving.middleware import Wrapped
from serving.service import make_service
from serving.settings import Settings
from tests.serving.conftest import client
from tests.serving.live_api import stop_encoders

EXAMPLES = int(os.environ.get("INTERLACE_SCHEMA_EXAMPLES", "6"))
CHECKS = [
    checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance,
    checks.response_headers_conformance,
]  # fmt: skip
LONGEST_URL = 60_000
"""That httpx sends."""
EXPECTED_5XX = {501, 503, 504}
"""Documented: what this installation cannot do, or a store or encoder that does not answer."""
NOT_AS_ADMIN = {"POST /v1/refresh-runs"}
"""Would start a process that trains; `tests/serving/test_refresh_api.py` does."""


@pytest.fixture(scope="module")
def store(local_home: Path) -> Iterator[LocalStore]:
    store = LocalStore.open(local_home, database="schema")
    store.write(
        [Entity(USER, "p:u01", {"platform": "p"}), Entity(ITEM, "p:i01", {"title": "Toy Story"})],
        interactions=[Interaction("p:u01", "p:i01", "liked", None, 5)],
    )
    yield store
    store.drop()
    store.close()


@pytest.fixture(scope="module")
def served(
    home: Path, store: LocalStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Wrapped, KeyStore]]:
    folder = tmp_path_factory.mktemp("schema")
    (folder / "index").symlink_to(home / "index")
    options = Settings(home=folder, store=store.url, require_keys=True)
    app = create_app(options, make_service(options, gateway=Gateway(lambda: store)))
    yield app, KeyStore(folder)
    app.api.state.service.encoders.close()
    app.api.state.access.close()
    stop_encoders(folder)


def operations(document: dict[str, Any]) -> list[str]:
    return [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]


ALL = operations(create_app(Settings(home=Path("nowhere"))).api.openapi())


def send(served: Wrapped, name: str, headers: dict[str, str], mode: GenerationMode, examples: int) -> set[int]:
    """Sends what schemathesis makes up, holds every answer to the document, and returns the statuses."""
    schema = schemathesis.openapi.from_dict(served.api.openapi())
    get = client(served)
    method, _, path = name.partition(" ")
    operation = schema[path][method]
    met = set()

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Case) -> None:
        sent = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
        assume(len(str(sent.url)) < LONGEST_URL)
        mine = {name: value for name, value in sent.headers.items() if name.lower() != "authorization"}
        answer = get(sent.url, str(sent.method), headers={**mine, **headers}, content=sent.body)
        met.add(answer.status_code)
        assert answer.status_code < 500 or answer.status_code in EXPECTED_5XX, answer.text
        case.validate_response(answer, checks=CHECKS)

    try:
        one()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "a valid request can be made"  # of some, no invalid one can
    return met


@pytest.mark.integration
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("name", ALL)
def test_every_answer_is_documented(served: tuple[Wrapped, KeyStore], name: str, mode: GenerationMode) -> None:
    app, keys = served
    role = "writer" if name in NOT_AS_ADMIN else "admin"
    _, key = keys.create(f"{name} {mode}", role)
    send(app, name, {"authorization": f"Bearer {key}"}, mode, EXAMPLES)


@pytest.mark.integration
@pytest.mark.parametrize("name", ALL)
def test_nobody_gets_in_whatever_they_send(served: tuple[Wrapped, KeyStore], name: str) -> None:
    from serving.access.caller import Role
    from serving.access.rules import RULES

    met = send(served[0], name, {}, GenerationMode.POSITIVE, 3)
    if RULES[name].needs is not Role.PUBLIC:
        assert met == {401}
