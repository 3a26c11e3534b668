"""`interlace enrich` and `recommend --language` as a person calls them, on a store, by models that are really asked."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from encoders.language.provider import Prompt
from graph.local_store import LocalStore
from tests.encoders.language.causal import make_causal
from tests.encoders.language.server import KEY, Answer, Seen, chat, serving
from tests.serving.cli.conftest import Interlace
from tests.serving.samples import sample_snapshot
from tests.serving.test_with_store import fill
from tests.training.rerank.shops import write_shop

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store with the sample snapshot, up for all tests of this file."""
    store = LocalStore.open(tmp_path_factory.mktemp("language") / "store")
    fill(store, sample_snapshot())
    yield store.url
    store.close()


def plain(body: dict[str, Any], _: int) -> Answer:
    """A polite model: ten for about half of the items, none for the others."""
    system, user = (turn["content"] for turn in body["messages"])
    if '"score"' in system:
        return chat(json.dumps({"score": 10 if crc32(user.encode()) % 2 else 0}))
    field = next(name for name in ("summary", "profile", "reason") if f'"{name}"' in system)
    return chat(json.dumps({field: f"A plain {field} of a few words."}), 50, 9)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    with serving(plain) as seen:
        for name, value in {"PROVIDER": "openai:polite", "URL": seen.url, "KEY": KEY, "PRICE_IN": "2"}.items():
            monkeypatch.setenv(f"INTERLACE_LANGUAGE_{name}", value)
        yield seen


@pytest.mark.parametrize("words", [("enrich",), ("recommend", "p:u00", "--language")])
def test_it_is_off_until_a_model_is_named(
    interlace: Interlace, home: Path, store_url: str, words: tuple[str, ...]
) -> None:
    answer = interlace(*words, "--home", home, "--store", store_url, "--json")
    assert answer.code == 2
    assert "INTERLACE_LANGUAGE_PROVIDER" in answer.json["error"]["remedy"]


def test_enrich_says_what_it_will_cost_and_what_it_did(
    interlace: Interlace, endpoint: Seen, store_url: str, tmp_path: Path
) -> None:
    where = ("--home", tmp_path / "home", "--store", store_url)
    planned = interlace("enrich", "--summaries", "--dry-run", *where, "--json").json
    assert endpoint.bodies == []
    assert planned["parts"][0]["calls"] > 5
    assert planned["parts"][0]["price"] > 0
    first = interlace("enrich", "--summaries", "--limit", "3", *where, "--json").json
    assert (first["parts"][0]["written"], first["cost"]["calls"], len(endpoint.bodies)) == (3, 3, 3)
    rest = interlace("enrich", *where, "--json").json
    summaries, profiles = rest["parts"]
    assert summaries["kept"] == 3
    assert summaries["written"] == planned["parts"][0]["calls"] - 3
    assert profiles["written"] == rest["profiles_embedded"] > 5
    assert rest["cost"]["tokens_in"] == 50 * rest["cost"]["calls"]
    assert rest["cost"]["price"] == pytest.approx(100 * rest["cost"]["calls"] / 1e6)
    shown = interlace("enrich", *where)
    assert "0 written" in shown.out
    assert KEY not in shown.out + shown.err


def test_enrich_by_a_local_model_counts_what_it_refuses(interlace: Interlace, store_url: str, tmp_path: Path) -> None:
    lesson = (Prompt("x", 1, "a system", "yes and no", "", 8), "words")
    folder = make_causal(tmp_path / "random", [lesson], steps=0)
    where = ("--home", tmp_path / "other", "--store", store_url, "--provider", f"local:{folder}")
    answer = interlace("enrich", "--summaries", "--limit", "2", *where, "--json").json
    assert answer["parts"][0]["written"] == 0
    assert answer["cost"]["calls"] == 4
    assert answer["cost"]["cpu_s"] > 0
    assert sum(answer["cost"]["refused"].values()) == 2


