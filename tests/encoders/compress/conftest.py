"""A small catalogue whose texts the tiny BERT of `tests.encoders.tiny` tells apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.encoders.tiny import make_sentence_model

WORDS = [*"abcdefghijklmnopqrstuvwxyz", "film", "space", "love"]


def sentences(count: int) -> list[str]:
    drawn = np.random.default_rng(0)
    return [" ".join(drawn.choice(WORDS, size=drawn.integers(4, 20))) for _ in range(count)]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sentence_model(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """80 items with texts, and two who met some."""
    folder = tmp_path / "shop"
    folder.mkdir()
    rows = "".join(f"{place},{text}\n" for place, text in enumerate(sentences(80)))
    (folder / "items.csv").write_text(f"item,title\n{rows}", encoding="utf-8")
    met = "".join(f"{user},{item}\n" for user in range(8) for item in range(user, 80, 8))
    (folder / "interactions.csv").write_text(f"user,item\n{met}", encoding="utf-8")
    return folder
