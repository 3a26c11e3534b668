"""Related items: what was planted is found and told apart, chance is not, and filters hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.errors import InvalidData, Unsupported
from graph.schema import KINDS
from graph.snapshot import EmbeddingTable, Interactions
from serving.app import create_app
from serving.categories import category_labels, category_vectors
from serving.index import open_index
from serving.live import Live
from serving.publish import publish
from serving.publish_related import related as relations
from serving.related import RelatedWish, related
from serving.related_parts import ALTERNATIVES, COMPLEMENTS, RELATIONS, TOGETHER
from serving.scenarios.columns import ColumnsHolder
from serving.scenarios.preset import RELATED
from serving.scenarios.sources import SOURCES
from serving.scenarios.visitor import Visitor
from serving.settings import Settings
from serving.together import SIGNIFICANT, log_likelihood_ratio, taken_together
from tests.serving.conftest import INFO, Get, client
from tests.serving.shop import shop, without_attributes
from training.prepare import known_histories
from training.train import everything
from training.zoo import find

FEWEST = 5


@pytest.fixture(scope="module")
def shop_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, snapshot = tmp_path_factory.mktemp("shop"), shop()
    model = find("popularity").build().fit(everything(snapshot, None))
    publish(snapshot, model, home=folder, model=INFO, k_anonymity=FEWEST)
    return folder


@pytest.fixture(scope="module")
def live(shop_home: Path) -> Live:
    return Live(open_index(shop_home, verify=True))


@pytest.fixture(scope="module")
def ask(shop_home: Path) -> Get:
    return client(create_app(Settings(home=shop_home, store=f"local:{shop_home / 'no-store'}")))


def names(live: Live, item: str, relation: str, **wish: object) -> list[str]:
    found = related(live, live.item(f"shop:{item}"), RelatedWish(relation, **wish))  # type: ignore[arg-type]
    return [live.id(place).removeprefix("shop:") for place in found.items]


def test_a_planted_complement_is_taken_together_and_of_another_category(live: Live) -> None:
    assert names(live, "lamp-a", TOGETHER)[0] == "bulb"
    assert names(live, "lamp-a", COMPLEMENTS)[0] == "bulb"
    assert set(names(live, "bulb", COMPLEMENTS, n=2)) == {"lamp-a", "lamp-b"}


def test_a_planted_alternative_is_alike_and_not_taken_together(live: Live) -> None:
    assert names(live, "lamp-a", ALTERNATIVES)[0] == "lamp-b"
    assert "lamp-b" not in names(live, "lamp-a", TOGETHER)
    assert "lamp-b" not in names(live, "lamp-a", COMPLEMENTS)


def test_what_is_looked_at_together_and_not_bought_together_is_an_alternative(tmp_path: Path) -> None:
    """Everybody who bought one lamp had looked at the other just before: by all that people do they go together."""
    snapshot = shop()
    rows = snapshot.interactions
    lamps = [snapshot.items.positions[f"shop:lamp-{letter}"] for letter in "ab"]
    bought = np.flatnonzero(np.isin(rows.item, lamps))
    seen = rows.take(bought)
    other = np.where(seen.item == lamps[0], lamps[1], lamps[0]).astype(np.int32)
    seen = replace(seen, item=other, kind=np.full(len(other), KINDS.index("viewed"), np.int8), time=seen.time - 60)
    both = [
        np.concatenate([getattr(rows, one), getattr(seen, one)]) for one in ("user", "item", "kind", "value", "time")
    ]
    browsed = replace(snapshot, interactions=Interactions(*both))
    known = known_histories(browsed, None)
    a, b = lamps
    assert b in relations(browsed, known, FEWEST, ())[TOGETHER].rows[a], "as if they went together"
    model = find("popularity").build().fit(everything(browsed, None))
    publish(browsed, model, home=tmp_path, model=INFO, k_anonymity=FEWEST)
    live = Live(open_index(tmp_path))
    assert names(live, "lamp-a", ALTERNATIVES)[0] == "lamp-b"
    assert "lamp-b" not in names(live, "lamp-a", TOGETHER)
    assert names(live, "lamp-a", COMPLEMENTS)[0] == "bulb"


def test_a_pair_of_one_category_that_is_taken_together_is_neither(live: Live) -> None:
    assert names(live, "mug", TOGETHER)[0] == "plate"
    assert "plate" not in names(live, "mug", COMPLEMENTS)
    assert "plate" not in names(live, "mug", ALTERNATIVES)


def test_two_popular_items_are_not_together_by_chance(live: Live) -> None:
    """Half of the people buy each; about a quarter buy both, which is what chance gives."""
    assert "umbrella" not in names(live, "bag", TOGETHER, n=50)
    assert "umbrella" not in names(live, "bag", COMPLEMENTS, n=50)
    for seed in range(8):
        known = known_histories(shop(seed), None)
        bag, umbrella = (shop(seed).items.positions[f"shop:{name}"] for name in ("bag", "umbrella"))
        pairs = taken_together(known, FEWEST).significant
        assert not np.any((pairs.row == bag) & (pairs.column == umbrella))


def test_what_is_of_no_category_has_no_complements(live: Live) -> None:
    assert names(live, "gift", COMPLEMENTS) == []
    assert names(live, "gift", ALTERNATIVES) == []


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_histories_have_next_to_nothing_together(seed: int) -> None:
    """The same people take as much, and each item as often, without a reason."""
    known = known_histories(shop(), None)
    shuffled = replace(known, items=np.random.default_rng(seed).permutation(known.items))
    assert len(taken_together(shuffled, FEWEST).significant.row) <= 2 * 2


def test_people_are_told_in_steps_and_more_than_by_chance(live: Live) -> None:
    assert live.index.related is not None
    for name in (TOGETHER, COMPLEMENTS):
        one = live.index.related.relations[name]
        assert len(one.people)
        assert not np.any(one.people % FEWEST)
        assert np.all(one.people > one.chance)
        assert np.all(one.scores >= SIGNIFICANT)


def test_fewer_people_than_the_threshold_tell_nothing() -> None:
    snapshot = shop(users=12)
    assert len(taken_together(known_histories(snapshot, None), FEWEST).row) == 0
    assert len(taken_together(known_histories(snapshot, None), 1).row) > 0


def test_the_ratio_is_dunnings() -> None:
    """The table of his paper's kind: 110 of 2442 and 111 of 29,114 in 31,777 bigrams come to 270.72."""
    both, rows, columns = (np.array([float(one)]) for one in (110, 110 + 2442, 110 + 111))
    found = log_likelihood_ratio(both, rows, columns, 110 + 2442 + 111 + 29114)
    assert found == pytest.approx([270.72], abs=0.01)
    independent = log_likelihood_ratio(np.array([10.0]), np.array([100.0]), np.array([100.0]), 1000.0)
    assert independent == pytest.approx([0], abs=1e-6)


