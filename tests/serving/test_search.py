"""Search by vectors: cosines' mean, filters that hold while n still come, and what is wrong named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graph.errors import InvalidData, NotFound, Unsupported
from serving.index import Index
from serving.live import Live
from serving.search import Wanted, search

RNG = np.random.default_rng(5)


def near(index: Index) -> list[tuple[str, np.ndarray]]:
    return [("text", vector(index, "text"))]


def vector(index: Index, modality: str) -> np.ndarray:
    return RNG.standard_normal(index.vectors[modality].unit.shape[1]).astype(np.float32)


def test_the_nearest_come_first_by_the_mean_of_the_cosines(index: Index) -> None:
    text, image = vector(index, "text"), vector(index, "image")
    items, scores = search(Live(index), [("text", text), ("image", image)], 100)
    wanted = (
        index.vectors["text"].unit @ text / np.linalg.norm(text)
        + index.vectors["image"].unit @ image / np.linalg.norm(image)
    ) / 2
    there = index.vectors["text"].present | index.vectors["image"].present
    assert len(items) == there.sum(), "an item that has neither is near nothing"
    np.testing.assert_allclose(scores, wanted[items], atol=1e-6)
    assert (np.diff(scores) <= 0).all()


def test_filters_hold_and_n_come_when_n_exist(index: Index) -> None:
    cards = [json.loads(index.item_cards[place]) for place in range(index.num_items)]
    present = index.vectors["text"].present
    label = next(label for card in cards for label in card["attributes"])
    value = next(card["attributes"][label][0] for card in cards if label in card["attributes"])
    fits = [place for place, card in enumerate(cards) if present[place] and value in card["attributes"].get(label, [])]
    items, _ = search(
        Live(index), [("text", vector(index, "text"))], 500, wanted=Wanted(attributes={label: value.upper()})
    )
    assert sorted(items.tolist()) == fits
    few, _ = search(Live(index), near(index), len(fits), wanted=Wanted(attributes={label: value}))
    assert len(few) == len(fits)
    kinds, _ = search(Live(index), near(index), 500, wanted=Wanted(kind="track"))
    assert len(kinds)
    assert {cards[place]["kind"] for place in kinds} == {"track"}
    years = sorted(card["year"] for card in cards if card["year"])
    dated, _ = search(
        Live(index), [("text", vector(index, "text"))], 500, wanted=Wanted(years=(years[0], years[0] + 1))
    )
    assert all(years[0] <= cards[place]["year"] <= years[0] + 1 for place in dated)
    assert not len(search(Live(index), near(index), 5, wanted=Wanted(kind="spaceship"))[0])


def test_like_an_item_is_not_the_item_itself(index: Index) -> None:
    place = int(np.flatnonzero(index.vectors["text"].present & index.vectors["image"].present)[0])
    name = index.item_ids[place].decode()
    items, scores = search(Live(index), [], 5, like=[name])
    assert place not in items
    mean = sum(table.unit[items] @ table.unit[place] for table in index.vectors.values()) / len(index.vectors)
    np.testing.assert_allclose(scores, mean, atol=1e-6)


def test_what_cannot_be_searched_is_named(index: Index) -> None:
    with pytest.raises(InvalidData, match="nothing to search"):
        search(Live(index), [], 5)
    with pytest.raises(Unsupported, match="audio"):
        search(Live(index), [("audio", np.ones(4, np.float32))], 5)
    with pytest.raises(Unsupported, match="3 wide"):
        search(Live(index), [("text", np.ones(3, np.float32))], 5)
    with pytest.raises(NotFound):
        search(Live(index), [], 5, like=["p:nobody"])


def test_the_index_says_which_encoders_made_its_vectors(index: Index) -> None:
    assert set(index.encoders) == set(index.vectors)
    assert all(name and version for name, version in index.encoders.values())
