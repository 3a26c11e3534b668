"""A student of 32 numbers ranks as its teacher does, whoever that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import NotFound
from tests.training.models.planted_graph import Planted, ndcg, planted, popularity_ndcg
from tests.training.models.small import histories_of
from training.data import TrainingData, UserBatch
from training.models.distilled import Distilled, DistilledConfig, build_teacher
from training.recommender import Recommender
from training.topk import top_k

SMALL = DistilledConfig(embedding_size=8, epochs=40, depth=20)


@pytest.fixture(scope="module")
def world() -> Planted:
    return planted()


def test_learns_what_its_teacher_knows(world: Planted) -> None:
    teacher = build_teacher("ease").fit(world.data)
    student = Distilled(SMALL).learn(teacher, world.data)
    assert ndcg(student, world.test) > 1.5 * popularity_ndcg(world)
    assert ndcg(student, world.test) > 0.95 * ndcg(teacher, world.test)


class Odd:
    """Ranks against all that anybody met: its word is the only thing that a student can have this from."""

    name = "odd"

    def __init__(self, num_items: int) -> None:
        self.scores = np.random.default_rng(3).normal(size=(4, num_items)).astype(np.float32)

    def score(self, users: UserBatch) -> np.ndarray:
        return self.scores[users.index % 4]


@pytest.mark.parametrize("candidates", [4096, 30])
def test_the_teachers_list_is_the_students(world: Planted, candidates: int) -> None:
    """The whole catalogue in the softmax's denominator, and a part of it."""
    teacher, data = Odd(world.data.num_items), world.data
    student = Distilled(replace(SMALL, candidates=candidates)).learn(teacher, data)  # type: ignore[arg-type]
    assert kept(student, teacher, data) > 0.9  # type: ignore[arg-type]


def kept(model: Recommender, teacher: Recommender, data: TrainingData) -> float:
    """Share of the teacher's ten best that are the model's."""
    everybody = UserBatch(np.arange(data.num_users), data.histories)
    lists = [top_k(np.array(one.score(everybody)), data.matrix, 10)[0] for one in (teacher, model)]
    return float(np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(*lists, strict=True)]))


def test_teaching_keeps_more_of_the_list_than_the_approximation_it_begins_from(world: Planted) -> None:
    teacher = Odd(world.data.num_items)  # four tastes that have nothing in common, in two numbers a user
    narrow = replace(SMALL, embedding_size=2, batch_size=16, depth=10)
    begun, taught = (
        Distilled(replace(narrow, epochs=epochs, learning_rate=rate)).learn(teacher, world.data)
        for epochs, rate in ((1, 1e-9), (40, 0.01))
    )
    assert kept(taught, teacher, world.data) > kept(begun, teacher, world.data) + 0.05


def test_who_met_everything_or_nothing_teaches_nothing_wrong(world: Planted) -> None:
    num_items = world.data.num_items
    rows = [row.indices.tolist() for row in world.data.matrix]
    rows[0], rows[1] = list(range(num_items)), []
    data = TrainingData(histories_of(rows, num_items), world.data.side)
    student = Distilled(SMALL).fit(data)
    scores = student.score(UserBatch(np.arange(data.num_users), data.histories))
    assert np.isfinite(scores).all()


def test_a_teacher_of_several_models_and_one_that_is_not_there() -> None:
    assert len(build_teacher("ease+item-knn").forms.__self__.members) == 2  # type: ignore[attr-defined]
    with pytest.raises(NotFound, match="nobody"):
        build_teacher("ease+nobody")
