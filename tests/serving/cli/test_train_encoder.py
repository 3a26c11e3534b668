"""`interlace train-encoder` as a person calls it, on a small folder of pictures and texts."""

from __future__ import annotations

import colorsys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from PIL import Image

from tests.serving.cli.conftest import Interlace

COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")


def write_pictures(folder: Path, items: int) -> Path:
    """Plain pictures and the names of their colours."""
    (folder / "pictures").mkdir(parents=True)
    lines = ["item,title,image"]
    for item in range(items):
        hue = item % len(COLOURS)
        shade = tuple(int(255 * part) for part in colorsys.hsv_to_rgb(hue / len(COLOURS), 0.9, 0.5 + item / items / 2))
        Image.new("RGB", (32, 32), shade).save(folder / "pictures" / f"{item}.png")
        lines.append(f"{item},A {COLOURS[hue]} thing number {item},pictures/{item}.png")
    (folder / "items.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "interactions.csv").write_text("user,item\nann,1\nann,2\n", encoding="utf-8")
    return folder


def test_a_catalogues_clip_is_kept_reported_and_tracked(interlace: Interlace, tmp_path: Path) -> None:
    shop = write_pictures(tmp_path / "shop", 120)
    answer = interlace("train-encoder", shop, "--epochs", "6", "--size", "32", "--json").json
    assert (answer["pairs"], answer["held_out"]) == (120, 12)
    assert len(answer["losses"]) <= 6
    assert answer["losses"][answer["epochs"] - 1] == min(answer["losses"])
    assert Path(answer["file"]).is_file()
    client = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("encoders")
    assert experiment is not None
    run = client.search_runs([experiment.experiment_id])[0]
    assert run.data.params["embedding_size"] == "32"
    assert run.data.metrics["test/after recall_at_10 image_to_text"] == answer["after"]["image_to_text"]
    shown = interlace("train-encoder", shop, "--epochs", "2", "--size", "32", "--no-track").out
    assert "text to image" in shown
    assert len(client.search_runs([experiment.experiment_id])) == 1


@pytest.mark.parametrize(("items", "named"), [(5, "5 items have both"), (0, "nowhere")])
def test_what_is_wrong_is_named_with_a_remedy(interlace: Interlace, tmp_path: Path, items: int, named: str) -> None:
    folder = write_pictures(tmp_path / "shop", items) if items else tmp_path / "nowhere"
    answer = interlace("train-encoder", folder)
    assert answer.code == 2
    assert named in answer.err
    assert "Remedy:" in answer.err
