"""The loop stops when validation stops improving, keeps the best state, and keeps to its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import nn

from tests.training.models.planted_graph import Planted, planted
from training.data import HeldOut, Histories
from training.loop import LoopConfig, arrays, top_items, train, validation_ndcg
from training.metrics import TARGET


class Walker(nn.Module):
    """One number that every step raises; its ranking is right only while that number is near `peak`."""

    def __init__(self, held_out: HeldOut, peak: float) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(()))
        self.peak = peak
        shape = held_out.relevant.shape
        right = torch.zeros(int(held_out.users.max()) + 1, shape[1])
        right[torch.from_numpy(held_out.users)] = torch.from_numpy(held_out.relevant.toarray())
        self.right = right

    def loss(self, batch: int) -> torch.Tensor:
        return -self.position * batch

    def embeddings(self) -> tuple[torch.Tensor, torch.Tensor]:
        noise = torch.rand(self.right.shape, generator=torch.Generator().manual_seed(1))
        return self.right - noise * 40 * (self.position - self.peak).abs(), torch.eye(self.right.shape[1])


class Recorded:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int, Mapping[str, float]]] = []

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        self.calls.append((number, total, dict(metrics)))


@pytest.fixture(scope="module")
def world() -> Planted:
    return planted()


def one_step() -> list[int]:
    return [1]


def test_stops_after_patience_and_restores_the_best(world: Planted) -> None:
    walker, monitor = Walker(world.test, peak=0.5), Recorded()
    config = LoopConfig(epochs=50, learning_rate=0.1, evaluate_every=1, patience=3)
    training = train(walker, one_step, config, validation=world.test, monitor=monitor)
    assert training.best_epoch == 5
    assert training.epochs == 8
    assert float(walker.position.detach()) == pytest.approx(0.5, abs=1e-3)
    assert training.best == pytest.approx(1.0)
    assert training.best == pytest.approx(validation_ndcg(walker, world.test))
    assert [(number, total) for number, total, _ in monitor.calls] == [(n, 50) for n in range(1, 9)]
    assert all(set(metrics) == {"loss", TARGET} for *_, metrics in monitor.calls)


def test_validates_every_few_epochs_and_after_the_last(world: Planted) -> None:
    monitor = Recorded()
    train(
        Walker(world.test, 9), one_step, LoopConfig(epochs=5, evaluate_every=2), validation=world.test, monitor=monitor
    )
    assert [number for number, _, metrics in monitor.calls if TARGET in metrics] == [2, 4, 5]


def test_without_validation_runs_all_epochs_and_keeps_the_last(world: Planted) -> None:
    walker = Walker(world.test, peak=0.5)
    training = train(walker, one_step, LoopConfig(epochs=7, learning_rate=0.1))
    assert (training.epochs, training.best_epoch) == (7, 7)
    assert np.isnan(training.best)
    assert float(walker.position.detach()) == pytest.approx(0.7, abs=1e-3)


def test_no_epoch_starts_after_the_time_is_up(world: Planted) -> None:
    def seconds() -> Iterator[float]:
        yield from range(100)

    clock = seconds()
    config = LoopConfig(epochs=50, max_seconds=3, evaluate_every=10)
    training = train(Walker(world.test, 9), one_step, config, validation=world.test, clock=lambda: next(clock))
    assert training.epochs == 3
    assert training.best_epoch == 3


def test_an_average_of_the_weights_is_kept_where_it_is_asked_for(world: Planted) -> None:
    config = LoopConfig(epochs=12, learning_rate=0.1)
    plain, averaged = Walker(world.test, peak=0.5), Walker(world.test, peak=0.5)
    train(plain, one_step, config)
    train(averaged, one_step, replace(config, average=0.5))
    raw, mean = [0.1 * step for step in range(13)], 0.0
    for step in range(1, 13):
        decay = min(0.5, (1 + step) / (10 + step))
        mean += (1 - decay) * (raw[step] - mean)
    assert plain.position.item() == pytest.approx(1.2, abs=1e-4)
    assert averaged.position.item() == pytest.approx(mean, abs=1e-4)


def test_the_average_is_what_is_measured_and_training_goes_on_from_the_weights(world: Planted) -> None:
    walker, monitor = Walker(world.test, peak=0.5), Recorded()
    config = LoopConfig(epochs=50, learning_rate=0.1, evaluate_every=1, patience=3, average=0.5)
    training = train(walker, one_step, config, validation=world.test, monitor=monitor)
    assert training.best_epoch == 6, "an average is about one step behind"
    assert training.best == pytest.approx(validation_ndcg(walker, world.test))


def test_top_items_leaves_out_what_is_excluded_and_ends_with_minus_one() -> None:
    excluded = csr_matrix(np.array([[1, 0, 0, 1], [1, 1, 1, 0]], np.float32))
    empty = Histories(np.zeros(3, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), 4)
    held = HeldOut(np.array([1, 0]), csr_matrix((2, 4), dtype=np.float32), excluded, empty)
    users = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    items = torch.tensor([[9.0, 9.0], [1.0, 2.0], [2.0, 1.0], [0.0, 0.0]])
    assert top_items(users, items, held, depth=3).tolist() == [[2, 1, -1], [3, -1, -1]]


def test_where_only_some_items_may_be_ranked_no_other_is() -> None:
    users, items = torch.ones(2, 1), torch.tensor([[3.0], [1.0], [2.0], [0.0]])
    empty = csr_matrix((2, 4), dtype=np.float32)
    none = Histories(np.zeros(3, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), 4)
    held = HeldOut(np.array([0, 1]), empty, empty, none, only=np.array([False, True, True, False]))
    assert top_items(users, items, held, depth=3).tolist() == [[2, 1, -1], [2, 1, -1]]


def test_blocks_of_users_change_nothing(world: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    walker = Walker(world.test, 2.0)
    whole = top_items(*walker.embeddings(), world.test)
    monkeypatch.setattr("training.loop.SCORES_AT_ONCE", 7 * world.data.num_items)
    assert np.array_equal(top_items(*walker.embeddings(), world.test), whole)


def test_a_checkpoint_is_arrays(world: Planted) -> None:
    state = arrays(Walker(world.test, 0.0).state_dict())
    assert {name: type(value) for name, value in state.items()} == {"position": np.ndarray}


def test_an_empty_validation_scores_zero(world: Planted) -> None:
    nobody = replace(
        world.test,
        users=np.empty(0, np.int64),
        relevant=csr_matrix((0, world.data.num_items)),
        excluded=csr_matrix((0, world.data.num_items)),
    )
    assert validation_ndcg(Walker(world.test, 0.0), nobody) == 0
