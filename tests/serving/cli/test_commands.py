"""Each command group on small things: answers as one object, and errors that name the value."""

from __future__ import annotations

import csv
import socket
from pathlib import Path

import pytest

from serving.cli.train import parse_settings
from tests.serving.cli.conftest import Interlace


def test_data_list_says_what_is_here(interlace: Interlace, tmp_path: Path) -> None:
    (tmp_path / "home" / "data" / "ml-100k").mkdir(parents=True)
    found = interlace("data", "list", "--home", tmp_path / "home", "--json").json["datasets"]
    assert found[0]["name"] == "ml-100k"
    assert found[0]["path"].endswith("home/data/ml-100k")
    assert "MovieLens" in interlace("data", "list").out


def test_data_get_takes_a_mirror(interlace: Interlace, data_root: Path, tmp_path: Path) -> None:
    answer = interlace("data", "get", "ml-100k", "--mirror", data_root, "--json")
    assert Path(answer.json["path"], "ml-100k.inter").is_file()
    assert "fetching ml-100k" in answer.err


def test_data_get_names_a_mirror_without_it(interlace: Interlace, tmp_path: Path) -> None:
    answer = interlace("data", "get", "ml-100k", "--mirror", tmp_path)
    assert answer.code == 2
    assert "--mirror" in answer.err


@pytest.mark.parametrize("words", [["ingest", "nowhere", "--platform", "p"], ["bench", "top-n", "nowhere"]])
def test_a_wrong_path_is_named_before_anything_starts(interlace: Interlace, words: list[str], tmp_path: Path) -> None:
    answer = interlace(*words, "--json")
    assert answer.code == 2
    assert "'nowhere'" in answer.json["error"]["detail"]
    assert not (tmp_path / ".interlace" / "store").exists()


@pytest.mark.parametrize("words", [["encode"], ["train"], ["recommend", "p:u00", "--explain"]])
def test_a_store_that_is_down_is_named(interlace: Interlace, home: Path, words: list[str]) -> None:
    answer = interlace(*words, "--home", home, "--store", "bolt://127.0.0.1:9", "--json")
    assert answer.code == 2
    assert answer.json["error"]["status"] == 503
    assert "127.0.0.1:9" in answer.err


def test_a_store_url_that_is_none_is_named(interlace: Interlace) -> None:
    answer = interlace("train", "--store", "mysql://db")
    assert answer.code == 2
    assert "local:FOLDER" in answer.err


def test_recommend_prints_titles_for_people(interlace: Interlace, home: Path) -> None:
    answer = interlace("recommend", "p:u00", "-n", "2", "--home", home)
    assert answer.code == 0
    assert "p:i" in answer.out


def test_recommend_all_writes_a_file(interlace: Interlace, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists.csv"
    answer = interlace("recommend", "--all", "-n", "3", "--out", out, "--platform", "p", "--home", home, "--json")
    with out.open(newline="", encoding="utf-8") as file:
        assert answer.json["rows"] == len(list(csv.reader(file))) - 1 > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no user"),
        (("--all",), "without one place"),
        (("--all", "--out", "a.csv", "--to-graph"), "without one place"),
        (("p:u00", "--all", "--out", "a.csv"), "both --all and user"),
        (("--all", "--out", "a.txt"), ".parquet or .csv"),
        (("--all", "--out", "a.csv", "--explain"), "with --all"),
        (("--all", "--out", "a.csv", "--platform", "q"), "no user of the platform"),
        (("--all", "--out", "a.csv", "--kind", "book"), "no item has the kind"),
    ],
)
def test_recommend_all_says_what_is_wrong(interlace: Interlace, home: Path, words: tuple[str, ...], said: str) -> None:
    answer = interlace("recommend", *words, "--home", home)
    assert answer.code == 2
    assert said in " ".join(answer.err.split())


def test_recommend_names_an_unknown_user(interlace: Interlace, home: Path) -> None:
    answer = interlace("recommend", "p:nobody", "--home", home, "--json")
    assert answer.code == 2
    assert answer.json["error"]["detail"] == "no user 'p:nobody'"


def test_recommend_says_when_nothing_is_published(interlace: Interlace) -> None:
    answer = interlace("recommend", "p:u00")
    assert answer.code == 2
    assert "interlace demo" in answer.err


