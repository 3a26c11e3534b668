"""LambdaMART finds what the first stage does not know, for users it did not learn from."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from graph.errors import Unsupported
from tests.training.rerank.pools import planted_pool
from training.rerank.cross_fit import cross_fit
from training.rerank.lambdamart import LambdaMART, LambdaMARTConfig, import_lightgbm

SMALL = LambdaMARTConfig(least=20, rounds=60, patience=15)


@pytest.fixture(scope="module")
def planted():
    pytest.importorskip("lightgbm", reason="the extra lightgbm is not installed")
    return planted_pool()


def test_it_is_better_than_the_first_stage_on_users_it_did_not_see(planted):
    pool, facts = planted
    scores = cross_fit(LambdaMART(SMALL, facts).fit_new, pool, folds=2).score(pool)
    assert pool.ndcg(pool.ordered(scores)) > pool.ndcg(pool.ordered(pool.scores)) + 0.1


def test_it_says_which_features_it_used(planted):
    pool, facts = planted
    half = np.arange(len(pool)) % 2 == 0
    fitted = LambdaMART(SMALL, facts).fit(pool.take(np.flatnonzero(half)), pool.take(np.flatnonzero(~half)))
    assert next(iter(fitted.importance)).startswith("attributes")
    assert sum(fitted.importance.values()) == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_scores(planted):
    pool, facts = planted
    once, again = (cross_fit(LambdaMART(SMALL, facts).fit_new, pool, folds=2).score(pool) for _ in range(2))
    assert (once == again).all()


def test_missing_candidates_get_no_score(planted):
    pool, facts = planted
    half = np.arange(len(pool)) % 2 == 0
    fitted = LambdaMART(SMALL, facts).fit(pool.take(np.flatnonzero(half)), pool.take(np.flatnonzero(~half)))
    fewer = pool.items.copy()
    fewer[0, 15:] = -1
    pool = replace(pool, items=fewer)
    assert (fitted.score(pool)[0, 15:] == 0).all()
    assert (pool.ordered(fitted.score(pool), k=20)[0, 15:] == -1).all()


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(Unsupported, match="LightGBM") as error:
        import_lightgbm()
    assert "interlace[lightgbm]" in error.value.valid
