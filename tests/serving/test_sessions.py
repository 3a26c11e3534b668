"""Sessions over HTTP and from the index: equal to training's blend, in order, by kinds, by a scenario's rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from graph.consent import Defaults
from graph.snapshot import Snapshot
from serving.app import create_app
from serving.index import Index, ModelInfo, open_index
from serving.live import Live
from serving.live_holder import open_live
from serving.publish import publish
from serving.sessions import Session, Step, session_scores
from serving.settings import Settings
from tests.serving.conftest import Get, client
from tests.serving.scenarios.market import market
from training.data import Histories, TrainingData, UserBatch
from training.recommender import Recommender
from training.sessions import Mixed, SessionWeights, members
from training.train import everything
from training.zoo import find

WEIGHTS = SessionWeights({"model": 0.4, "next": 0.3, "together": 0.2, "popular": 0.1}, 0.6)


@pytest.fixture(scope="module")
def shop() -> Snapshot:
    return market()


@pytest.fixture(scope="module")
def known(shop: Snapshot) -> TrainingData:
    return everything(shop, None)


@pytest.fixture(scope="module")
def model(known: TrainingData) -> Recommender:
    return find("ease").build().fit(known)


@pytest.fixture(scope="module")
def shop_home(shop: Snapshot, model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sessions")
    publish(shop, model, home=folder, model=ModelInfo("ease", "1"), sessions=WEIGHTS.json())
    return folder


@pytest.fixture(scope="module")
def shop_index(shop_home: Path) -> Index:
    return open_index(shop_home, verify=True)


@pytest.fixture(scope="module")
def ask(shop_home: Path) -> Any:
    app = create_app(Settings(home=shop_home, store="local:" + str(shop_home / "no-store")))
    send: Get = client(app)
    yield lambda **body: send("/v1/recommendations", "POST", content=orjson.dumps(body))
    app.api.state.service.gateway.close()


def found(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["item"]["id"] for entry in answer.json()["items"]]


def test_scores_are_those_of_training(known: TrainingData, model: Recommender, shop_index: Index) -> None:
    rng = np.random.default_rng(2)
    blend = Mixed(members(model, known, WEIGHTS.decay), WEIGHTS.weights)
    parts = shop_index.sessions
    assert parts is not None
    met = np.bincount(known.histories.items, minlength=known.num_items) > 0  # the others inherit what they have
    for length in (1, 4, 14):
        items = rng.choice(np.flatnonzero(met), length).astype(np.int32)
        history = Histories(np.array([0, length]), items, np.zeros(length, np.int64), known.num_items)
        expected = blend.score(UserBatch(np.array([-1]), history))[0]
        scores = session_scores(Live(shop_index), items)
        np.testing.assert_allclose(scores[met], expected[met], rtol=1e-3, atol=1e-3)


def test_without_learned_weights_the_model_alone_scores(index: Index) -> None:
    assert index.sessions is None
    assert np.isfinite(session_scores(Live(index), np.array([1, 2], np.int32))).all()


def test_a_session_is_read_in_order_of_time_and_by_kind() -> None:
    steps = [Step("c", at=3), Step("a", "purchased", 1), Step("x", "hidden", 2), Step("y", "impressed", 9)]
    assert Session.of(steps) == Session(("a", "c"), ("x",))
    assert Session.of([Step("c", at=3), Step("a")]) == Session(("c", "a"))
    assert Session.of([]) == Session()


def test_order_matters_and_nothing_met_comes_again(ask: Any) -> None:
    items = ["m:i001", "m:i050", "m:i100", "m:i200"]
    one, other = found(ask(items=items, n=50)), found(ask(items=items[::-1], n=50))
    assert one != other
    assert not set(items) & set(one)
    timed = [{"item": name, "kind": "viewed", "at": 100 - place} for place, name in enumerate(items)]
    assert found(ask(items=timed, n=50)) == other
    hidden = {"item": one[0], "kind": "hidden"}
    assert found(ask(items=[*items, hidden], n=49)) == one[1:]


def test_a_kind_that_is_none_is_refused_by_name(ask: Any) -> None:
    answer = ask(items=[{"item": "m:i001", "kind": "eaten"}])
    assert answer.status_code == 422
    assert "items.0" in answer.text
    assert ask(items=["m:i001"], scenario="none").status_code == 404


@pytest.mark.parametrize("diversity", [0.0, 0.5])
def test_a_scenario_s_filters_and_caps_hold(shop_home: Path, ask: Any, diversity: float) -> None:
    (shop_home / "scenarios").mkdir(exist_ok=True)
    (shop_home / "scenarios" / "till.yaml").write_text(
        "title: {en: Till, zh: 收银}\nfilters: {in_stock: true, age: user, kind: product}\n"
        "shelves:\n  - {title: for-you, source: for-you, at_most: {Brand: 1}, bury: {Category: C1}}\n"
    )
    live = open_live(shop_home, Defaults())
    shown = found(ask(items=["m:i001", "m:i007"], scenario="till", n=10, diversity=diversity, profile={"age": 12}))
    pages = [orjson.loads(live.page(live.item(name))) for name in shown]
    assert len(shown) >= 8
    for page in pages:
        assert page["kind"] == "product"
        assert page["properties"].get("stock") is None or page["properties"]["stock"] > 0
        assert page["properties"].get("age_limit") is None
    brands = [name for page in pages for name in page["attributes"]["Brand"]]
    assert len(brands) == len(set(brands))


def test_filters_hold_beside_a_scenario(ask: Any) -> None:
    shown = ask(items=["m:i001"], scenario="shop", filter={"attributes": {"Category": "C2"}}, n=20).json()["items"]
    assert shown
    assert all("C2" in entry["item"]["attributes"]["Category"] for entry in shown)
