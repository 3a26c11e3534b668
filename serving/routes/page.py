"""The web page at /: the files of `serving.page`, its Python files left out.

A first visit asks for some forty small files at once, so they are answered from memory, compressed where the browser
takes it, and `css/all.css`, which imports the other style sheets, is answered with what it imports put in.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

import serving.page as package

IMPORT = re.compile(r'^@import "([\w-]+\.css)";$', re.MULTILINE)
TEXT = (".html", ".css", ".js", ".mjs", ".svg")
READ = ("GET", "HEAD")


@dataclass(frozen=True)
class Kept:
    """A file in memory. `stamps`: when it, and what it imports, were changed: it is read again after that."""

    stamps: tuple[int, ...]
    plain: bytes
    packed: bytes
    tag: str
    media_type: str


class PageFiles(StaticFiles):
    """Static files with `index.html` for /; what begins with `_` or `.` or is Python is not part of the page."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True)
        self._kept: dict[str, Kept] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        if any(part.startswith(("_", ".")) and part != "." for part in Path(path).parts) or path.endswith(".py"):
            raise HTTPException(404, "Not Found")
        file = self._text("index.html" if path == "." else path) if scope["method"] in READ else None
        if file is None:
            answer = await super().get_response(path, scope)
            answer.headers.setdefault("Cache-Control", "no-cache")
            return answer
        return _answer(self._read(file), Headers(scope=scope))

    def _text(self, path: str) -> Path | None:
        """The file that is answered from memory; None for any other, and for what no file can be named."""
        try:
            found = Path(self.lookup_path(path)[0])
            return found if found.suffix in TEXT and found.is_file() else None
        except (OSError, ValueError):  # too long a name, or a zero in it
            return None

    def _read(self, file: Path) -> Kept:
        kept = self._kept.get(str(file))
        stamps = tuple(one.stat().st_mtime_ns for one in _parts(file, kept))
        if kept is None or kept.stamps != stamps:
            kept = self._kept[str(file)] = _load(file)
        return kept


def page_files() -> PageFiles:
    """The page as it ships in the package."""
    return PageFiles(Path(package.__file__).parent)


def _parts(file: Path, kept: Kept | None) -> Iterator[Path]:
    """The file and the style sheets that it imports."""
    yield file
    if file.suffix == ".css" and (kept is None or len(kept.stamps) > 1):
        yield from (file.parent / name for name in IMPORT.findall(file.read_text("utf-8")))


def _load(file: Path) -> Kept:
    stamps = tuple(one.stat().st_mtime_ns for one in _parts(file, None))
    text = file.read_text("utf-8")
    if file.suffix == ".css":
        text = IMPORT.sub(lambda found: (file.parent / found[1]).read_text("utf-8"), text)
    plain = text.encode()
    media_type = "text/javascript" if file.suffix == ".mjs" else mimetypes.guess_type(file.name)[0] or "text/plain"
    tag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
    return Kept(stamps, plain, gzip.compress(plain, mtime=0), tag, media_type)


def _answer(kept: Kept, asked: Headers) -> Response:
    headers = {"Cache-Control": "no-cache", "ETag": kept.tag, "Vary": "Accept-Encoding"}
    if kept.tag in [tag.strip().removeprefix("W/") for tag in asked.get("if-none-match", "").split(",")]:
        return NotModifiedResponse(Headers(headers))
    if "gzip" in asked.get("accept-encoding", ""):
        return Response(kept.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=kept.media_type)
    return Response(kept.plain, headers=headers, media_type=kept.media_type)
