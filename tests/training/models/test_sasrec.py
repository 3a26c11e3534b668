"""SASRec learns order, reaches items never met by what they are about, and ends when it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graph.errors import Conflict, InvalidData
from tests.training.models.planted_order import EACH, STRANGE, TYPES, ring, stranger, types
from tests.training.models.small import histories_of, newcomers
from training.evaluate import evaluate
from training.models.popularity import Popularity, PopularityConfig
from training.models.sasrec import SASRec, SASRecConfig
from training.sequence.batches import Steps
from training.sequence.negatives import NegativeSampler
from training.warm import Start, places

QUICK = SASRecConfig(
    embedding_size=32, epochs=25, batch_size=512, learning_rate=0.01, dropout=0.1, patience=40, evaluate_every=5
)
WORLD = ring()


@pytest.fixture(scope="module")
def fitted() -> SASRec:
    return SASRec(QUICK).fit(WORLD)


def test_learns_an_order_that_popularity_is_blind_to(fitted: SASRec) -> None:
    assert evaluate(fitted, WORLD.validation, ks=(1, 10)).metrics["hr@1"] > 0.95
    assert evaluate(Popularity(PopularityConfig()).fit(WORLD), WORLD.validation, ks=(1, 10)).metrics["hr@1"] < 0.2


def test_the_newest_item_decides_and_a_stranger_is_as_good_as_anybody(fitted: SASRec) -> None:
    for history in ([3], [20, 21, 22, 3], [1, 2, 3]):
        scores = fitted.score(stranger(history, WORLD.num_items))[0]
        scores[history] = -np.inf
        assert scores.argmax() == 4
    known = fitted.score(newcomers(WORLD, [5]))
    assert np.allclose(known, fitted.score(replace(newcomers(WORLD, [5]), index=np.array([5]))))


@pytest.mark.parametrize("loss", ["softmax", "gbce"])
def test_few_shared_negatives_are_enough(loss: str) -> None:
    config = replace(QUICK, loss=loss, candidates=12)
    assert evaluate(SASRec(config).fit(WORLD), WORLD.validation, ks=(1, 10)).metrics["hr@1"] > 0.9


def test_targets_further_ahead_stay_in_the_window_and_are_as_far_as_is_asked() -> None:
    rows = [list(range(9)), [20, 21, 22]] * 200
    model = SASRec(replace(QUICK, ahead=0.4))
    counts = np.ones(WORLD.num_items, np.int64)
    steps = Steps(NegativeSampler(counts, 100), np.random.default_rng(0), torch.device("cpu"))
    further = []
    for batch in model.batches(histories_of(rows, WORLD.num_items), steps):
        inputs = batch.items[batch.inputs.flatten()[batch.places]]
        distance = batch.items[batch.targets] - inputs
        newest = torch.where(inputs < 20, 8, 22)
        assert (distance >= 1).all()
        assert (inputs + distance <= newest).all()
        further.append(distance[inputs == 0])
    distances = torch.cat(further)
    assert (distances == 1).float().mean().item() == pytest.approx(0.6, abs=0.1)
    assert (distances == 2).float().mean().item() == pytest.approx(0.24, abs=0.1)


def test_an_item_never_met_follows_by_its_text() -> None:
    world = types()
    model = SASRec(replace(QUICK, epochs=15, id_dropout=0.3)).fit(world)
    before, elsewhere = stranger([(TYPES - 1) * EACH], world.num_items), stranger([0], world.num_items)
    rank = (model.score(before)[0] > model.score(before)[0, STRANGE]).sum()
    assert rank <= EACH, "only items of its own type may stand above it"
    assert model.score(before)[0, STRANGE] > model.score(elsewhere)[0, STRANGE] + 0.2


def test_an_item_that_nothing_is_known_of_scores_nothing() -> None:
    world = types(text=False)
    model = SASRec(replace(QUICK, epochs=2)).fit(world)
    assert model.score(stranger([0, 7], world.num_items))[0, STRANGE] == 0


def test_stops_early_and_keeps_the_best_epoch() -> None:
    model = SASRec(replace(QUICK, epochs=60, evaluate_every=1, patience=3)).fit(WORLD)
    training = model.training
    assert training is not None
    assert training.best_epoch <= training.epochs - 3 < 57
    assert training.best == pytest.approx(evaluate(model, WORLD.validation, ks=(10,)).metrics["ndcg@10"], abs=1e-6)


def test_max_seconds_ends_it() -> None:
    model = SASRec(replace(QUICK, max_seconds=0.0)).fit(WORLD)
    assert model.training is not None
    assert model.training.epochs == 1


def test_the_epochs_are_reported(fitted: SASRec) -> None:
    seen = []

    class Recorded:
        def epoch(self, number: int, total: int, metrics: dict[str, float]) -> None:
            seen.append((number, total, sorted(metrics)))

    SASRec(replace(QUICK, epochs=2, evaluate_every=2)).fit(WORLD, Recorded())
    assert seen == [(1, 2, ["loss"]), (2, 2, ["loss", "ndcg@10"])]


def test_another_seed_is_another_model_and_the_same_is_the_same() -> None:
    short = replace(QUICK, epochs=1, id_dropout=0.5)
    world, batch = types(), stranger([0], STRANGE + 1)
    one = SASRec(short).fit(world).score(batch)
    assert np.array_equal(one, SASRec(short).fit(world).score(batch))
    assert not np.allclose(one, SASRec(replace(short, seed=7)).fit(world).score(batch))


def test_a_warm_start_is_ahead_of_a_cold_one(fitted: SASRec) -> None:
    ids = [str(item) for item in range(WORLD.num_items)]
    same = places(ids, ids)
    assert fitted.weights is not None
    short = replace(QUICK, epochs=1, learning_rate=0.001)
    model = SASRec(short)
    model.start = Start(fitted.weights, np.arange(WORLD.num_users), same, WORLD.num_users)
    warm, cold = model.fit(WORLD), SASRec(short).fit(WORLD)
    quality = [evaluate(one, WORLD.validation, ks=(1, 10)).metrics["hr@1"] for one in (warm, cold)]
    assert quality[0] > 0.9 > quality[1] + 0.1


def test_misuse_is_named() -> None:
    with pytest.raises(InvalidData, match="multiple of num_heads"):
        SASRecConfig(embedding_size=30, num_heads=4)
    with pytest.raises(Conflict, match="not been fitted"):
        SASRec(QUICK).score(stranger([0], 5))
