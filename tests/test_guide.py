"""README and guide say what is there: links lead somewhere, commands and routes exist, the tour's data is accepted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from graph.snapshot_read import read_folder
from serving.app import create_app
from serving.cli.main import build
from serving.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)[^)]*\)")
COMMAND = re.compile(r"(?:^|`)interlace ([a-z-]+)", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert [link for link in LINK.findall(text) if not (page.parent / link).exists() and link != "N-name.md"] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_merge_was_left_half_done(page: Path) -> None:
    assert re.findall(r"^(?:<{7}|>{7}|={7})(?: .*)?$", page.read_text(encoding="utf-8"), re.MULTILINE) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    app = build()
    known = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    assert set(COMMAND.findall(page.read_text(encoding="utf-8"))) <= known


def test_every_route_is_in_the_guide(tmp_path: Path) -> None:
    guide = (ROOT / "docs/guide/api.md").read_text(encoding="utf-8")
    paths = create_app(Settings(home=tmp_path)).api.openapi()["paths"]
    assert len(paths) >= 9
    assert [path for path in paths if f"{path}" not in guide] == []


def test_tour_writes_a_folder_that_is_accepted(tmp_path: Path) -> None:
    program = re.search(r"<<'PY'\n(.*?)\nPY\n", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert program is not None
    subprocess.run([sys.executable, "-c", program[1]], cwd=tmp_path, check=True)
    snapshot = read_folder(tmp_path / "shop").snapshot
    assert (len(snapshot.users), len(snapshot.items), len(snapshot.interactions)) == (80, 36, 960)
    assert len(snapshot.entities) == 3


def test_screenshots_are_small() -> None:
    assert all(image.stat().st_size < 400_000 for image in (ROOT / "docs/images").iterdir())
