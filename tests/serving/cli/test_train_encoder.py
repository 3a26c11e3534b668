"""`interlace train-encoder` as a person calls it, on a small folder of pictures and texts."""

from __future__ import annotations

import colorsys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from PIL import Image

from encoders.projected import base_of
from encoders.registry import open_encoder
from tests.encoders.tiny import make_clap, saved_sound, sound
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


def write_sounds(folder: Path, items: int) -> Path:
    """Chords, each of one of four kinds with a beat of its own, and the kind's name as an attribute."""
    (folder / "sounds").mkdir(parents=True)
    lines = ["item,title,audio,Genre[]"]
    for item in range(items):
        samples = sound(item, seconds=0.3) + 0.3 * sound(item % 4, seconds=0.3)
        (folder / "sounds" / f"{item}.wav").write_bytes(saved_sound(samples))
        lines.append(f"{item},Song {item},sounds/{item}.wav,{('waltz', 'march', 'tango', 'polka')[item % 4]}")
    (folder / "items.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "interactions.csv").write_text("user,item\nann,1\nann,2\n", encoding="utf-8")
    return folder


def test_sounds_and_their_words(interlace: Interlace, tmp_path: Path) -> None:
    folder = write_sounds(tmp_path / "music", 120)
    answer = interlace(
        "train-encoder", folder, "--pairs", "audio-tags", "--from", "Genre", "--epochs", "5", "--json"
    ).json
    assert (answer["pairs"], answer["items"], answer["held_out"]) == ("audio-tags", 120, 12)
    assert set(answer["after"]) == {"audio_to_text", "text_to_audio"}
    assert open_encoder(answer["opens"][0]).encode([saved_sound(sound(1))]).shape == (1, 64)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("encoders")
    assert experiment is not None
    run = client.search_runs([experiment.experiment_id])[0]
    assert run.data.params["pairs"] == "audio-tags"
    assert run.data.metrics["test/after recall_at_10 text_to_audio"] == answer["after"]["text_to_audio"]
    wrong = interlace("train-encoder", folder, "--pairs", "audio-tags", "--from", "Mood")
    assert wrong.code == 2
    assert "Mood" in wrong.err
    assert "Genre" in wrong.err


def test_a_clap_hears_what_is_paired(interlace: Interlace, tmp_path: Path) -> None:
    folder, hears = write_sounds(tmp_path / "music", 104), f"clap:{make_clap(tmp_path / 'clap')}"
    words = interlace(
        "train-encoder", folder, "--pairs", "audio-tags", "--audio", hears, "--epochs", "3", "--size", "16", "--json"
    ).json
    assert words["items"] == 104
    sounds, texts = (open_encoder(name, device="cpu") for name in words["opens"])
    assert base_of(Path(words["file"]), "audio") == hears
    heard, asked = sounds.encode([saved_sound(sound(1, seconds=0.3))]), texts.encode(["waltz"])
    assert heard.shape == asked.shape == (1, 16)
    likes = [f"u{user},{user % 4 + 4 * number}" for user in range(40) for number in range(26)]
    (folder / "interactions.csv").write_text("\n".join(["user,item", *likes]) + "\n", encoding="utf-8")
    liked = interlace(
        "train-encoder", folder, "--pairs", "liked-together", "--modality", "audio", "--audio", hears,
        "--epochs", "3", "--size", "16", "--json",
    ).json  # fmt: skip
    assert liked["opens"] == [f"catalogue-audio:{liked['file']}"]
    assert base_of(Path(liked["file"]), "audio") == hears


def write_liked(folder: Path) -> Path:
    """Twelve tastes of ten items each; ten people of each taste liked all of it."""
    folder.mkdir()
    kinds = [
        f"{word} {thing}" for word in ("garden", "kitchen", "office", "sport") for thing in ("tool", "toy", "book")
    ]
    items = [f"{kind * 10 + number},{name} number {number}" for kind, name in enumerate(kinds) for number in range(10)]
    (folder / "items.csv").write_text("\n".join(["item,title", *items]) + "\n", encoding="utf-8")
    likes = [f"u{user},{user % 12 * 10 + number}" for user in range(120) for number in range(10)]
    (folder / "interactions.csv").write_text("\n".join(["user,item", *likes]) + "\n", encoding="utf-8")
    return folder


def test_what_people_liked_together(interlace: Interlace, tmp_path: Path) -> None:
    folder = write_liked(tmp_path / "shop")
    answer = interlace(
        "train-encoder", folder, "--pairs", "liked-together", "--epochs", "3", "--size", "16", "--json"
    ).json
    assert (answer["pairs"], answer["items"]) == ("liked-together", 120)
    assert answer["after"]["new_to_known"] > answer["chance"]["new_to_known"]
    assert answer["opens"] == [f"catalogue-text:{answer['file']}"]
    shown = interlace("train-encoder", folder, "--pairs", "liked-together", "--epochs", "2", "--no-track").out
    assert "known to new" in shown
    missing = interlace("train-encoder", folder, "--pairs", "liked-together", "--modality", "audio")
    assert missing.code == 2
    assert "no item has a vector of audio" in missing.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--from", "Genre"], "--pairs audio-tags"),
        (["--pairs", "audio-tags", "--lora", "4"], "--pairs image-text"),
        (["--pairs", "liked-together", "--modality", "smell"], "text, image, audio"),
    ],
)
def test_options_that_do_not_belong_together(
    interlace: Interlace, tmp_path: Path, options: list[str], named: str
) -> None:
    answer = interlace("train-encoder", write_liked(tmp_path / "shop"), *options)
    assert answer.code == 2
    assert named in answer.err
