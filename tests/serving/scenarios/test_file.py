"""Scenario files: the shipped ones are right, and a mistake is named with its file, line, value and what is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.errors import InvalidData, NotFound
from serving.scenarios.file import read_preset
from serving.scenarios.find import SHIPPED, Scenarios
from serving.scenarios.preset import TITLES

MISTAKES = {
    "shelves:\n  - {source: magic}\n": ("line 2", "'magic'", "for-you"),
    "title: Mine\nshelves:\n  - source: new\n    explore: 2\n": ("line 4", "2", "0 to 0.5"),
    "shelves:\n  - source: for-you\n    brand: Acme\n": ("line 3", "'brand'", "at_most"),
    "shelves:\n  - {source: popular, title: 'In {item}'}\n": ("line 2", "{item}", "no {…}"),
    "shelves:\n  - source: popular\n    ranges: {price: [9, 3]}\n": ("line 3", "[9, 3]", "lowest first"),
    "shelves:\n  - source: popular\n    at_most: {Brand: 0}\n": ("line 3", "0", "1 to 50"),
    "shelves:\n  - source: popular\n    recency: {property: year, half_life: long}\n": ("line 3", "'long'", "6h"),
    "shelves:\n  - source: popular\n    boost: [{attributes: {Brand: A}}]\n": ("line 3", "boost", "times: 2"),
    "shelves:\n  - {source: soon, taste: -1}\n": ("line 2", "-1", "a number from 0"),
    "shelves:\n  - {source: soon, days: 0}\n": ("line 2", "0", "above 0"),
    "shelves: []\n": ("line 1", "0 shelves", "1 to 20"),
    "title: Mine\n": ("line 1", "without shelves", "at least one"),
    "filters: {age: old}\nshelves: [{source: new}]\n": ("line 1", "'old'", "user"),
    "shelves:\n  - {source: new\n": ("line 3", "expected", "YAML"),
    "": ("line 1", "nothing", "shelves"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InvalidData) as caught:
        read_preset(path)
    line, value, valid = MISTAKES[text]
    assert f"mine.yaml, {line}:" in caught.value.what
    assert value in caught.value.what
    assert valid in (caught.value.valid or "")


def test_a_file_that_is_not_there_or_has_a_bad_name(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        read_preset(tmp_path / "none.yaml")
    with pytest.raises(InvalidData, match="'My Shop'"):
        read_preset(tmp_path / "My Shop.yaml")


def test_the_shipped_ones_are_few_lines_with_titles_in_both_languages(tmp_path: Path) -> None:
    found = Scenarios(tmp_path).all()
    assert list(found) == ["music", "news", "shop", "social", "video"]
    for name, preset in found.items():
        assert len((SHIPPED / f"{name}.yaml").read_text().splitlines()) <= 12
        assert not preset.own
        for shelf in preset.shelves:
            assert shelf.titles in TITLES.values()


def test_a_home_s_own_files_are_found_and_read_again_when_they_change(tmp_path: Path) -> None:
    scenarios = Scenarios(tmp_path)
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "mine.yaml").write_text("title: Mine\nshelves: [{source: popular, n: 3}]\n")
    assert scenarios.get("mine").shelves[0].n == 3
    assert scenarios.get("mine").own
    (folder / "mine.yaml").write_text("title: Mine\nshelves: [{source: popular, n: 33}]\n")
    assert scenarios.get("mine").shelves[0].n == 33
    (folder / "shop.yaml").write_text("title: Our shop\nshelves: [{source: new}]\n")
    assert scenarios.get("shop").titles["en"] == "Our shop"
    (folder / "shop.yaml").write_text("title: [")
    assert "shop" not in scenarios.all()
    with pytest.raises(InvalidData, match=r"shop\.yaml, line 1"):
        scenarios.get("shop")
    with pytest.raises(NotFound, match="no scenario 'none'"):
        scenarios.get("none")
