"""`interlace distill` as a person calls it, on a small dataset folder."""

from __future__ import annotations

from pathlib import Path

from tests.serving.cli.conftest import Interlace
from tests.training.rerank.shops import write_shop


def test_one_object_for_programs_and_a_table_for_people(interlace: Interlace, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop")
    options = ("--size", "4", "--epochs", "3")
    answer = interlace("distill", shop, *options, "--json")
    assert answer.code == 0
    assert [row["model"] for row in answer.json["rows"]] == ["ease", "distilled"]
    shown = interlace("distill", shop, *options, "--keep", tmp_path / "kept").out
    assert "times smaller" in shown
    assert "kept in" in shown
    assert (tmp_path / "kept" / "model.safetensors").is_file()


def test_what_is_wrong_is_named_with_a_remedy(interlace: Interlace, tmp_path: Path) -> None:
    answer = interlace("distill", write_shop(tmp_path / "shop"), "--teacher", "nobody")
    assert answer.code == 2
    assert "nobody" in answer.err
    assert "Remedy:" in answer.err
