"""The whole slice on a small shop made here: files in, a recommendation with a reason out, by commands alone."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graph.local_server import Lease
from graph.store import open_store
from serving.connect import connect
from serving.demo import Demo, DemoReport
from serving.progress import Lines
from serving.refresh_steps import STEPS
from serving.settings import read_settings
from serving.steps import Steps
from tests.forks import Forks

pytestmark = [pytest.mark.integration, pytest.mark.slow]

COMMAND = Path(sys.executable).parent / "interlace"
USERS, ITEMS = 40, 24
GENRES = ("Comedy", "Drama")
Interlace = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder: two tastes, two genres, one director each, titles, and pictures of half of the items."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(1)
    rows = [
        (f"u{user}", f"i{item}", rng.integers(4, 6), 1_600_000_000 + int(rng.integers(0, 10**7)))
        for user in range(USERS)
        for item in range(ITEMS)
        if rng.random() < (0.6 if user % 2 == item % 2 else 0.08)
    ]
    write(folder / "interactions.csv", ("user", "item", "value", "time"), rows)
    items = [
        (
            f"i{item}",
            f"Film {item}",
            f"A {GENRES[item % 2].lower()} about {item}",
            GENRES[item % 2],
            image(folder, item),
        )
        for item in range(ITEMS)
    ]
    write(folder / "items.csv", ("item", "title", "text", "Genre[]", "image"), items)
    triples = [(f"i{item}", "film.directed_by", f"director{item % 2}") for item in range(ITEMS)]
    write(folder / "triples.csv", ("head", "relation", "tail"), triples)
    return folder


def write(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def image(folder: Path, item: int) -> str:
    if item % 4 > 1:
        return ""
    data = io.BytesIO()
    Image.new("RGB", (32, 48), (200 * (item % 2), 5 * item, 90)).save(data, "JPEG")
    (folder / f"{item}.jpg").write_bytes(data.getvalue())
    return f"{item}.jpg"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def installed(place: Path) -> Interlace:
    """Runs the installed command with `--json` in `place`, and gives its object."""

    def run(*words: str | Path) -> dict[str, Any]:
        command = [COMMAND, *map(str, words), "--json"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=300)
        return answer_of(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="module")
def interlace(place: Path) -> Iterator[Interlace]:
    """As `installed`, in a fork of a process that has the imports behind it: they are most of what a command takes."""
    out, err = place / "out.json", place / "err.txt"
    with Forks("tests.integration.commands", place / "commands.log") as forks:

        def run(*words: str | Path, code: int = 0) -> dict[str, Any]:
            given = {"place": str(place), "words": [*map(str, words), "--json"], "out": str(out), "err": str(err)}
            ended = forks.order(**given)
            return answer_of(ended, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"), code)

        yield run


def answer_of(ended: int, out: str, err: str, code: int = 0) -> dict[str, Any]:
    """The object that a command printed; it has to end with `code`."""
    assert ended == code, err
    assert "Traceback" not in err
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture(scope="module")
def trained(installed: Interlace, place: Path, shop: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Ingested, encoded and trained once for all tests here: what each command answered.

    Each of the three starts the store and stops it. From then on it is kept: that takes longer than most commands.
    """
    answers = {
        "ingest": installed("ingest", shop, "--platform", "shop"),
        "encode": installed("encode"),
        "train": installed("train", "--model", "ease", "--min-value", "4"),
    }
    lease = Lease.take(place / ".interlace" / "store")
    yield answers
    lease.release()