def test_recommend_judges_the_best_and_keeps_proved_reasons(
    interlace: Interlace, endpoint: Seen, home: Path, store_url: str
) -> None:
    where = ("--home", home, "--store", store_url)
    plain_list = interlace("recommend", "p:u00", "-n", "6", "--explain", *where, "--json").json
    answer = interlace("recommend", "p:u00", "-n", "6", "--explain", "--language", *where, "--json").json
    told = [one["language"] for one in answer["items"]]
    assert all(abs(one["first_rank"] - one_["rank"]) <= 5 for one, one_ in zip(told, answer["items"], strict=True))
    assert [one["first_rank"] for one in told] != list(range(1, 7))
    assert all(one["said"] in (None, "A plain reason of a few words.") for one in told)
    assert any(one["said"] for one in told)
    assert answer["language"]["model"].startswith("openai:polite@")
    assert answer["language"]["judged"] > 6
    before = {one["item"]["id"]: (one["score"], one["reason"]) for one in plain_list["items"]}
    both = [one for one in answer["items"] if one["item"]["id"] in before]
    assert both
    assert all((one["score"], one["reason"]) == before[one["item"]["id"]] for one in both)
    shown = interlace("recommend", "p:u00", "-n", "6", "--explain", "--language", *where)
    assert "the language model: A plain reason" in shown.out
    assert "0 calls" in shown.out
    assert len({json.dumps(one) for one in endpoint.bodies}) == len(endpoint.bodies)


def same_group(body: dict[str, Any], _: int) -> Answer:
    """A model that likes what has the attribute that most of the liked ones have."""
    told = json.loads(body["messages"][1]["content"].split("\n")[1])
    groups = Counter(word for line in told["liked"] for word in re.findall(r"\bg[01]\b", line))
    return chat(json.dumps({"score": 10 if groups.most_common(1)[0][0] in told["item attributes"] else 0}))


def test_rerank_measures_what_a_model_brings_with_the_reach_that_validation_chose(
    interlace: Interlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = write_shop(tmp_path / "shop")
    words = ("--first", "popularity", "--ways", "language", "--candidates", "20", "--users", "20", "--no-embed")
    with serving(same_group) as seen:
        monkeypatch.setenv("INTERLACE_LANGUAGE_PROVIDER", "openai:groups")
        monkeypatch.setenv("INTERLACE_LANGUAGE_URL", seen.url)
        answer = interlace("rerank", shop, *words, "--json").json
        first, judged = answer["rows"]
        assert judged["ndcg@10"] > first["ndcg@10"]
        assert judged["chosen"].startswith("openai:groups@")
        assert not judged["chosen"].endswith("reach 0")
        assert answer["language"]["calls"] == len(seen.bodies) > 200
        shown = interlace("rerank", shop, *words).out
        assert "0 calls" in shown


def test_rerank_by_a_model_names_the_setting_that_is_missing(interlace: Interlace, tmp_path: Path) -> None:
    answer = interlace("rerank", write_shop(tmp_path / "shop"), "--ways", "language")
    assert answer.code == 2
    assert "INTERLACE_LANGUAGE_PROVIDER" in answer.err


def test_an_endpoint_that_refuses_is_named(
    interlace: Interlace, home: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda *_: Answer(401)) as seen:
        monkeypatch.setenv("INTERLACE_LANGUAGE_PROVIDER", "openai:m")
        monkeypatch.setenv("INTERLACE_LANGUAGE_URL", seen.url)
        answer = interlace("recommend", "p:u01", "--language", "--home", home, "--store", store_url)
    assert answer.code == 2
    assert "INTERLACE_LANGUAGE_KEY" in answer.err


def test_another_process_is_not_given_a_masked_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.refresh_start import environment
    from serving.settings import read_settings

    monkeypatch.setenv("INTERLACE_LANGUAGE_KEY", KEY)
    settings = read_settings({})
    assert "INTERLACE_LANGUAGE_KEY" not in environment(settings)
    assert KEY not in repr(settings)
    assert settings.language_key is not None
    assert settings.language_key.get_secret_value() == KEY
