"""What a home was filled from is remembered, and what has vanished or changed shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graph.errors import Conflict, NotFound
from serving.refresh_sources import FILE, Source, forget, remember, sources


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "interactions.csv").write_text("user,item\n1,2\n")
    return folder


def test_a_source_is_remembered_once_with_its_last_options(tmp_path: Path, shop: Path) -> None:
    assert sources(tmp_path) == ()
    remember(tmp_path, Source(shop, "shop"))
    remember(tmp_path, Source(shop, "other", format="folder"))
    remember(tmp_path, Source(shop, "shop", sync=True, posters=shop))
    assert [(one.platform, one.sync, one.posters) for one in sources(tmp_path)] == [
        ("shop", True, shop),
        ("other", False, None),
    ]


def test_sources_of_another_store_are_left_out(tmp_path: Path, shop: Path) -> None:
    remember(tmp_path, Source(shop, "a", store="bolt://one"))
    remember(tmp_path, Source(shop, "b", store="bolt://two"))
    remember(tmp_path, Source(shop, "c"))
    assert [one.platform for one in sources(tmp_path, "bolt://two")] == ["b", "c"]


def test_a_relative_path_is_kept_whole(tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    remember(tmp_path, Source(Path("shop"), "shop"))
    assert sources(tmp_path)[0].path == shop


def test_a_version_changes_with_any_file(tmp_path: Path, shop: Path) -> None:
    posters = tmp_path / "posters"
    posters.mkdir()
    source = Source(shop, "shop", posters=posters)
    first = source.version()
    assert source.version() == first
    (posters / "1.jpg").write_bytes(b"x")
    second = source.version()
    os.utime(shop / "interactions.csv", (1, 1))
    assert len({first, second, source.version()}) == 3


def test_a_single_file_can_be_a_source(shop: Path) -> None:
    source = Source(shop / "interactions.csv", "shop")
    first = source.version()
    (shop / "interactions.csv").write_text("user,item\n1,2\n3,4\n")
    assert source.version() != first


def test_a_vanished_source_is_named_with_the_remedy(tmp_path: Path, shop: Path) -> None:
    remember(tmp_path, Source(shop, "shop"))
    (shop / "interactions.csv").unlink()
    shop.rmdir()
    with pytest.raises(NotFound, match=r"shop.*--forget"):
        sources(tmp_path)[0].version()
    assert forget(tmp_path, shop)
    assert not forget(tmp_path, shop)
    assert sources(tmp_path) == ()


@pytest.mark.parametrize("text", ["{", '{"format": 9, "sources": []}', '{"format": 1, "sources": [{"x": 1}]}'])
def test_a_damaged_list_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(Conflict, match="cannot be read"):
        sources(tmp_path)