def test_content_decides_within_a_category() -> None:
    snapshot = shop()
    vectors = np.zeros((len(snapshot.items), 2), np.float32)
    vectors[:, 0] = 1
    a, b, c = (snapshot.items.positions[f"shop:lamp-{one}"] for one in "abc")
    vectors[[a, c]] = [0, 1]
    table = EmbeddingTable(vectors, np.ones(len(vectors), np.bool_), "test", "1")
    found = relations(
        replace(snapshot, embeddings={"text": table}),
        known_histories(snapshot, None),
        FEWEST,
        category_labels(snapshot),
    )
    rows = found[ALTERNATIVES].rows
    assert rows[a].tolist() == [c, b]
    assert found[ALTERNATIVES].scores[rows.span(a)].tolist() == pytest.approx([1.0, 0.5])


def test_a_brand_is_no_category_where_there_are_categories() -> None:
    snapshot = shop()
    vectors = category_vectors(snapshot, category_labels(snapshot))
    lamp, bulb = (snapshot.items.positions[f"shop:{one}"] for one in ("lamp-a", "bulb"))
    assert (vectors[lamp] @ vectors[bulb].T).nnz == 0


def test_without_attributes_there_is_together_alone(tmp_path: Path) -> None:
    snapshot = without_attributes(shop())
    model = find("popularity").build().fit(everything(snapshot, None))
    publish(snapshot, model, home=tmp_path, model=INFO, k_anonymity=FEWEST)
    live = Live(open_index(tmp_path))
    assert names(live, "lamp-a", TOGETHER)[0] == "bulb"
    for relation in (COMPLEMENTS, ALTERNATIVES):
        with pytest.raises(Unsupported, match=relation):
            names(live, "lamp-a", relation)


