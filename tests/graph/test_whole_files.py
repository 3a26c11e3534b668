"""A file that is written is the old one or the new one, whatever happens on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graph.whole_files import write_json, write_whole


def test_makes_the_folder_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    write_json(path, {"é": [1]})
    write_json(path, {"é": [2]}, durable=True)
    assert path.read_text(encoding="utf-8") == '{"\\u00e9": [2]}'
    assert [one.name for one in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("durable", [True, False])
def test_a_failure_on_the_way_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    path = tmp_path / "a"
    write_whole(path, b"old")

    def fails(*_: object) -> None:
        assert path.read_bytes() == b"old"
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fails) if durable else monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, b"new", durable=durable)
    assert path.read_bytes() == b"old"