@pytest.mark.parametrize("way", ["text", "image", "graph", "crowd"])
def test_similar_works_in_every_way(interlace: Interlace, home: Path, way: str) -> None:
    answer = interlace("similar", "p:i05", "--by", way, "-n", "3", "--home", home, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["modality"] == way
    assert all(entry["item"]["id"] != "p:i05" for entry in answer.json["items"])


@pytest.mark.parametrize("relation", ["together", "alternatives", "complements"])
def test_related_answers_every_relation(interlace: Interlace, home: Path, relation: str) -> None:
    answer = interlace("related", "p:i05", "--relation", relation, "-n", "3", "--home", home, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["relation"] == relation
    assert all(entry["reason"]["text"] for entry in answer.json["items"])


def test_similar_names_an_unknown_item(interlace: Interlace, home: Path) -> None:
    answer = interlace("similar", "p:nothing", "--home", home)
    assert answer.code == 2
    assert "p:nothing" in answer.err


def test_serve_names_a_port_in_use(interlace: Interlace, home: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        answer = interlace("serve", "--port", str(holder.getsockname()[1]), "--home", home, "--json")
    assert answer.code == 2
    assert answer.json["error"]["status"] == 409
    assert "--port" in answer.err


def test_serve_without_an_index_says_what_to_do(interlace: Interlace) -> None:
    answer = interlace("serve", "--port", "0")
    assert answer.code == 2
    assert "interlace demo" in answer.err


def test_serve_refuses_to_bind_where_strangers_are(interlace: Interlace, home: Path) -> None:
    answer = interlace("serve", "--host", "0.0.0.0", "--home", home)
    assert answer.code == 2
    assert "127.0.0.1" in answer.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--model", "nope"], "'nope'"),
        (["--model", "ease", "--set", "depth=3"], "'depth'"),
        (["--model", "ease", "--set", "depth"], "KEY=VALUE"),
        (["--set", "regularization=3"], "--model NAME"),
    ],
)
def test_train_names_a_model_or_setting_that_does_not_exist(interlace: Interlace, words: list[str], named: str) -> None:
    answer = interlace("train", *words)
    assert answer.code == 2
    assert named in answer.err


def test_settings_are_numbers_truths_or_words() -> None:
    found = parse_settings(["a=3", "b=0.5", "c=true", "d=softmax", "e=null", "f=[1, 2]"])
    assert found == {"a": 3, "b": 0.5, "c": True, "d": "softmax", "e": None, "f": [1, 2]}


@pytest.mark.parametrize("words", [["--force"], ["--reason", "because"]])
def test_force_and_reason_belong_together(interlace: Interlace, words: list[str]) -> None:
    answer = interlace("models", "promote", "1", *words)
    assert answer.code == 2
    assert "--force and --reason" in answer.err


def test_bench_names_a_task_that_is_none(interlace: Interlace, tmp_path: Path) -> None:
    answer = interlace("bench", "guess", tmp_path)
    assert answer.code == 2
    assert "top-n, next-item" in answer.err


def test_bench_cold_user_gives_what_was_asked_about(interlace: Interlace, tmp_path: Path) -> None:
    lines = [f"u{user},i{(user % 2) + 2 * n},{n}" for user in range(60) for n in range(user % 5, user % 5 + 9)]
    (tmp_path / "interactions.csv").write_text("\n".join(["user,item,time", *lines]))
    words = ("bench", "cold-user", tmp_path, "--model", "ppca", "--given")
    found = interlace(*words, "asked", "--no-embed", "--json").json
    assert "on a list of 100 items to ask about" in found["split"]
    assert found["given"]["3"] <= 3
    assert found["metrics"]["3"]["ndcg@10"] > found["baselines"]["popularity"]["3"]["ndcg@10"]
    assert interlace(*words, "last").code == 2
    refused = interlace("bench", "top-n", tmp_path, "--given", "asked")
    assert refused.code == 2
    assert "--given in the task 'top-n'" in refused.err


def test_bench_ctr_answers_with_one_object(interlace: Interlace, tmp_path: Path) -> None:
    lines = [f"u{n % 7},i{n % 11},{int((n % 7 + n % 11) % 2)},{1_000_000 + n}" for n in range(600)]
    (tmp_path / "interactions.csv").write_text("\n".join(["user,item,value,time", *lines]))
    found = interlace("bench", "ctr", tmp_path, "--model", "lr", "--set", "epochs=2", "--no-embed", "--json").json
    assert {"auc", "logloss", "gauc", "calibration_error"} == set(found["metrics"])
    assert found["baselines"]["popularity"]["logloss"] > 0
    shown = interlace("bench", "ctr", tmp_path, "--model", "lr", "--set", "epochs=2", "--no-embed")
    assert "calibration_error" in shown.out
    refused = interlace("bench", "ctr", tmp_path, "--min-value", "4")
    assert refused.code == 2
    assert "--min-value in the task 'ctr'" in refused.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("search", "a heist", "--year", "1990-1980"), "1990-1980"),
        (("search", "a heist", "--where", "Comedy"), "Comedy"),
        (("search", "--image", "nowhere.jpg"), "nowhere.jpg"),
    ],
)
def test_a_search_that_cannot_be_is_named(interlace: Interlace, words: tuple[str, ...], named: str) -> None:
    answer = interlace(*words)
    assert answer.code == 2
    assert named in answer.err
    assert "Remedy:" in answer.err
