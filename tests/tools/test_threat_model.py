"""The threat model promises nothing that no test shows; the picture of data flows is that of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tools.data_flow import KEPT, PAGE, files_named, page, part_of, users_of

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_threat_model_names_is_there() -> None:
    text = (ROOT / "docs" / "guide" / "threat-model.md").read_text()
    named = NAMED.findall(text)
    assert len(named) > 20
    assert [one for one in named if one[1] not in functions(ROOT / one[0])] == []
    rows = [line for line in text.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert [line for line in rows if not NAMED.search(line)] == [], "a row that no test shows"


def test_the_picture_is_that_of_the_code() -> None:
    assert PAGE.read_text() == page(), "run python -m tools.data_flow"


def test_every_file_is_explained_and_none_is_only_explained() -> None:
    assert files_named() == set(KEPT)


def test_parts_are_read_off_the_imports() -> None:
    assert part_of("serving.routes.users") == "server"
    assert part_of("serving.cli.consent") == "commands"
    assert {"refresh", "server"} <= users_of("serving.events")
