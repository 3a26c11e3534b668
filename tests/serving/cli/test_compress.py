"""`interlace compress` as a person calls it, on a small dataset folder."""

from __future__ import annotations

from pathlib import Path

from tests.serving.cli.conftest import Interlace
from tests.training.rerank.shops import write_shop


def test_one_object_for_programs_and_a_table_for_people(interlace: Interlace, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop")
    answer = interlace("compress", shop, "--json")
    assert answer.code == 0
    assert [row["form"] for row in answer.json["rows"]] == ["float32", "float16", "int8", "int6", "int4"]
    shown = interlace("compress", shop).out
    assert "times smaller" in shown
    assert "left out pq2" in shown


def test_what_is_wrong_is_named_with_a_remedy(interlace: Interlace, tmp_path: Path) -> None:
    answer = interlace("compress", write_shop(tmp_path / "shop"), "--model", "ease")
    assert answer.code == 2
    assert "no tables of factors" in answer.err
    assert "Remedy:" in answer.err
