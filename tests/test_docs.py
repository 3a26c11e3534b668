"""The reference says what the program does: every command, option, setting and model, as of now."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.settings import Settings
from tools.reference import FOLDER, pages, plain
from training.zoo import ZOO


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", ["cli.md", "settings.md", "models.md"])
def test_the_reference_is_up_to_date(written: dict[str, str], name: str) -> None:
    path = Path(FOLDER) / name
    assert path.is_file(), "run: python -m tools.reference"
    assert path.read_text(encoding="utf-8") == written[name], "run: python -m tools.reference"


def test_every_model_and_its_settings_are_described(written: dict[str, str]) -> None:
    assert all(f"## {name}\n" in written["models.md"] for name in ZOO)
    assert "`embedding_size`" in written["models.md"]


def test_every_setting_is_described(written: dict[str, str]) -> None:
    for name, field in Settings.model_fields.items():
        assert f"| `INTERLACE_{name.upper()}` | {plain(field.description or '')} |" in written["settings.md"]


def test_every_command_has_options_and_examples(written: dict[str, str]) -> None:
    sections = written["cli.md"].split("\n## ")[1:]
    assert len(sections) >= 16
    for section in sections:
        assert "```\ninterlace " in section, section


def test_markup_is_gone(written: dict[str, str]) -> None:
    assert "[/]" not in written["cli.md"]
    assert "[cyan]" not in written["cli.md"]
