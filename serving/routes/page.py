"""The web page at /: the files of `serving.page`, its Python files left out."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import serving.page as package


class PageFiles(StaticFiles):
    """Static files with `index.html` for /; what begins with `_` or `.` or is Python is not part of the page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if any(part.startswith(("_", ".")) and part != "." for part in Path(path).parts) or path.endswith(".py"):
            raise HTTPException(404, "Not Found")
        answer = await super().get_response(path, scope)
        answer.headers.setdefault("Cache-Control", "no-cache")
        return answer


def page_files() -> PageFiles:
    """The page as it ships in the package."""
    return PageFiles(directory=Path(package.__file__).parent, html=True)
