"""Approximate search by vectors finds what exact search finds, filters and changes included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.large_home import LargeSize, draw
from serving import publish_approximate, search_near
from serving import search as searching
from serving.approximate import Approximate
from serving.index import Index, open_index
from serving.live import Live, overlaid
from serving.overlay import Change
from serving.publish import publish
from serving.search import Wanted, search
from serving.similar import similar
from tests.serving.conftest import INFO
from training.train import everything
from training.zoo import find

ITEMS = 3_000


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    patch = pytest.MonkeyPatch()
    patch.setattr(publish_approximate, "VECTORS_FROM", 1)
    patch.setattr(publish_approximate, "VECTORS_WIDTH", 200)
    home: Path = tmp_path_factory.mktemp("home")
    snapshot = draw(LargeSize(30, ITEMS, per_user=5, dim=16))
    publish(snapshot, find("popularity").build().fit(everything(snapshot, None)), home=home, model=INFO)
    patch.undo()
    return open_index(home)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_near, "WIDTH", 200)
    monkeypatch.setattr(searching, "FEW", 100)


def exact(index: Index) -> Live:
    return Live(replace(index, approximate=Approximate()))


def test_it_is_used_and_was_tuned(index: Index) -> None:
    codes = index.approximate.of("text")
    assert codes is not None
    assert codes.recall >= publish_approximate.RECALL
    assert codes.parts in (4, 8, 16)
    assert index.approximate.of("image") is None


def test_codes_are_made_finer_until_enough_is_found(index: Index, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(publish_approximate, "VECTORS_WIDTH", 130)
    narrow = publish_approximate.write_vector_codes(tmp_path, "text", index.vectors["text"])
    assert narrow["parts"] > 4
    assert narrow["recall"] > 0.8
    assert narrow["size"] == ITEMS


def test_the_nearest_are_found(index: Index) -> None:
    random = np.random.default_rng(1)
    shares = []
    for _ in range(30):
        query = index.vectors["text"].unit[random.integers(ITEMS)] + 0.1 * random.standard_normal(16).astype(np.float32)
        right, scores = search(exact(index), [("text", query)], 50)
        found, close = search(Live(index), [("text", query)], 50)
        shares.append(np.isin(right, found).mean())
        both = np.isin(found, right)
        np.testing.assert_allclose(close[both], scores[np.isin(right, found)], rtol=1e-4, atol=1e-5)
    assert np.mean(shares) >= 0.97


@pytest.mark.parametrize("wanted", [Wanted(kind="article"), Wanted(years=(1950, 1951)), Wanted(platform="nowhere")])
@pytest.mark.parametrize("n", [3, 100])
def test_filters_hold_and_n_come_back_when_n_exist(index: Index, wanted: Wanted, n: int) -> None:
    query = np.asarray(index.vectors["text"].unit[7])
    right, _ = search(exact(index), [("text", query)], n, wanted=wanted)
    found, _ = search(Live(index), [("text", query)], n, wanted=wanted)
    assert len(found) == len(right)
    assert np.isin(right, found).mean() >= 0.9 if len(right) else True


def test_deleted_and_changed_items(index: Index) -> None:
    query = np.asarray(index.vectors["text"].unit[9])
    first = search(Live(index), [("text", query)], 3)[0].tolist()
    changes = [Change(1, index.item_ids[first[0]].decode(), gone=True)]
    gone = overlaid(index, changes, {})
    assert first[0] not in search(gone, [("text", query)], 50)[0].tolist()
    assert first[0] not in similar(gone, 9 if first[0] != 9 else 8, "text", 50)[0].tolist()


def test_similar_items_are_the_exact_ones(index: Index) -> None:
    for item in (3, 500, 2_999):
        right, _ = similar(exact(index), item, "text", 20)
        found, _ = similar(Live(index), item, "text", 20)
        assert item not in found
        assert np.isin(right, found).mean() >= 0.9
