"""GET /media/{folder}/{name}: images by content hash. Only names of that form are looked up, so no path can escape."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse

from graph.errors import NotFound
from serving.problem import documented
from serving.service import service_of

router = APIRouter(tags=["media"])

TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif"}
FOLDER = re.compile(r"[0-9a-f]{2}")
NAME = re.compile(r"[0-9a-f]{6,128}\.[a-z]{3,4}")
FOREVER = "public, max-age=31536000, immutable"


@router.get(
    "/media/{folder}/{name}",
    summary="An image",
    response_class=FileResponse,
    responses={
        200: {"description": "The image.", "content": {"image/jpeg": {"example": "(bytes)"}}},
        **documented(404),
    },
)
def media(
    request: Request,
    folder: Annotated[str, Path(description="first two digits of the content hash", examples=["3f"])],
    name: Annotated[str, Path(description="content hash and ending", examples=["3fa9c1d2e4.jpg"])],
) -> Response:
    """The file below HOME/media. Content never changes under a name, so it may be cached for ever."""
    kind = TYPES.get(PurePosixPath(name).suffix)
    path = service_of(request).settings.home / "media" / folder / name
    if not kind or not FOLDER.fullmatch(folder) or not NAME.fullmatch(name) or not path.is_file():
        raise NotFound(
            f"no image {f'{folder}/{name}'!r}",
            valid="the `image` of an item, as GET /v1/items gives it",
            remedy="ingest the data with its images again",
        )
    return FileResponse(path, media_type=kind, headers={"Cache-Control": FOREVER})
