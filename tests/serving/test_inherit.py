"""New items inherit scores: the equation by hand, the cold items of an index, and the same for one that comes later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graph.schema import KINDS
from graph.snapshot import EmbeddingTable, IdMap, Interactions, Snapshot, Triples
from serving.candidates import all_scores, model_scores
from serving.foldin import viewer
from serving.index import Index, open_index
from serving.inherit import KEPT, centred, inherited
from serving.live import Live, known, overlaid
from serving.overlay import Change
from serving.publish import publish
from serving.rank import score
from serving.recommend import Wish, recommend
from tests.serving.conftest import INFO
from training.train import everything
from training.zoo import find

GROUPS, EACH, USERS = 4, 24, 80
COLD = "p:cold0"
TABLE = "made:up", "1"


@pytest.fixture(scope="module")
def grouped() -> Snapshot:
    """Items of four groups that read, and are joined, alike; each user likes one group. One item a group is cold."""
    rng = np.random.default_rng(3)
    warm = [f"p:g{group}i{place:02d}" for group in range(GROUPS) for place in range(EACH)]
    ids = tuple(sorted([*warm, *(f"p:cold{group}" for group in range(GROUPS))]))
    items, users = IdMap(ids, "item"), IdMap(tuple(f"p:u{user:02d}" for user in range(USERS)), "user")
    group = np.array([int(name[6]) if name.startswith("p:cold") else int(name[3]) for name in ids])
    liked = [
        (user, item)
        for user in range(USERS)
        for item in rng.permutation(np.flatnonzero((group == user % GROUPS) & ~_is_cold(ids)))[:8].tolist()
    ] + [(user, int(item)) for user in range(USERS) for item in rng.permutation(np.flatnonzero(~_is_cold(ids)))[:2]]
    rows = sorted(set(liked))
    user, item = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    centres = rng.standard_normal((GROUPS, 12))
    vectors = (centres[group] + 0.3 * rng.standard_normal((len(ids), 12))).astype(np.float32)
    entities = IdMap(tuple(f"Genre:Genre:{name}" for name in "abcd"), "entity")
    head = np.arange(len(ids), dtype=np.int32)
    return Snapshot(
        users=users,
        items=items,
        entities=entities,
        relations=("HAS_GENRE",),
        interactions=Interactions(
            user, item, np.full(len(rows), KINDS.index("liked"), np.int8), np.full(len(rows), np.nan, np.float32),
            np.arange(len(rows), dtype=np.int64),
        ),
        triples=Triples(head, np.zeros(len(ids), np.int16), (len(ids) + group).astype(np.int32)),
        friendships=np.empty((0, 2), np.int32),
        identities={},
        item_properties=pa.table({"title": [f"Item {name}" for name in ids]}),
        user_properties=pa.table({"age": pa.array([20 + user % GROUPS for user in range(USERS)], pa.int64())}),
        embeddings={"text": EmbeddingTable(vectors, np.ones(len(ids), np.bool_), *TABLE)},
    )  # fmt: skip


def _is_cold(ids: tuple[str, ...]) -> np.ndarray:
    return np.array([name.startswith("p:cold") for name in ids])


@pytest.fixture(scope="module")
def index(grouped: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Index:
    home: Path = tmp_path_factory.mktemp("grouped")
    publish(grouped, find("ease").build().fit(everything(grouped, None)), home=home, model=INFO)
    return open_index(home, verify=True)


def change(index: Index, group: int, name: str = "p:new") -> Change:
    """An item that reads exactly as the cold one of a group, and is joined with the same genre."""
    vector = np.asarray(index.vectors["text"].unit[index.item(f"p:cold{group}")])
    body = {"title": "New", "kind": "item", "attributes": {"Genre": ["abcd"[group]]}}
    return Change(1, name, gone=False, body=body, vectors={"text": (*TABLE, vector)})


def live_with(index: Index, *changes: Change) -> Live:
    return overlaid(index, changes, known(index, changes, {}))


def test_the_weights_solve_the_ridge(index: Index) -> None:
    inherit = index.inherit
    assert inherit is not None
    assert len(inherit.landmarks) == GROUPS * EACH
    gram = np.linalg.inv(inherit.solver.astype(np.float64))
    place = int(inherit.landmarks[5])
    nodes = index.item_ids and [inherit.node(f"Genre:Genre:{'abcd'[int(index.item_ids[place].decode()[3])]}")]
    likeness = inherit.likeness({"text": np.asarray(index.vectors["text"].unit[place])}, nodes)
    off = gram[5].copy()
    off[5] -= gram[5, 5] - likeness[5]
    np.testing.assert_allclose(likeness, off, atol=2e-3)
    full = likeness @ inherit.solver
    found = inherit.of(likeness[None])
    assert found.places.shape == (1, KEPT)
    kept = np.isin(inherit.landmarks, found.places[0])
    assert np.abs(full[kept]).min() >= np.abs(full[~kept]).max() - 1e-6


def test_scores_are_weighted_sums_about_the_mean(index: Index) -> None:
    inherit = index.inherit
    assert inherit is not None
    scores = np.random.default_rng(0).standard_normal((3, index.num_items)).astype(np.float32)
    found = inherited(scores, inherit.landmarks, inherit.cold_from, inherit.stretch)
    for user in range(3):
        mean = scores[user, inherit.landmarks].mean()
        for place in range(GROUPS):
            weights, places = inherit.cold_from.weights[place], inherit.cold_from.places[place]
            expected = mean + inherit.stretch * float((scores[user, places] - mean) @ weights)
            assert found[user, place] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_stretch_gives_predictions_the_spread_of_scores(index: Index) -> None:
    """Leaving each landmark out of its own prediction, by fitting anew without it, gives the spread that is undone."""
    inherit = index.inherit
    assert inherit is not None
    gram = np.linalg.inv(inherit.solver.astype(np.float64))
    m = len(gram)
    users = range(0, USERS, 8)
    scores = np.stack([score(index, user, index.known[user]) for user in users])[:, inherit.landmarks]
    scores = scores - scores.mean(1, keepdims=True)
    predicted = np.empty_like(scores)
    for left in range(m):
        others = np.arange(m) != left
        predicted[:, left] = scores[:, others] @ np.linalg.solve(gram[np.ix_(others, others)], gram[others, left])
    by_hand = scores.std(1).mean() / predicted.std(1).mean()
    assert inherit.stretch == pytest.approx(max(1.0, by_hand), rel=0.1)


def test_cold_items_reach_those_who_like_their_group(index: Index) -> None:
    live = Live(index)
    for user in range(12):
        ranks = np.argsort(np.argsort(-all_scores(live, user, index.known[user])))
        cold = [int(ranks[index.item(f"p:cold{group}")]) for group in range(GROUPS)]
        assert int(np.argmin(cold)) == user % GROUPS
        assert min(cold) < EACH + 2
    listed = recommend(live, Wish("p:u01", 40))
    assert listed.source == "list"
    assert index.item("p:cold1") in listed.items


def test_the_published_list_is_the_live_order(index: Index) -> None:
    live = Live(index)
    found = recommend(live, Wish("p:u02", 50))
    scores = model_scores(live, viewer(live, "p:u02"))
    np.testing.assert_allclose(found.scores, np.sort(scores)[::-1][:50], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("group", range(GROUPS))
def test_an_item_that_comes_later_is_scored_as_if_it_had_been_there(index: Index, group: int) -> None:
    live = live_with(index, change(index, group))
    assert live.has_source.all()
    for user in (0, 1, 7):
        scores = all_scores(live, user, index.known[user])
        twin = scores[index.item(f"p:cold{group}")]
        assert scores[live.item("p:new")] == pytest.approx(float(twin), rel=0.02, abs=2e-3)


def test_without_content_nothing_is_inherited(index: Index) -> None:
    bare = Change(1, "p:bare", gone=False, body={"title": "Bare"}, vectors={})
    live = live_with(index, bare)
    assert not live.has_source.any()
    assert live.item("p:bare") not in recommend(live, Wish("p:u00", 200)).items


def test_another_encoders_vectors_do_not_count(index: Index) -> None:
    vector = np.asarray(index.vectors["text"].unit[0])
    other = Change(1, "p:x", gone=False, body={"title": "X"}, vectors={"text": ("other", "1", vector)})
    assert not live_with(index, other).has_source.any()


def test_centring_keeps_rows_of_unit_length() -> None:
    rows = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(centred(rows, rows.mean(0)), axis=1), 1, rtol=1e-5)
