"""Nobody is scored by a model that learned from him."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.rerank.pools import planted_pool
from training.rerank.cross_fit import cross_fit


class Remembers:
    """Scores with its own number, and keeps whom it saw."""

    def __init__(self, train, stop):
        self.learned, self.stopped = set(train.held_out.users.tolist()), set(stop.held_out.users.tolist())
        self.scored: set[int] = set()

    def score(self, pool):
        self.scored |= set(pool.held_out.users.tolist())
        return np.ones(pool.items.shape, np.float32)


@pytest.fixture(scope="module")
def pool():
    return planted_pool()[0]


@pytest.mark.parametrize("folds", [2, 4])
def test_users_are_scored_by_who_did_not_learn_from_them(pool, folds):
    fitted = cross_fit(Remembers, pool, folds=folds)
    everybody = pool.held_out.users.tolist()
    assert fitted.score(pool).all()
    assert sorted(user for one in fitted.scorers for user in one.scored) == everybody
    for one in fitted.scorers:
        assert not one.scored & one.learned
        assert not one.stopped & one.learned
        assert one.stopped <= one.scored


def test_test_users_stay_in_their_fold_and_others_are_scored_too(pool):
    half = pool.take(np.arange(0, len(pool), 2))
    fitted = cross_fit(Remembers, half, folds=2)
    assert fitted.score(pool).all()
    assert all(not one.scored & one.learned for one in fitted.scorers)


def test_only_users_with_something_to_learn_are_learned_from(pool):
    fitted = cross_fit(Remembers, pool, folds=2)
    useful = set(pool.held_out.users[pool.relevant.any(1)].tolist())
    assert set().union(*(one.learned for one in fitted.scorers)) == useful


def test_too_few_users_are_refused_with_a_remedy(pool):
    with pytest.raises(InvalidData, match="3 validation users") as error:
        cross_fit(Remembers, pool.take(np.flatnonzero(pool.relevant.any(1))[:3]), folds=2)
    assert "--candidates" in error.value.remedy
