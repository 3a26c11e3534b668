"""What each task ranks: given and drawn negatives, labelled pairs, and what side information brings."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from graph.errors import Unsupported
from graph.snapshot_read import read_folder
from training.bench import bench
from training.pairs import auc, label_scores, user_auc
from training.tasks import NEGATIVES, TASKS, task_data
from training.zoo import find

USERS, ITEMS = 30, 150


def write(folder, name, header, rows):
    folder.mkdir(exist_ok=True)
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Train, valid and test of users who like items of their own half, with five negatives for all users but one."""
    folder = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(3)
    rows = {"train": [], "valid": [], "test": [], "negatives": []}
    for user in range(USERS):
        own = rng.permutation(ITEMS // 2)[:12] * 2 + user % 2
        for place, item in enumerate(own):
            part = "train" if place < 10 else "valid" if place == 10 else "test"
            rows[part].append((f"u{user}", f"i{item}", place))
        free = [item for item in range(ITEMS) if item not in set(own)]
        if user:
            rows["negatives"] += [(f"u{user}", f"i{item}") for item in rng.choice(free, 5, replace=False)]
    for name in ("train", "valid", "test"):
        write(folder, name, "user,item,time", rows[name])
    write(folder, "negatives", "user,item", rows["negatives"])
    return folder


def test_test_items_are_ranked_among_the_given_negatives(parts):
    folder = read_folder(parts)
    found = task_data(TASKS["ranking-99"], folder)
    test = found.prepared.test
    first = folder.snapshot.users.position("data:u0")
    sizes = dict(zip(test.users.tolist(), np.diff(test.candidates.indptr).tolist(), strict=True))
    assert sizes.pop(first) == NEGATIVES + 1, "a user without given negatives gets drawn ones"
    assert set(sizes.values()) == {6}
    for row, user in enumerate(test.users):
        if user != first:
            ranked = set(test.candidates[row].indices.tolist()) - set(test.relevant[row].indices.tolist())
            assert ranked == set(folder.negatives[int(user)].tolist())


def test_drawn_negatives_were_never_met_and_repeat_with_the_seed(parts):
    folder = read_folder(parts)
    validation = task_data(TASKS["ranking-99"], folder, seed=1).prepared.data.validation
    assert (np.diff(validation.candidates.indptr) == NEGATIVES + 1).all()
    assert validation.candidates.multiply(validation.excluded).nnz == 0
    again = task_data(TASKS["ranking-99"], folder, seed=1).prepared.data.validation
    other = task_data(TASKS["ranking-99"], folder, seed=2).prepared.data.validation
    assert (validation.candidates != again.candidates).nnz == 0
    assert (validation.candidates != other.candidates).nnz > 0


def test_a_model_that_knows_nothing_hits_as_often_as_chance(parts):
    """Among six candidates the first is right one time in six; over the whole catalogue it would be one in 138."""
    found = bench("ranking-99", parts, model="popularity")
    assert {"hr@1", "ndcg@10", "mrr@5"} <= set(found.metrics)
    assert found.metrics["hr@10"] > 0.9, "ten places hold all six"
    assert found.metrics["hr@1"] < 0.5
    assert "given negatives" in found.split


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Pairs with labels; an item's genre says who likes it, and half the items are new to everybody in test."""
    folder = tmp_path_factory.mktemp("labelled")
    rng = np.random.default_rng(5)
    rows = {"train": [], "valid": [], "test": []}
    for user in range(USERS):
        items = rng.permutation(ITEMS)
        for place, item in enumerate(items[:60]):
            part = "train" if place < 40 else "valid" if place < 50 else "test"
            rows[part].append((f"u{user}", f"i{item}", int(item % 3 == user % 3)))
    for name, values in rows.items():
        write(folder, name, "user,item,value", values)
    write(folder, "triples", "head,relation,tail", [(f"i{item}", "genre", f"g{item % 3}") for item in range(ITEMS)])
    return folder


def test_the_area_under_the_curve_is_scikit_learns(labelled):
    prepared = task_data(TASKS["kg"], read_folder(labelled)).prepared
    model = find("ease").build().fit(prepared.data)
    scores, labels = label_scores(model, prepared.test)
    assert len(scores) == prepared.test.candidates.nnz
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    start, end = prepared.test.candidates.indptr[3:5]
    by_user = user_auc(scores, labels, prepared.test)
    assert by_user[3] == pytest.approx(roc_auc_score(labels[start:end], scores[start:end]))


def test_labels_are_told_from_ratings_and_the_graph_is_measured(labelled):
    found = bench("kg", labelled, model="content-graph").as_dict()
    assert "labelled pairs" in found["split"]
    assert found["metrics"]["auc"] > 0.85
    assert found["metrics"]["gauc"] > 0.95
    assert abs(found["baselines"]["popularity"]["gauc"] - 0.5) < 0.15
    assert found["without"] == {"part": "triples", "why": "content-graph cannot be fitted without it"}


def test_what_the_side_information_brings_is_a_paired_difference(labelled):
    found = bench("kg", labelled, model="gnn", overrides={"epochs": 3, "embedding_size": 16})
    assert found.without["part"] == "triples"
    difference = found.without["difference"]
    gap = found.metrics["gauc"] - found.without["metrics"]["gauc"]
    assert difference["difference"] == pytest.approx(gap)
    assert difference["low"] <= gap <= difference["high"]


def test_a_task_without_its_side_information_is_refused(parts):
    with pytest.raises(Unsupported, match="friends"):
        bench("social", parts, model="popularity")
