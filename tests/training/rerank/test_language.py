"""A judge from above: its reach is chosen on validation, and a bad one is given none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from encoders.language.reorder import reorder
from graph.errors import Unsupported
from graph.snapshot_read import read_folder
from tests.training.rerank.shops import write_shop
from training.rerank.compare import RerankPlan, _possible, rerank
from training.rerank.features import item_facts
from training.rerank.language import chosen_reach, lists_of, read_judgements
from training.rerank.pool import make_pool
from training.tasks import find_task, task_data
from training.zoo import find


class Groups:
    """Likes items of the group that most of the liked ones are in; `turned`: the others."""

    name = "groups"

    def __init__(self, turned: bool) -> None:
        self.turned = turned
        self.groups = np.empty(0, np.int64)

    def judge(self, liked: Sequence[int], candidates: Sequence[int]) -> list[float | None]:
        group = round(float(np.mean(self.groups[list(liked)])))
        return [float((self.groups[item] == group) != self.turned) for item in candidates]

    def reorder(self, judged: Sequence[float | None], reach: int) -> list[int]:
        return reorder(judged, reach=reach)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = read_folder(write_shop(tmp_path_factory.mktemp("shops") / "shop"))
    prepared = task_data(find_task("top-n"), folder).prepared
    first = find("popularity").build().fit(prepared.data)
    groups = np.array([int(name.rpartition(":")[2]) % 2 for name in folder.snapshot.items.ids])
    return make_pool(first, [], prepared.data.validation, 20), groups, folder, prepared.data


@pytest.mark.parametrize("turned", [False, True])
def test_validation_chooses_how_far_a_judge_may_move_items(parts, turned):
    pool, groups, _, _ = parts
    judge = Groups(turned)
    judge.groups = groups
    judged = read_judgements(judge, pool, lambda _text: None, "validation")
    reach = chosen_reach(judge, pool, judged)
    assert (reach == 0) == turned
    plain = pool.ordered(pool.scores)
    assert np.array_equal(lists_of(judge, pool, judged, 0), plain)
    assert pool.ndcg(lists_of(judge, pool, judged, reach)) >= pool.ndcg(plain)


def test_it_is_tried_only_when_it_is_named(parts):
    _, _, folder, data = parts
    facts = item_facts(folder.snapshot, data)
    assert "language" not in _possible(RerankPlan(), facts, folder.snapshot)[0]
    assert _possible(RerankPlan(ways=("language",)), facts, folder.snapshot) == (("language",), {})


def test_without_a_judge_the_way_is_refused(tmp_path):
    plan = RerankPlan(first="popularity", ways=("language",), candidates=20)
    with pytest.raises(Unsupported, match="without a language model"):
        rerank(write_shop(tmp_path / "shop"), plan)
