"""A large catalogue's best items are those that scoring everything gives, whatever the model, filters and changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.large_home import LargeSize, draw
from graph.snapshot import Snapshot
from serving import publish_approximate, retrieve
from serving.candidates import all_scores, model_scores, popular_first
from serving.foldin import Viewer
from serving.index import Index, open_index
from serving.index_files import MISSING
from serving.live import Live, known, overlaid
from serving.overlay import Change
from serving.publish import publish
from serving.rank import best, score
from serving.recommend import Wish, choose, recommend
from serving.retrieve import asked, can_retrieve
from tests.serving.conftest import INFO
from tests.serving.samples import sample_snapshot
from training.blend import Blend, BlendConfig, MemberConfig
from training.data import TrainingData
from training.train import everything
from training.zoo import ZOO

ONE = {"epochs": 1}
BLENDS = {
    "blend": (MemberConfig("ials", 0.5), MemberConfig("item-knn", 0.3), MemberConfig("popularity", 0.2)),
    "networks": (
        MemberConfig("sasrec", 0.4, ONE),
        MemberConfig("embedding-mlp", 0.3, ONE),
        MemberConfig("item-knn", 0.3),
    ),
    "sparse": (MemberConfig("item-knn", 0.6), MemberConfig("item-knn", 0.4, {"neighbours": 9, "alpha": 0.5})),
    "paths": (MemberConfig("knowledge-paths", 0.6), MemberConfig("bpr", 0.4, ONE)),
}
ALONE = ("ials", "item-knn", "popularity", "knowledge-paths")
PARAMETERS = ["blend", "sparse", "paths", *ALONE, pytest.param("networks", marks=pytest.mark.slow)]
ITEMS, USERS = 300, 40


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """Three kinds, genres and vectors; some items that nobody met."""
    return draw(LargeSize(USERS, ITEMS, per_user=12, dim=16))


@pytest.fixture(scope="module")
def training(snapshot: Snapshot) -> TrainingData:
    return everything(snapshot, None)


def published(snapshot: Snapshot, training: TrainingData, name: str, home: Path) -> Index:
    """With what retrieval needs, however small, and narrow enough that it is not everything."""
    patch = pytest.MonkeyPatch()
    patch.setattr(publish_approximate, "SCORES_FROM", 1)
    built = Blend(BlendConfig(BLENDS[name])) if name in BLENDS else ZOO[name].build()
    publish(snapshot, built.fit(training), home=home, model=INFO, histories=training.histories)
    patch.undo()
    return open_index(home)


@pytest.fixture(scope="module", params=PARAMETERS)
def index(request: pytest.FixtureRequest, snapshot: Snapshot, training: TrainingData, tmp_path_factory) -> Index:
    return published(snapshot, training, request.param, tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieve, "WIDTH", 60)


def exact(live: Live, user: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    scores = model_scores(live, Viewer("", user, live.index.known[user]))
    order = best(scores, n)
    return order, scores[order]


def test_any_item_s_score_is_the_exact_one(index: Index) -> None:
    assert can_retrieve(index)
    places = np.arange(index.num_items)
    for user in range(0, USERS, 5):
        for who, history in ((user, index.known[user]), (MISSING, index.known[user]), (MISSING, index.known[0][:0])):
            expected = score(index, who, history)
            np.testing.assert_allclose(
                asked(index, Viewer("", who, history)).scores(places), expected, rtol=2e-3, atol=2e-3
            )


def test_the_best_are_found(index: Index) -> None:
    live, hits, wanted = Live(index), 0, 0
    for user in range(USERS):
        items, scores = exact(live, user, 10)
        found = retrieve.retrieve(live, Viewer("", user, index.known[user]), 10, seen=index.seen[user])
        if found is None:
            continue  # all is scored: a model that knows of too few items
        np.testing.assert_allclose(found[1], np.sort(found[1])[::-1])
        np.testing.assert_allclose(found[1], all_scores(live, user, index.known[user])[found[0]], rtol=2e-3, atol=2e-3)
        assert not set(found[0].tolist()) & set(index.seen[user].tolist())
        close = found[1] >= scores[-1] - 2e-3  # equal scores may come in another order
        hits, wanted = hits + int((np.isin(found[0], items) | close).sum()), wanted + len(items)
    assert hits >= 0.98 * wanted


@pytest.fixture(scope="module")
def blend(snapshot: Snapshot, training: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return published(snapshot, training, "blend", tmp_path_factory.mktemp("blend"))


@pytest.mark.parametrize("kind", ["movie", "track", "article"])
def test_n_come_back_when_n_exist(blend: Index, kind: str) -> None:
    live = Live(blend)
    code = blend.kinds.index(kind)
    for user in range(0, USERS, 7):
        name = blend.user_ids[user].decode()
        there = np.setdiff1d(np.flatnonzero(blend.item_kind == code), blend.seen[user])
        for n in (5, 60, 500):
            found = recommend(live, Wish(name, n, kind=kind))
            assert len(found.items) == min(n, len(there))
            assert set(found.items) <= set(there.tolist())
            scores = model_scores(live, Viewer("", user, blend.known[user]))[found.items]
            np.testing.assert_allclose(found.scores, scores, rtol=2e-3, atol=2e-3)


def test_excluded_and_deleted_items_never_come(blend: Index) -> None:
    user = next(user for user in range(USERS) if len(blend.known[user]))
    name = blend.user_ids[user].decode()
    live = Live(blend)
    first = [blend.item_ids[item].decode() for item in exact(live, user, 5)[0]]
    rest = exact(live, user, 25)[0][5:].tolist()
    keep = choose(live, None, tuple(first))
    found = retrieve.retrieve(
        live,
        Viewer("", user, blend.known[user]),
        20,
        seen=blend.seen[user],
        keep=lambda places: keep.keep(live, places),
    )
    assert found is not None
    assert len(set(found[0].tolist()) & set(rest)) >= 19
    gone = overlaid(blend, [Change(place, one, gone=True) for place, one in enumerate(first)], {})
    found = retrieve.retrieve(gone, Viewer("", user, blend.known[user]), 20, seen=blend.seen[user])
    assert found is not None
    assert not set(found[0].tolist()) & {blend.item(one) for one in first}
    assert not set(recommend(gone, Wish(name, 300)).items) & {blend.item(one) for one in first}


def test_new_items_stand_where_exact_scoring_puts_them(blend: Index) -> None:
    assert blend.inherit is not None
    assert len(blend.inherit.cold), "the sample has items that nobody met"
    body = {"title": "New", "kind": "movie", "attributes": {"Genre": ["g01"]}}
    vectors = {name: (*blend.encoders[name], np.asarray(table.unit[3])) for name, table in blend.vectors.items()}
    changes = [Change(1, "synthetic:new", gone=False, body=body, vectors=vectors)]
    live = overlaid(blend, changes, known(blend, changes, {}))
    for user in range(0, USERS, 6):
        if len(blend.known[user]):
            places = np.concatenate([blend.inherit.cold, [live.num_items - 1]]).astype(np.int64)
            expected = all_scores(live, user, blend.known[user])[places]
            question = asked(blend, Viewer("", user, blend.known[user]))
            np.testing.assert_allclose(retrieve.score_some(live, question, places), expected, rtol=5e-3, atol=5e-3)
            items = exact(live, user, 10)[0]
            found = retrieve.retrieve(live, Viewer("", user, blend.known[user]), 10, seen=blend.seen[user])
            assert found is not None
            assert len(np.intersect1d(found[0], items)) >= 9


def test_a_small_catalogue_has_no_search(tmp_path: Path) -> None:
    publish(sample_snapshot(), ZOO["ials"].build().fit(everything(sample_snapshot(), None)), home=tmp_path, model=INFO)
    found = open_index(tmp_path)
    assert not can_retrieve(found)
    assert not list(found.folder.glob("search.*"))


def test_the_popular_are_walked_from_the_top(blend: Index) -> None:
    live = Live(blend)
    everything_else = np.flatnonzero(blend.item_kind == blend.kinds.index("article"))
    for user in (0, 11):
        who = Viewer("", user, blend.known[user])
        items, _ = popular_first(live, who, 7, lambda places: np.isin(places, everything_else))
        unseen = blend.popular[~np.isin(blend.popular, blend.seen[user])]
        assert items.tolist() == unseen[np.isin(unseen, everything_else)][:7].tolist()
