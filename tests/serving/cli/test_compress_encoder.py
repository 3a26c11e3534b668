"""`interlace compress-encoder` as a person calls it, on a small catalogue and a tiny BERT."""

from __future__ import annotations

from pathlib import Path

from tests.encoders.compress.conftest import shop, tiny_bert
from tests.serving.cli.conftest import Interlace

__all__ = ["shop", "tiny_bert"]


def test_one_object_for_programs_and_a_table_for_people(interlace: Interlace, shop: Path, tiny_bert: Path) -> None:
    name = f"sentence-transformers:{tiny_bert}"
    options = ("--encoder", name, "--how", "prune", "--keep", "0.25", "--epochs", "1")
    answer = interlace("compress-encoder", shop, *options, "--json")
    assert answer.code == 0
    whole, small = answer.json["rows"]
    assert (whole["encoder"], small["encoder"]) == (name, answer.json["encoder"])
    assert set(small["downstream"]) == {"ndcg@10 content-text", "ndcg@10 ridge-text"}
    shown = interlace("compress-encoder", shop, *options).out
    assert "16 of 80 things held out" in shown
    assert "open it as sentence-transformers:" in shown


def test_what_is_wrong_is_named_with_a_remedy(interlace: Interlace, shop: Path) -> None:
    answer = interlace("compress-encoder", shop, "--how", "zip")
    assert answer.code == 2
    assert "no way 'zip'" in answer.err
    assert "Remedy:" in answer.err
