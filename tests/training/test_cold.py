"""Newcomers among items and users: who is held out, what of them is shown, and that nothing of them is learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from graph.errors import InvalidData
from graph.snapshot import Triples
from graph.snapshot_read import FolderData
from tests.training.planted import planted_interactions, snapshot_of
from training.bench import bench
from training.bench_cold_users import bench_cold_user
from training.cold import SHARE, hold_out_items
from training.cold_users import ASKED, GIVEN, LEAST_ITEMS, MOST_DRAWS, TEST_SHARE, WAYS, hold_out_users
from training.covariance import covariance
from training.data import UNKNOWN
from training.evaluate import rank
from training.models.popularity import Popularity
from training.split import TEST, TRAIN, VALIDATION
from training.tasks import find_task, task_data

ITEMS = 40


@pytest.fixture(scope="module")
def folder():
    """Users and items of two kinds; items say their kind by an attribute, users by their profile."""
    snapshot = snapshot_of(planted_interactions(num_users=120, num_items=ITEMS))
    kinds = np.arange(ITEMS, dtype=np.int32)
    triples = Triples(kinds, np.zeros(ITEMS, np.int16), (ITEMS + kinds % 2).astype(np.int32))
    profiles = pa.table({"id": list(snapshot.users.ids), "side": [str(user % 2) + "x" for user in range(120)]})
    entities = type(snapshot.entities)(("Kind:even", "Kind:odd"), "entity")
    snapshot = replace(snapshot, triples=triples, relations=("KIND",), entities=entities, user_properties=profiles)
    return FolderData(snapshot, None, np.arange(len(snapshot.interactions)))


def fixed(folder, part):
    return replace(folder, part=part)


def test_whole_items_are_held_out(folder):
    rows = folder.snapshot.interactions
    found = hold_out_items(rows, ITEMS, seed=3)
    assert found.test.sum() == ITEMS // SHARE
    assert not (found.test & found.validation).any()
    for item in range(ITEMS):
        wanted = TEST if found.test[item] else VALIDATION if found.validation[item] else TRAIN
        assert set(found.part[rows.item[found.rows] == item]) <= {wanted}
    assert (hold_out_items(rows, ITEMS, seed=3).test == found.test).all()
    assert (hold_out_items(rows, ITEMS, seed=4).test != found.test).any()


def test_of_fixed_parts_only_items_unknown_to_train_are_new(folder):
    rows = folder.snapshot.interactions
    part = np.where(rows.item < 6, TEST, TRAIN).astype(np.int8)
    part[np.flatnonzero(rows.item == 5)[0]] = TRAIN  # somebody met item 5
    found = hold_out_items(rows, ITEMS, seed=1, part=part)
    assert np.flatnonzero(found.test).tolist() == [0, 1, 2, 3, 4]
    assert 5 not in rows.item[found.rows][found.part == TEST]
    with pytest.raises(InvalidData, match="every item of the test part"):
        hold_out_items(rows, ITEMS, seed=1, part=np.where(rows.user < 6, TEST, TRAIN).astype(np.int8))


def test_newcomers_alone_are_ranked_and_never_learned_from(folder):
    parts = task_data(find_task("cold-item"), folder, seed=5).prepared
    test, validation = parts.test, parts.data.validation
    assert test.only is not None
    assert validation is not None
    assert set(rank(Popularity().fit(parts.data), test, 5).ravel().tolist()) <= {
        -1,
        *np.flatnonzero(test.only).tolist(),
    }
    assert not parts.data.matrix[:, test.only].nnz
    assert not parts.data.matrix[:, validation.only].nnz
    assert parts.everything.matrix[:, validation.only].nnz, "the last fit knows the validation's items"
    assert not parts.everything.matrix[:, test.only].nnz


def write(folder, path):
    """The same as files."""
    path.mkdir()
    rows = folder.snapshot.interactions
    lines = [f"u{u},i{i},{t}" for u, i, t in zip(rows.user, rows.item, rows.time, strict=True)]
    (path / "interactions.csv").write_text("\n".join(["user,item,time", *lines]) + "\n")
    items = [f"i{item},Thing {item},{'even' if item % 2 == 0 else 'odd'}" for item in range(ITEMS)]
    (path / "items.csv").write_text("\n".join(["item,title,Kind[]", *items]) + "\n")
    users = [f"u{user},side{user % 2}" for user in range(120)]
    (path / "users.csv").write_text("\n".join(["user,side", *users]) + "\n")
    return path


def test_bench_ranks_new_items_by_what_they_are(folder, tmp_path):
    found = bench("cold-item", write(folder, tmp_path / "shop"), model="ridge-graph", seed=2)
    assert found.refit, "fitted once more with the validation's items"
    assert found.metrics["ndcg@10"] > found.baselines["popularity"]["ndcg@10"] + 0.1
    assert found.comparisons["appeal"]["difference"] == pytest.approx(
        found.metrics["ndcg@10"] - found.baselines["appeal"]["ndcg@10"]
    )
    assert found.comparisons["appeal"]["p_value"] < 0.05, "taste is more than what everybody likes"
    assert "a fifth of the items is new (seed 2)" in found.split


def test_what_a_part_brings_to_one_model(folder, tmp_path):
    shop = write(folder, tmp_path / "shop")
    found = bench("cold-item", shop, model="ridge-fused", seed=2, ablation=True)
    assert set(found.brings) == {"triples"}
    assert found.brings["triples"]["low"] > 0.1, "without the attributes nothing tells newcomers apart"
    assert not bench("cold-item", shop, model="ridge-fused", seed=2).brings


def test_whole_users_are_held_out_with_the_same_targets_whatever_is_known(folder):
    cold = hold_out_users(folder, seed=3)
    counts = np.bincount(folder.snapshot.interactions.user, minlength=120)
    assert len(cold.test) == (counts >= LEAST_ITEMS).sum() // TEST_SHARE
    for part in (cold.validation, cold.test):
        assert not cold.data.matrix[part.users].nnz
    assert not set(cold.test.users) & set(cold.validation.users)
    drawn = cold.validation
    first = np.flatnonzero(drawn.users == drawn.users[0])
    assert len(first) == MOST_DRAWS, "few validation users: each with several draws of targets"
    assert len({tuple(drawn.relevant[row].indices) for row in first}) > 1
    shown = {given: cold.test.held_out(given) for given in GIVEN}
    for given, held in shown.items():
        counts = np.diff(held.histories.indptr)
        assert (counts == given).all() if given is not None else (counts >= 5).all()
        assert (held.relevant != shown[0].relevant).nnz == 0
        assert (held.excluded != shown[None].excluded).nnz == 0
        batch = held.batch(slice(None))
        assert (batch.index == UNKNOWN).all()
        assert (batch.people == cold.test.users).all()
    assert not cold.everything.matrix[cold.test.users].nnz
    assert cold.everything.matrix[cold.validation.users].nnz, "the last fit knows validation's people"
    times = [shown[None].histories.times[start:end] for start, end in zip(
        shown[None].histories.indptr, shown[None].histories.indptr[1:], strict=False)]  # fmt: skip
    assert all((np.diff(one) >= 0).all() for one in times), "the first interactions are the oldest"


def test_which_interactions_are_given_changes_nothing_but_these(folder):
    first, drawn, asked = (hold_out_users(folder, seed=3, way=way) for way in WAYS)
    of_list = covariance(asked.everything.matrix).order(ASKED).tolist()
    for cold in (drawn, asked):
        assert (cold.test.relevant != first.test.relevant).nnz == 0
        assert (cold.test.held_out(3).excluded != first.test.held_out(3).excluded).nnz == 0
        assert (cold.test.held_out(None).histories.items == first.test.known.items).all()
    shown = drawn.test.held_out(3).histories
    assert (np.diff(shown.indptr) == 3).all()
    assert (shown.items != first.test.held_out(3).histories.items).any()
    assert (shown.items == hold_out_users(folder, seed=3, way="random").test.held_out(3).histories.items).all()
    answers = asked.test.held_out(3).histories
    for row in range(len(asked.test)):
        known = set(asked.test.known.take(np.array([row])).items.tolist())
        mine = answers.items[answers.indptr[row] : answers.indptr[row + 1]].tolist()
        assert set(mine) == set([item for item in of_list if item in known][:3]), "the first three of the list"


def test_what_was_shown_and_left_is_told_targets_among_it(folder):
    asked = hold_out_users(folder, seed=3, way="asked")
    of_list = covariance(asked.everything.matrix).order(ASKED).tolist()
    told = asked.test.held_out(3).histories
    assert told.said is not None
    targets = 0
    for row in range(len(asked.test)):
        mine = told.items[told.indptr[row] : told.indptr[row + 1]].tolist()
        left = told.said.items[told.said.indptr[row] : told.said.indptr[row + 1]].tolist()
        until = max(of_list.index(item) for item in mine) + 1 if len(mine) == 3 else len(of_list)
        assert sorted(left) == sorted(set(of_list[:until]) - set(mine))
        targets += len(set(left) & set(asked.test.relevant[row].indices.tolist()))
    assert targets, "a target on the list is yet to be met"
    assert asked.test.held_out(0).histories.said.items.tolist() == []
    assert asked.test.held_out(None).histories.said is None


def test_where_the_list_ends_fewer_are_given(folder, monkeypatch):
    monkeypatch.setattr("training.cold_users.ASKED", 6)
    counts = np.diff(hold_out_users(folder, seed=3, way="asked").test.held_out(5).histories.indptr)
    assert counts.min() < 5
    with pytest.raises(InvalidData, match="interactions given 'last'"):
        hold_out_users(folder, seed=3, way="last")


def test_of_fixed_parts_users_of_the_test_alone_are_new(folder):
    rows = folder.snapshot.interactions
    part = np.where(rows.user < 10, TEST, TRAIN).astype(np.int8)
    part[np.flatnonzero(rows.user == 0)[0]] = TRAIN
    cold = hold_out_users(fixed(folder, part), seed=1)
    assert cold.test.users.tolist() == list(range(1, 10))
    with pytest.raises(InvalidData, match="0 users can be held out for the test"):
        hold_out_users(fixed(folder, np.full(len(rows), TRAIN, np.int8)), seed=1)


def test_bench_tells_every_number_of_known_interactions(folder, tmp_path):
    shop = write(folder, tmp_path / "shop")
    found = bench_cold_user(shop, model="profile", seed=1)
    assert set(found.metrics) == {"0", "1", "3", "5", "all"}
    assert found.metrics["0"]["ndcg@10"] > found.baselines["popularity"]["0"]["ndcg@10"]
    assert found.beats_popularity["0"]["p_value"] < 0.05
    assert found.of_full["all"] == 1.0
    assert found.given["3"] == 3
    assert "items to ask about" in bench_cold_user(shop, model="profile", seed=1, way="asked").split
    blended = bench_cold_user(shop, budget=3, seed=1)
    assert blended.metrics["3"]["ndcg@10"] > blended.baselines["popularity"]["3"]["ndcg@10"]
    assert blended.fold_in_ms < 50
    assert "profile" in blended.chosen["0"]
