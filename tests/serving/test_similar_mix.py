"""Mixed similarity: exact weighted z-scores, weights that mean what they say, and refusals that help."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData, NotFound, Unsupported
from serving.index import Index
from serving.live import Live
from serving.similar import graph_scores, similar
from serving.similar_mix import parse_mix, similar_mixed, ways_of
from tests.serving.conftest import Get

WITHOUT_TEXT = 2


@pytest.fixture
def live(index: Index) -> Live:
    return Live(index)


def z(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    found = np.zeros(len(values))
    found[there] = (values[there] - values[there].mean()) / values[there].std()
    return found


def test_a_mix_is_the_weighted_sum_of_standardised_scores(live: Live) -> None:
    table, there = live.cosines("text", live.vector(0, "text"))
    there = there.copy()
    there[0] = False
    others = np.arange(live.num_items) != 0
    expected = 0.75 * z(table, there) + 0.25 * z(graph_scores(live, 0), others)
    expected[0] = -np.inf
    (items, scores), used = similar_mixed(live, 0, parse_mix(live, "text:3,graph:1"), 500)
    assert used == {"text": 0.75, "graph": 0.25}
    np.testing.assert_allclose(scores, np.sort(expected)[::-1][: len(items)], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(scores, expected[items], rtol=1e-4, atol=1e-4)
    assert 0 not in items


@pytest.mark.parametrize("way", ["text", "image", "crowd"])
def test_one_way_alone_ranks_as_that_way(live: Live, way: str) -> None:
    alone, values = similar(live, 4, way, 5)
    (mixed, _), _ = similar_mixed(live, 4, {way: 1.0}, 5)
    kept = values > 0
    assert mixed[: kept.sum()].tolist() == alone[kept].tolist()


def test_a_way_the_item_lacks_leaves_its_weight_to_the_others(live: Live) -> None:
    assert "text" not in ways_of(live, WITHOUT_TEXT)
    (items, _), used = similar_mixed(live, WITHOUT_TEXT, parse_mix(live, "text:0.5,graph:0.5"), 3)
    (alone, _), _ = similar_mixed(live, WITHOUT_TEXT, {"graph": 1.0}, 3)
    assert used == {"graph": 1.0}
    assert items.tolist() == alone.tolist()
    with pytest.raises(NotFound, match="nothing to compare by text") as refused:
        similar_mixed(live, WITHOUT_TEXT, {"text": 1.0}, 3)
    assert "graph" in refused.value.valid


def test_gone_items_never_come(index: Index) -> None:
    (before, _), _ = similar_mixed(Live(index), 0, {"graph": 1.0}, 3)
    live = Live(index, gone=before[:1])
    (after, _), _ = similar_mixed(live, 0, {"graph": 1.0}, 500)
    assert before[0] not in after


def test_even_is_every_way_alike(live: Live) -> None:
    assert parse_mix(live, "even") == dict.fromkeys(("image", "text", "graph", "crowd"), 0.25)


@pytest.mark.parametrize(
    "text", ["", "text", "text:x", "text:-1", "text:nan", "text:inf", "text:0", "text:1:2", "text:1,text:2"]
)
def test_what_is_no_mix_is_refused_with_what_would_be(live: Live, text: str) -> None:
    with pytest.raises(InvalidData) as refused:
        parse_mix(live, text)
    assert "text:0.5,image:0.3" in refused.value.valid
    assert refused.value.remedy


def test_an_unknown_way_names_those_there_are(live: Live) -> None:
    with pytest.raises(Unsupported) as refused:
        parse_mix(live, "smell:1")
    assert refused.value.valid == "image, text, graph, crowd"


def test_the_api_says_what_counted(get: Get, live: Live) -> None:
    item = live.id(WITHOUT_TEXT)
    answer = get(f"/v1/items/{item}/similar?mix=text:0.5,graph:0.3,crowd:0.2&n=4").json()
    assert answer["modality"] == "mix"
    assert "text" not in answer["mix"]
    assert sum(answer["mix"].values()) == pytest.approx(1.0)
    assert answer["ways"] == ["image", "graph", "crowd"]
    assert [entry["rank"] for entry in answer["items"]] == [1, 2, 3, 4]
    refused = get(f"/v1/items/{item}/similar?mix=text")
    assert refused.status_code == 422
    assert refused.json()["valid"]
