"""The page's files as the server answers them: whole, compressed where asked for, and nothing else of the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import serving.page
from serving.routes.page import PageFiles, page_files

PAGE = Path(serving.page.__file__).parent
IMPORT = re.compile(r"^import\b[^;]*?from '\./([^']+)'", re.MULTILINE)


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = Starlette()
    app.router.default = page_files()
    return TestClient(app)


def first_modules() -> set[str]:
    """What `main.js` imports, and what that imports: all that the first view waits for."""
    found, left = set(), ["main.js"]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += IMPORT.findall((PAGE / "js" / name).read_text("utf-8"))
    return found


def test_every_module_of_the_first_view_is_asked_for_at_once() -> None:
    asked = re.findall(r'rel="modulepreload" href="js/([^"]+)"', (PAGE / "index.html").read_text("utf-8"))
    assert sorted({*asked, "main.js"}) == sorted(first_modules()), "index.html: one modulepreload for each import"


def test_one_style_sheet_holds_them_all(client: TestClient) -> None:
    styles = client.get("/css/all.css").text
    assert "@import" not in styles
    for file in PAGE.glob("css/*.css"):
        if file.name != "all.css":
            assert file.read_text("utf-8").strip() in styles, f"css/all.css does not import {file.name}"


def test_files_are_compressed_and_not_sent_twice(client: TestClient) -> None:
    packed, plain = (client.get("/", headers={"accept-encoding": one}) for one in ("gzip", "identity"))
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == (PAGE / "index.html").read_bytes()
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.headers["cache-control"] == "no-cache"
    again = client.get("/", headers={"if-none-match": packed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/__init__.py",
        "/../__init__.py",
        "/%2e%2e/app.py",
        "/nothing.js",
        "/js",
        "/.git",
        "/%00.js",
        "/" + "x" * 5000 + ".js",
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_only_reading_is_answered(client: TestClient) -> None:
    assert client.post("/js/main.js").status_code == 405
    assert client.head("/js/main.js").status_code == 200


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "all.css").write_text('@import "one.css";\n')
    (tmp_path / "one.css").write_text("a { color: red; }")
    app = Starlette()
    app.router.default = PageFiles(tmp_path)
    client = TestClient(app)
    assert client.get("/all.css").text == "a { color: red; }\n"
    (tmp_path / "one.css").write_text("a { color: green; }")
    assert client.get("/all.css").text == "a { color: green; }\n"
