"""`interlace tune`, `runs` and `train --settings` as a person calls them, on a small dataset folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from serving.cli.session import Session
from serving.cli.train import read_tuned
from serving.progress import open_reporter
from serving.settings import read_settings
from tests.serving.cli.conftest import Interlace
from tests.training.planted import planted_interactions


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    rows = planted_interactions()
    with (folder / "interactions.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("user", "item", "time"))
        out.writerows(zip(rows.user.tolist(), rows.item.tolist(), rows.time.tolist(), strict=True))
    return folder


@pytest.mark.slow
def test_tune_then_list_and_compare_its_trials(interlace: Interlace, shop: Path, tmp_path: Path) -> None:
    answer = interlace("tune", shop, "--model", "ease", "--trials", "3", "--json")
    found = answer.json
    assert answer.code == 0
    assert (found["study"], found["models"][0]["trials"], found["interrupted"]) == ("shop", 3, False)
    assert "tuning ease" in answer.err
    assert json.loads(Path(found["models"][0]["file"]).read_text())["settings"] == found["models"][0]["settings"]
    shown = interlace("tune", shop, "--model", "ease", "--trials", "3")
    assert "interlace train --model ease --settings shop" in shown.out

    assert [row["name"] for row in interlace("runs", "list", "--json").json["runs"]] == ["tune ease (shop)"]
    trials = interlace("runs", "list", "--nested", "--experiment", "shop", "--json").json["runs"]
    assert len(trials) == 4
    ids = [row["id"] for row in trials if row["parent"]]
    compared = interlace("runs", "compare", *ids[:2], "--json").json
    assert set(compared["params"]) == {"regularization", "user_power", "dropout"}
    assert set(compared["untested"]) == {ids[1]}, "trials are measured on validation, and keep no users"
    assert "regularization" in interlace("runs", "compare", *ids[:2]).out

    measured = interlace("bench", "top-n", shop, "--model", "ease", "--settings", "shop", "--no-embed", "--json").json
    assert [one["settings"] for one in measured["tried"]] == [found["models"][0]["settings"]]
    session = Session(read_settings({"home": tmp_path / ".interlace"}), True, open_reporter(plain=True), None)  # type: ignore[arg-type]
    assert read_tuned("shop", "ease", session) == found["models"][0]["settings"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("tune", "nowhere", "--model", "ease"), "nowhere"),
        (("tune", "shop", "--model", "nope"), "'nope'"),
        (("tune", "shop", "--model", "content-image", "--no-embed"), "content-image"),
        (("tune", "shop", "--model", "ease", "--study", "../x", "--no-embed"), "../x"),
        (("train", "--model", "ease", "--settings", "never"), "interlace tune"),
        (("bench", "top-n", "shop", "--settings", "shop"), "not of auto"),
        (("models", "promote", "1", "--guard", "speed=1"), "latency_ms"),
        (("runs", "compare", "aaaa", "bbbb"), "interlace runs list"),
    ],
)
def test_what_cannot_be_is_named_with_a_remedy(
    interlace: Interlace, shop: Path, words: tuple[str, ...], named: str
) -> None:
    answer = interlace(*words)
    assert answer.code == 2
    assert named in answer.err


def test_mlflows_own_variable_is_an_address_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERLACE_MLFLOW", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert read_settings({}).mlflow == "http://mlflow:5000"
    assert read_settings({"mlflow": "sqlite:///mine.db"}).mlflow == "sqlite:///mine.db"
    monkeypatch.setenv("INTERLACE_MLFLOW", "sqlite:///ours.db")
    assert read_settings({}).mlflow == "sqlite:///ours.db"
