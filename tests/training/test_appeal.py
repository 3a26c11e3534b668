"""Appeal: newcomers are ranked by the popularity that their content lets one expect, and by nothing of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.snapshot import IdMap, Interactions, Triples
from graph.snapshot_read import FolderData
from tests.training.models.small import everybody, small_data
from tests.training.planted import snapshot_of
from training.appeal import appeal, expected
from training.evaluate import on_test
from training.models.content_ridge import ContentRidge, ContentRidgeConfig
from training.models.popularity import Popularity
from training.tasks import find_task, task_data

USERS, ITEMS = 80, 60


@pytest.fixture(scope="module")
def folder():
    """Every user likes four in five of the even items, which won a prize, and one in ten of the others."""
    rng = np.random.default_rng(0)
    liked = rng.random((USERS, ITEMS)) < np.where(np.arange(ITEMS) % 2 == 0, 0.8, 0.1)
    user, item = (one.astype(np.int32) for one in liked.nonzero())
    same = len(user)
    rows = Interactions(
        user, item, np.full(same, 3, np.int8), np.full(same, 5, np.float32), np.arange(same, dtype=np.int64)
    )
    items = np.arange(ITEMS, dtype=np.int32)
    triples = Triples(items, np.zeros(ITEMS, np.int16), (ITEMS + items % 2).astype(np.int32))
    entities = IdMap(("Prize:yes", "Prize:no"), "entity")
    snapshot = replace(snapshot_of(rows), triples=triples, relations=("PRIZE",), entities=entities)
    return FolderData(snapshot, None, np.arange(same))


def test_newcomers_with_what_is_liked_come_first_for_everybody(folder):
    prepared = task_data(find_task("cold-item"), folder, seed=3).prepared
    found = appeal(prepared)
    assert found is not None
    new = np.flatnonzero(prepared.test.only)
    assert min(found.counts[new[new % 2 == 0]]) > max(found.counts[new[new % 2 == 1]])
    popularity = on_test(Popularity().fit(prepared.data), prepared, ks=(10,)).metrics["ndcg@10"]
    assert on_test(found, prepared, ks=(10,)).metrics["ndcg@10"] > popularity + 0.3


def test_it_reads_no_interaction_of_the_newcomers(folder):
    """The same list whatever the test part says."""
    prepared = task_data(find_task("cold-item"), folder, seed=3).prepared
    emptied = replace(prepared, test=replace(prepared.test, relevant=0 * prepared.test.relevant))
    one, other = appeal(prepared), appeal(emptied)
    assert one is not None
    assert other is not None
    assert (one.counts == other.counts).all()


def test_it_is_the_sum_of_what_the_content_ridge_gives_each_user():
    data = small_data(num_users=60, num_items=30)
    config = ContentRidgeConfig("fused", regularization=2.0)
    whole = ContentRidge(config).fit(data).score(everybody(data))
    assert np.allclose(expected(config, data).counts, whole.sum(0), atol=1e-3)


def test_items_without_content_have_no_appeal(folder):
    prepared = task_data(find_task("cold-item"), folder, seed=3).prepared
    bare = replace(prepared.data, side=prepared.data.side.without("triples"))
    assert appeal(replace(prepared, data=bare)) is None
