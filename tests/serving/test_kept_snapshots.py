from __future__ import annotations

import json
import os
from pathlib import Path

from serving.kept_snapshots import NEWEST, tidy_snapshots


def folders(home: Path, names: list[str]) -> None:
    for age, name in enumerate(names):
        folder = home / "snapshots" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        os.utime(folder, (age, age))


def test_what_nobody_needs_goes(tmp_path):
    names = ["old", "model", "index", "base", "older", *(f"new{number}" for number in range(NEWEST))]
    folders(tmp_path, names)
    (tmp_path / "index" / "v1").mkdir(parents=True)
    (tmp_path / "index" / "v1" / "manifest.json").write_text(json.dumps({"snapshot": "index"}))
    kept = tmp_path / "changes" / "kept"
    kept.mkdir(parents=True)
    record = {"snapshot": "base", "version": 1, "store": "local:x", "notes": {"mixed": [], "surplus": None}}
    (kept / "token.json").write_text(json.dumps(record))
    assert tidy_snapshots(tmp_path, ["model"]) == ["old", "older"]
    left = {path.name for path in (tmp_path / "snapshots").iterdir()}
    assert left == {"model", "index", "base", *names[-NEWEST:]}
    assert tidy_snapshots(tmp_path, ["model"]) == []


def test_a_home_without_snapshots_is_left_alone(tmp_path):
    assert tidy_snapshots(tmp_path, []) == []
    assert list(tmp_path.iterdir()) == []
