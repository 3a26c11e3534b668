"""What each kind and value of interaction counts is learned: on planted shoppers it is known what should come out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.feedback import Weighing
from graph.schema import KINDS
from graph.snapshot import Interactions
from tests.training.shoppers import PURCHASED, SKIPPED, VIEWED, shoppers
from training.data import Feedback, Histories, UserBatch
from training.evaluate import evaluate
from training.feedback import classes_of
from training.models.ease import EASE, EASEConfig
from training.models.ease_feedback import FeedbackEASE, FeedbackEASEConfig
from training.prepare import Prepared, known_histories, prepare
from training.significance import paired_test
from training.split import make_split, split_of
from training.zoo import ZOO

RATED = KINDS.index("rated")


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    snapshot = shoppers(800, views=10, skips=8)
    return prepare(snapshot, split_of(snapshot, how="random", min_value=None, seed=1))


@pytest.fixture(scope="module")
def model(prepared: Prepared) -> FeedbackEASE:
    return FeedbackEASE(FeedbackEASEConfig(50.0)).fit(prepared.data)


def weights(model: FeedbackEASE) -> dict[str, float]:
    return dict(model.told["weights"])


def test_what_tells_more_counts_more_and_a_skip_speaks_against(model: FeedbackEASE) -> None:
    found = weights(model)
    assert set(found) == {"viewed", "purchased", "skipped"}
    assert found["purchased"] > found["viewed"]
    assert found["purchased"] > 1
    assert found["skipped"] < 0
    assert model.told["learned"]
    assert model.told["p_value"] < 0.05


def test_learned_weights_find_more_than_plain_likings(prepared: Prepared, model: FeedbackEASE) -> None:
    plain = EASE(EASEConfig(50.0)).fit(prepared.data)
    found, before = (evaluate(one, prepared.test, ks=(10,)).per_user["ndcg@10"] for one in (model, plain))
    test = paired_test(found, before)
    assert test.difference > 0
    assert test.p_value < 0.05


def test_a_skip_lowers_what_is_like_it(model: FeedbackEASE) -> None:
    """The same newcomer, with and without a skipped item of another taste."""

    def scores(*acts: tuple[int, int]) -> np.ndarray:
        items, kinds = np.array(acts).T
        nothing = np.full(len(acts), np.nan, np.float32)
        said = Feedback(np.array([0, len(acts)]), items.astype(np.int32), kinds.astype(np.int8), nothing)
        one = Histories(np.array([0, 1]), np.array([1], np.int32), np.zeros(1, np.int64), 100, None, said)
        return model.score(UserBatch(np.array([-1]), one))[0]

    before, after = scores((1, PURCHASED)), scores((1, PURCHASED), (2, SKIPPED))
    like_it = np.arange(7, 100, 5)
    assert (after[like_it] - before[like_it]).mean() < 0


def test_it_comes_back_from_its_state(prepared: Prepared, model: FeedbackEASE) -> None:
    again = FeedbackEASE(FeedbackEASEConfig(50.0)).load_state(model.state())
    batch = prepared.test.batch(slice(0, 20))
    np.testing.assert_allclose(again.score(batch), model.score(batch), rtol=1e-6)
    assert weights(again) == weights(model)


def test_weights_that_do_not_help_are_not_taken(prepared: Prepared) -> None:
    """Kinds that say nothing: drawn by lot."""
    data = prepared.data
    rng = np.random.default_rng(0)
    said = data.histories.said
    assert said is not None
    kinds = np.array([VIEWED, PURCHASED], np.int8)[rng.integers(0, 2, len(said.items))]
    liked = np.asarray(data.histories.matrix[said.rows, said.items]).ravel() > 0
    ends = np.concatenate([[0], np.cumsum(liked)])[said.indptr].astype(np.int64)
    lots = Feedback(ends, said.items[liked], kinds[liked], said.value[liked])
    found = FeedbackEASE(FeedbackEASEConfig(50.0)).fit(replace(data, histories=replace(data.histories, said=lots)))
    assert found.learned is not None
    assert abs(weights(found)["viewed"] - weights(found)["purchased"]) < 0.8


def test_auto_tries_it_only_where_there_is_something_to_learn(prepared: Prepared) -> None:
    assert ZOO["ease-feedback"].in_auto(prepared.data)
    plain = replace(prepared.data, histories=replace(prepared.data.histories, said=None))
    assert not ZOO["ease-feedback"].in_auto(plain)
    model = FeedbackEASE(FeedbackEASEConfig(50.0)).fit(plain)
    np.testing.assert_allclose(model.weights, EASE(EASEConfig(50.0)).fit(plain).weights)
    assert model.told == {}


def test_values_fall_into_classes_and_the_unseen_says_nothing() -> None:
    value = np.array([*np.repeat([1, 2, 4, 5], 60), *[3] * 10, *[np.nan] * 5], np.float32)
    rows = len(value)
    said = Feedback(np.array([0, rows]), np.arange(rows, dtype=np.int32), np.full(rows, RATED, np.int8), value)
    found = classes_of(said)
    assert found.names() == ["rated", "rated below 1.5", "rated 1.5 to 2.5", "rated 2.5 to 4.5", "rated 4.5 and more"]
    weighing = replace(found, weight=np.arange(1, 6, dtype=np.float32))
    read = weighing.of(np.array([RATED] * 4 + [SKIPPED]), np.array([np.nan, 0.5, 3.0, 9.0, np.nan], np.float32))
    assert read.tolist() == [1, 2, 4, 5, 0]
    assert Weighing.of_json(weighing.json()).names() == weighing.names()
    many = replace(said, value=np.linspace(1, 1000, rows).astype(np.float32))
    assert len(classes_of(many)) == 5, "many values: fifths"


@pytest.mark.parametrize("how", ["random", "last-out", "global-time", "stable"])
def test_nothing_that_is_held_out_is_among_what_is_said(how: str) -> None:
    snapshot = shoppers(60)
    split = split_of(snapshot, how=how, min_value=None, seed=3)
    found = prepare(snapshot, split)
    for known, hidden in (
        (found.data.histories, (split.validation, split.test)),
        (found.test.histories, (split.test,)),
    ):
        assert known.said is not None
        users = np.arange(60) if known is found.data.histories else found.test.users
        said = {(int(users[row]), int(item)) for row, item in zip(known.said.rows, known.said.items, strict=True)}
        for part in hidden:
            assert not said & set(zip(part.user.tolist(), part.item.tolist(), strict=True))
        likes = set(zip(*known.matrix.nonzero(), strict=True))
        assert {(int(users[row]), int(item)) for row, item in likes} <= said
    if how in ("last-out", "global-time"):
        assert split.said is not None
        until = np.full(60, split.validation.time.min())
        if how == "last-out":
            until[split.validation.user] = split.validation.time
        assert (split.said.time <= until[split.said.user]).all()


def test_where_all_says_the_same_there_is_nothing_to_learn() -> None:
    rows = Interactions(np.repeat(np.arange(20), 6).astype(np.int32), np.tile(np.arange(6), 20).astype(np.int32),
                        np.full(120, PURCHASED, np.int8), np.full(120, np.nan, np.float32), np.arange(120))  # fmt: skip
    assert make_split(rows).said is None


def test_what_was_skipped_is_not_ranked_and_what_was_shown_is() -> None:
    snapshot = shoppers(60)
    known = known_histories(snapshot, None)
    assert known.seen.nnz == len(snapshot.interactions)
    shown = replace(snapshot.interactions, kind=np.where(
        snapshot.interactions.kind == SKIPPED, KINDS.index("impressed"), snapshot.interactions.kind
    ).astype(np.int8))  # fmt: skip
    assert known_histories(replace(snapshot, interactions=shown), None).seen.nnz == known.matrix.nnz
