"""The table: chosen on validation, test read once, each way measured as the first stage is."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData, NotFound, Unsupported
from graph.snapshot_read import read_folder
from tests.training.rerank.shops import write_shop
from training.auto import choose
from training.evaluate import on_test
from training.rerank import ways
from training.rerank.compare import RerankPlan, check, rerank, rows_of
from training.rerank.features import item_facts
from training.rerank.pool import make_pool
from training.rerank.ways import Reranked, Stage, by_mmr, measured_vectors
from training.tasks import find_task, task_data
from training.zoo import find

PLAN = RerankPlan(first="item-knn", ways=("mmr", "dpp", "calibration"), candidates=20, keep=0.9)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return write_shop(tmp_path_factory.mktemp("shops") / "shop")


@pytest.fixture(scope="module")
def result(shop):
    said: list[str] = []
    found = rerank(shop, PLAN, note=said.append)
    assert "mmr: fitting and choosing on validation" in said
    return found


@pytest.fixture(scope="module")
def stage(shop):
    folder = read_folder(shop)
    prepared = task_data(find_task("top-n"), folder).prepared
    first = find("item-knn").build().fit(prepared.data)
    pools = [make_pool(first, [], part, 20) for part in (prepared.data.validation, prepared.test)]
    facts = item_facts(folder.snapshot, prepared.data)
    vectors = measured_vectors(folder.snapshot)
    return Stage(*pools, facts, folder.snapshot, 0.9, 1.0, lambda _text: None, vectors=vectors), prepared


def test_the_first_stage_is_measured_as_bench_measures_it(shop, result):
    prepared = task_data(find_task("top-n"), read_folder(shop)).prepared
    metrics = on_test(choose(find("item-knn"), prepared.data).recommender, prepared).metrics
    row = result.rows[0]
    names = ("ndcg@10", "recall@10", "hr@10", "coverage@10")
    assert {name: row[name] for name in names} == pytest.approx({name: metrics[name] for name in names})
    assert row["difference"] is None


def test_each_way_is_a_row_with_a_paired_difference(result):
    assert [row["name"] for row in result.rows] == ["first stage", "mmr", "dpp", "calibration"]
    for row in result.rows[1:]:
        moved = row["ndcg@10"] - result.rows[0]["ndcg@10"]
        assert row["difference"]["difference"] == pytest.approx(moved)
        assert row["difference"]["low"] <= moved <= row["difference"]["high"]
        assert row["difference"]["adjusted"] >= row["difference"]["p_value"]


def test_ways_bring_what_they_are_for(result):
    first, mmr, dpp, calibrated = result.rows
    assert min(mmr["diversity@10"], dpp["diversity@10"]) > first["diversity@10"]
    assert calibrated["miscalibration@10"] < first["miscalibration@10"]


def test_a_trade_keeps_its_share_of_validation(stage):
    made, _ = stage
    pool = made.validation
    first = pool.ndcg(pool.ordered(pool.scores))
    weights = [float(next(by_mmr(replace(made, keep=keep))).chosen.split()[-1]) for keep in (0.7, 0.97, 1.0)]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > weights[-1]
    lists = ways.mmr(pool.scores, pool.items, made.facts.space, weight=weights[1], k=10)
    assert pool.ndcg(lists) >= 0.97 * first


@pytest.mark.parametrize("way", ["mmr", "calibration", "lambdamart"])
def test_what_is_relevant_in_test_changes_no_choice_and_no_list(stage, way):
    if way == "lambdamart":
        pytest.importorskip("lightgbm", reason="the extra lightgbm is not installed")
    made, _ = stage
    test = made.test
    turned = test.held_out.relevant[np.arange(len(test))[::-1]]
    blind = replace(test, held_out=replace(test.held_out, relevant=turned), relevant=np.zeros_like(test.relevant))
    seen, unseen = (next(iter(ways.WAYS[way](replace(made, test=one)))) for one in (test, blind))
    assert seen.chosen == unseen.chosen
    assert (np.sort(seen.lists, 1) == np.sort(unseen.lists, 1)).mean() > 0.99, "but for ties, that count against"


def test_a_row_of_the_same_lists_differs_by_nothing(stage):
    made, prepared = stage
    lists = made.test.ordered(made.test.scores)
    rows = rows_of([Reranked(name, "", lists, 0.0) for name in ("first stage", "same")], made, prepared.data)
    assert rows[1]["difference"]["difference"] == 0.0
    assert rows[1]["ndcg@10"] == rows[0]["ndcg@10"]


def test_users_can_be_fewer(shop):
    assert rerank(shop, replace(PLAN, ways=("mmr",), users=25)).users == 25


def test_what_cannot_be_is_left_out_with_its_reason_unless_it_was_named(tmp_path, monkeypatch):
    bare = write_shop(tmp_path / "bare", attributes=False)
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(Unsupported, match="no way") as error:
        rerank(bare, replace(PLAN, ways=()))
    assert "Genre" in str(error.value)
    assert "lightgbm" in str(error.value)
    with pytest.raises(Unsupported, match="calibration without kinds"):
        rerank(bare, replace(PLAN, ways=("calibration",)))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"ways": ("magic",)}, InvalidData, "'magic'"),
        ({"first": "nobody"}, NotFound, "'nobody'"),
        ({"task": "guess"}, Unsupported, "'guess'"),
        ({"candidates": 5}, InvalidData, "5 candidates"),
        ({"keep": 0.0}, InvalidData, "share of 0"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_reading(change, error, said):
    with pytest.raises(error, match=said):
        check(replace(PLAN, **change))