def test_an_index_of_a_version_before_says_so(live: Live) -> None:
    old = Live(replace(live.index, related=None))
    with pytest.raises(Unsupported, match="interlace refresh"):
        names(old, "lamp-a", TOGETHER)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_filters_hold_and_the_rest_keeps_its_order(live: Live, data: st.DataObject) -> None:
    item = data.draw(st.integers(0, live.index.num_items - 1))
    relation = data.draw(st.sampled_from(RELATIONS))
    kind = data.draw(st.sampled_from([None, *live.kinds]))
    places = st.lists(st.integers(0, live.index.num_items - 1), max_size=20, unique=True)
    exclude, gone = data.draw(places), data.draw(places)
    n = data.draw(st.integers(1, 60))
    now = replace(live, gone=np.array(sorted(gone), np.int64))
    found = related(now, item, RelatedWish(relation, n, kind, tuple(live.id(one) for one in exclude))).items
    whole = related(live, item, RelatedWish(relation, 500)).items
    allowed = [one for one in whole if one not in exclude and one not in gone
               and (kind is None or live.kinds[live.item_kind[one]] == kind)]  # fmt: skip
    assert found == allowed[:n]
    assert item not in found


def test_the_route_tells_why(ask: Get) -> None:
    body = ask("/v1/items/shop%3Alamp-a/related?relation=complements&n=3").json()
    assert body["item"] == "shop:lamp-a"
    assert body["relation"] == COMPLEMENTS
    first = body["items"][0]
    assert first["item"]["id"] == "shop:bulb"
    reason = first["reason"]
    assert reason["people"] >= FEWEST
    assert reason["people"] > reason["chance"]
    told = f"At least {reason['people']} people have both close together, chance would give {reason['chance']:g}"
    assert reason["text"].startswith(told)
    assert reason["shared"] == {"Brand": ["Acme"]}
    instead = ask("/v1/items/shop%3Alamp-a/related?relation=alternatives").json()["items"][0]["reason"]
    assert instead["people"] is None
    assert instead["text"] == "Both: Lamps, Acme; alike 1.00"
    told = ask("/v1/items/shop%3Alamp-a/related?relation=alternatives&lang=zh").json()["items"][0]["reason"]
    assert "同属 Lamps" in told["text"]


def test_the_route_filters_and_refuses(ask: Get) -> None:
    path = "/v1/items/shop%3Abulb/related?relation=alternatives"
    assert [one["item"]["id"] for one in ask(path).json()["items"]] == ["shop:bulb-warm"]
    assert ask(f"{path}&kind=product").json()["items"] == []
    assert ask(f"{path}&exclude=shop%3Abulb-warm").json()["items"] == []
    refused: httpx.Response = ask("/v1/items/shop%3Abulb/related?relation=cousins")
    assert refused.status_code == 422
    assert refused.json()["valid"] == ", ".join(RELATIONS)
    assert ask("/v1/items/shop%3Anothing/related").status_code == 404
    assert ask("/v1/items/shop%3Abulb/related?kind=nothing").status_code == 422


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_shelf_starts_from_what_was_liked_last(live: Live, relation: str) -> None:
    columns, started = ColumnsHolder().get(live), 0
    for number in range(60):
        visitor = Visitor.of(live, columns, f"shop:u{number:04d}")
        found = SOURCES[RELATED](visitor, {"relation": relation})
        known = [item for item in visitor.liked[-5:] if related(live, item, RelatedWish(relation)).items]
        if known:
            assert found is not None
            assert found.item == known[-1]
            first = related(live, known[-1], RelatedWish(relation)).items[0]
            assert found.scores[first] == found.scores.max()
            started += 1
        elif relation == COMPLEMENTS:
            assert found is None, "nobody guesses what goes with it"
    assert started


def test_an_unknown_relation_names_those_there_are(live: Live) -> None:
    with pytest.raises(InvalidData, match="cousins"):
        names(live, "bulb", "cousins")