def test_each_step_says_what_it_did(trained: dict[str, dict[str, Any]]) -> None:
    assert trained["ingest"]["nodes"] >= USERS + ITEMS + len(GENRES) + 2
    text, pictures, sounds = trained["encode"]["modalities"]
    assert (text["encoded"], text["missing"]) == (ITEMS, 0)
    assert (pictures["encoded"], pictures["missing"]) == (ITEMS // 2, ITEMS // 2)
    assert (sounds["encoded"], sounds["missing"]) == (0, ITEMS)
    report = trained["train"]
    assert report["promoted"]
    assert report["metrics"]["ndcg@10"] > report["popularity"]["ndcg@10"]
    assert report["index"]


def test_ingesting_and_encoding_again_change_nothing(
    interlace: Interlace, shop: Path, trained: dict[str, dict[str, Any]]
) -> None:
    again = interlace("ingest", shop, "--platform", "shop")
    assert (again["nodes"], again["relationships"]) == (0, 0)
    assert all(one["encoded"] == 0 for one in interlace("encode")["modalities"])
    assert interlace("train", "--model", "ease", "--min-value", "4")["snapshot"] == trained["train"]["snapshot"]


def test_a_recommendation_has_a_reason_that_its_cypher_proves(
    installed: Interlace, place: Path, trained: dict[str, dict[str, Any]]
) -> None:
    answer = installed("recommend", "shop:u1", "-n", "3", "--explain")
    assert answer["model"] == {"name": "ease", "version": trained["train"]["version"]}
    reasons = [entry["reason"] for entry in answer["items"] if entry["reason"]]
    assert reasons
    store = open_store(f"local:{place / '.interlace' / 'store'}")
    with closing(store):
        assert all(len(store.query(reason["cypher"], reason["parameters"])) for reason in reasons)


def test_taste_is_recommended(interlace: Interlace, trained: dict[str, dict[str, Any]]) -> None:
    answer = interlace("recommend", "shop:u3", "-n", "3")
    genres = [entry["item"]["attributes"]["Genre"][0] for entry in answer["items"]]
    assert genres.count("Drama") >= 2


def test_a_trained_model_is_attacked(interlace: Interlace, trained: dict[str, dict[str, Any]]) -> None:
    leak = interlace("leak-test", "--models", "4")
    assert (leak["version"], leak["model"], leak["users"]) == (trained["train"]["version"], "ease", USERS)
    assert leak["user"]["low"] <= leak["user"]["auc"] <= leak["user"]["high"]


@pytest.mark.parametrize("way", ["text", "image", "graph", "crowd"])
def test_similar_items_in_every_way(interlace: Interlace, trained: dict[str, dict[str, Any]], way: str) -> None:
    assert len(interlace("similar", "shop:i4", "--by", way, "-n", "3")["items"]) == 3


def test_the_catalogue_is_searched_by_meaning(
    interlace: Interlace, place: Path, trained: dict[str, dict[str, Any]]
) -> None:
    """An item's own title finds it, by the encoder that made the vectors; filters hold."""
    wanted = interlace("recommend", "shop:u1", "-n", "1")["items"][0]["item"]
    found = interlace("search", wanted["title"], "-n", "40")["items"]
    by_id = {entry["item"]["id"]: entry["score"] for entry in found}
    assert by_id[wanted["id"]] > 0.5
    drama = interlace("search", wanted["title"], "--where", "Genre=drama", "-n", "3")["items"]
    assert len(drama) == 3
    assert all("Drama" in entry["item"]["attributes"]["Genre"] for entry in drama)
    assert len(interlace("search", "--like", wanted["id"], "-n", "2")["items"]) == 2


def test_the_registry_lists_evaluates_promotes_and_rolls_back(
    interlace: Interlace, trained: dict[str, dict[str, Any]]
) -> None:
    worse = interlace("train", "--model", "popularity", "--min-value", "4")
    assert not worse["promoted"]
    refused = interlace("models", "promote", worse["version"], code=2)["error"]
    assert "not significantly better" in refused["detail"]
    staged = interlace("models", "stage", worse["version"])
    assert interlace("recommend", "shop:u1", "-n", "1")["model"]["name"] == "ease", "beside it, not in its place"
    assert interlace("shadow", "start", worse["version"])["version"] == staged["index"]
    forced = interlace("models", "promote", worse["version"], "--force", "--reason", "a test")
    assert forced["promoted"]
    assert interlace("recommend", "shop:u1", "-n", "1")["model"]["name"] == "popularity"
    back = interlace("models", "rollback")
    assert interlace("recommend", "shop:u1", "-n", "1")["model"]["name"] == "ease"
    listed = interlace("models", "list")["models"]
    assert [one["version"] for one in listed if one["champion"]] == [back["version"]]
    assert interlace("evaluate")["model"] == "ease"
    assert interlace("evaluate", "99", code=2)["error"]["status"] == 404


def test_the_server_says_where_it_is_and_answers(place: Path, trained: dict[str, dict[str, Any]]) -> None:
    with serving(place) as address:
        with urllib.request.urlopen(f"{address}/v1/users/shop:u1/recommendations?n=2", timeout=30) as answer:
            found = json.load(answer)
        assert len(found["items"]) == 2


class serving:  # noqa: N801 - reads as the verb it is
    """The served address, until the block ends."""

    def __init__(self, place: Path) -> None:
        command = [COMMAND, "serve", "--port", "0", "--json"]
        self.process = subprocess.Popen(
            command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> str:
        assert self.process.stdout is not None
        address: str = json.loads(self.process.stdout.readline())["address"]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{address}/v1/health", timeout=5).close()
            except OSError:
                time.sleep(0.1)
            else:
                return address
        raise AssertionError("the server did not answer")

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_bench_measures_without_a_store(interlace: Interlace, shop: Path) -> None:
    found = interlace("bench", "top-n", shop, "--model", "ease", "--min-value", "4", "--no-embed")
    assert found["task"] == "top-n"
    assert found["metrics"]["ndcg@10"] > found["baselines"]["popularity"]["ndcg@10"]


@pytest.fixture(scope="module")
def demo(shop: Path, fresh_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], DemoReport]:
    """The demo's steps on the small shop."""
    home = tmp_path_factory.mktemp("demo")
    shutil.copy(fresh_mlflow, home)
    settings = read_settings({"home": home, "mlflow": f"sqlite:///{home}/mlflow.db"})

    def run() -> DemoReport:
        return Demo(settings, Lines(), Steps(home), ("popularity", "ease"), shop).run(closing(connect(settings)))

    return run


def test_the_demo_does_everything_once_and_then_reuses_it(demo: Callable[[], DemoReport]) -> None:
    first = demo()
    assert first.reused == ()
    assert set(first.seconds) == {"data", *STEPS}
    assert {"popularity", "ease", "auto"} == set(first.metrics)
    started = time.monotonic()
    second = demo()
    assert second.reused == ("data", *STEPS)
    assert second.index == first.index
    assert time.monotonic() - started < 20


def test_a_changed_file_is_ingested_again(demo: Callable[[], DemoReport], shop: Path) -> None:
    demo()
    touched = shop / "items.csv"
    os.utime(touched)
    again = demo()
    assert "ingest" not in again.reused
    assert "data" in again.reused
