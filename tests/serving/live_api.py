"""How tests of the API with a real encoder process ask it, and how they end that process."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import orjson
import psutil

from serving.encoder_client import ADDRESS, FOLDER
from serving.middleware import Wrapped

ITEM_BODY = {
    "title": "The Silent Orbit",
    "kind": "movie",
    "text": "a starship crew hears a signal from a dying planet",
    "year": 2030,
    "attributes": {"Genre": ["Space"]},
    "properties": {"runtime": 101},
}


def base(data: bytes) -> str:
    return base64.b64encode(data).decode()


def stop_encoders(home: Path) -> None:
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
        psutil.Process(orjson.loads((home / FOLDER / ADDRESS).read_bytes())["process"]).kill()


def send(app: Wrapped, method: str, path: str, body: Any = None) -> httpx.Response:
    """One request; what goes on after its answer has ended too when this returns."""

    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=90) as session:
            content = None if body is None else orjson.dumps(body)
            found = await session.request(method, path, content=content)
        await app.api.state.service.finish()
        return found

    return asyncio.run(one())


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["item"]["id"] for entry in answer.json()["items"]]


def themes(names: list[str]) -> list[str]:
    return [name[2:].rstrip("0123456789") for name in names]


def follows(app: Wrapped, path: str, method: str, answer: httpx.Response) -> None:
    document = send(app, "GET", "/v1/openapi.json").json()
    schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), {**schema, "components": document["components"]})
