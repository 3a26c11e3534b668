"""MMR at request time: equal to the trained re-ranker's, true to filters, and the model's order at nothing."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest

from graph.errors import InvalidData
from serving.candidates import LIST, MODEL
from serving.diversify import Likeness, diversify, least_pool
from serving.index import Index
from serving.live import Live
from serving.recommend import Wish, recommend
from tests.serving.conftest import Get
from tests.serving.samples import LONELY, USERS
from training.rerank.diversity import mmr

USER = next(name for name in USERS if name != LONELY)


def between(live: Live, items: np.ndarray) -> np.ndarray:
    """(items, items): how alike they are."""
    likeness = Likeness.of(live, np.asarray(items, np.int64))
    return np.stack([likeness.to(place) for place in range(len(items))])


@pytest.mark.parametrize("weight", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_it_is_the_trained_re_rankers_order(index: Index, weight: float) -> None:
    """Over one modality, whose cosines are what the other is given as vectors."""
    only = replace(index, attributes=replace(index.attributes, weights=index.attributes.weights[:0]))
    only = replace(only, vectors={"text": index.vectors["text"]})
    full = recommend(Live(index), Wish(USER, 50))
    items, scores = np.array(full.items), np.array(full.scores, np.float32)
    mine = items[diversify(Live(only), items, scores, weight=weight, n=8)]
    theirs = mmr(scores[None], items[None].astype(np.int32), only.vectors["text"].unit, weight=weight, k=8)[0]
    assert mine.tolist() == theirs.tolist()


@pytest.mark.parametrize("narrow", [0, 64])
def test_likeness_is_the_mean_of_what_is_known(index: Index, narrow: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a table of a handful of attributes, and by search in many."""
    items = np.arange(6)
    monkeypatch.setattr("serving.index.NARROW", narrow)
    own = replace(index, attributes=replace(index.attributes))
    assert (own.attributes.table is not None) == bool(narrow)
    found = between(Live(own), items)
    parts = [table.unit[:6] @ table.unit[:6].T for table in index.vectors.values()]
    dense = np.zeros((6, int(index.attributes.rows.columns.max()) + 1))
    for item in items:
        span = index.attributes.rows.span(int(item))
        dense[item, index.attributes.rows.columns[span]] = index.attributes.weights[span]
    np.testing.assert_allclose(found, np.mean([*parts, dense @ dense.T], axis=0), atol=1e-6)


def test_nothing_asked_changes_nothing_and_filters_hold(index: Index) -> None:
    plain = recommend(Live(index), Wish(USER, 6))
    assert recommend(Live(index), Wish(USER, 6, diversity=1e-9)).items == plain.items
    gone = index.item_ids[plain.items[0]].decode()
    varied = recommend(Live(index), Wish(USER, 6, exclude=(gone,), diversity=0.7))
    assert len(set(varied.items)) == 6
    assert plain.items[0] not in varied.items
    assert not set(varied.items) & set(index.seen[index.user(USER)].tolist())


def test_more_weight_makes_lists_less_alike(index: Index) -> None:
    def alike(weight: float) -> float:
        lists = [
            np.array(recommend(Live(index), Wish(user, 5, diversity=weight)).items) for user in USERS if user != LONELY
        ]
        return float(np.mean([between(Live(index), items)[np.triu_indices(5, 1)].mean() for items in lists]))

    assert alike(0.9) < alike(0.0)


@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan")])
def test_what_is_no_weight_is_named(index: Index, weight: float) -> None:
    with pytest.raises(InvalidData, match="diversity"):
        recommend(Live(index), Wish(USER, 3, diversity=weight))


def test_over_http(get: Get, index: Index) -> None:
    path = f"/v1/users/{quote(USER, safe='')}/recommendations"
    wanted = recommend(Live(index), Wish(USER, 4, diversity=0.6)).items
    answer = get(path + "?n=4&diversity=0.6").json()
    assert [entry["item"]["id"] for entry in answer["items"]] == [index.item_ids[item].decode() for item in wanted]
    assert get(path + "?diversity=2").status_code == 422


def test_a_short_list_is_pool_enough_at_five_times_as_many(index: Index) -> None:
    most = least_pool(2)
    short = replace(index, list_items=index.list_items[:, :most], list_scores=index.list_scores[:, :most])
    first = recommend(Live(index), Wish(USER, most)).items
    found = recommend(Live(short), Wish(USER, 2, diversity=0.5))
    assert found.source == LIST
    assert set(found.items) <= set(first)
    assert recommend(Live(short), Wish(USER, 3, diversity=0.5)).source == MODEL
