"""GET /media/{folder}/{name}: images by content hash. Only names of that form are looked up, so no path can escape."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse

from graph.errors import NotFound
from serving.access.access import access_of
from serving.media_keys import is_media_key, media_type
from serving.problem import documented
from serving.service import service_of

router = APIRouter(tags=["media"])

FOREVER = "max-age=31536000, immutable"


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
    key = f"{folder}/{name}"
    path = service_of(request).settings.home / "media" / folder / name
    if not is_media_key(key) or not path.is_file():
        raise NotFound(
            f"no image {key!r}",
            valid="the `image` of an item, as GET /v1/items gives it",
            remedy="ingest the data with its images again",
        )
    access = access_of(request)
    shared = "public" if access.open or access.settings.open_media else "private"
    return FileResponse(path, media_type=media_type(name), headers={"Cache-Control": f"{shared}, {FOREVER}"})
