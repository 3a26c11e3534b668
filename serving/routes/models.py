"""GET /v1/models: the versions that are published in the home folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from graph.errors import Conflict
from serving.index import FOLDER, MANIFEST, Index, read_manifest
from serving.render import json_response
from serving.routes.examples import answer
from serving.routes.schemas import Models
from serving.service import service_of

router = APIRouter(tags=["models"])

EXAMPLE = {"models": [{"name": "auto", "version": "3", "champion": True, "metrics": {"ndcg@10": 0.2511}}]}


@router.get(
    "/models",
    summary="Published models",
    response_class=Response,
    responses=answer(Models, EXAMPLE, 404, 409),
)
def models(request: Request) -> Response:
    """The models whose index is kept, the champion (the one that answers) first, then the newest."""
    service = service_of(request)
    index = service.index
    published = [_model(manifest, index) for manifest in _manifests(service.settings.home / FOLDER, index)]
    return json_response(orjson.dumps({"models": published}))


def _manifests(root: Path, index: Index) -> list[dict[str, Any]]:
    manifests = []
    for path in root.glob(f"[!.]*/{MANIFEST}"):
        with suppress(Conflict):  # made by another version of this program: nothing can answer from it
            manifests.append(read_manifest(path.parent))
    newest = sorted(manifests, key=lambda manifest: str(manifest["created"]), reverse=True)
    return sorted(newest, key=lambda manifest: manifest["version"] != index.version)


def _model(manifest: dict[str, Any], index: Index) -> dict[str, Any]:
    model = manifest["model"]
    champion = manifest["version"] == index.version
    return {"name": model["name"], "version": model["version"], "champion": champion, "metrics": model["metrics"]}
