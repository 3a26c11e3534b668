"""`interlace rerank` as a person calls it, on a small dataset folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.cli.conftest import Interlace
from tests.training.rerank.shops import write_shop

WORDS = ("--first", "ease", "--ways", "mmr, calibration", "--candidates", "20", "--no-embed")


def test_one_object_for_programs_and_a_table_for_people(interlace: Interlace, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop")
    answer = interlace("rerank", shop, *WORDS, "--json")
    assert answer.code == 0
    assert [row["name"] for row in answer.json["rows"]] == ["first stage", "mmr", "calibration"]
    assert "re-ranking ease" in answer.err
    shown = interlace("rerank", shop, *WORDS).out
    assert "first stage: ease" in shown
    assert "calibration: " in shown
    assert "weight" in shown


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("nowhere",), "nowhere"),
        ((".", "--ways", "magic"), "magic"),
        ((".", "--first", "nobody"), "nobody"),
        ((".", "--candidates", "3"), "3 candidates"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(interlace: Interlace, words: tuple[str, ...], named: str) -> None:
    answer = interlace("rerank", *words)
    assert answer.code == 2
    assert named in answer.err
    assert "Remedy:" in answer.err
