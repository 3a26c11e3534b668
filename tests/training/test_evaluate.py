"""The evaluator: full ranking, exclusion, ties against the model, and blocks that change nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import training.evaluate as module
from graph.errors import InvalidData
from tests.training.planted import snapshot_of
from training.evaluate import evaluate, rank
from training.prepare import prepare
from training.split import make_split


@dataclass
class Fixed:
    """Scores by user position, as given."""

    scores: np.ndarray
    name: str = "fixed"

    def score(self, users):
        return self.scores[users.index].astype(np.float32)


@pytest.fixture(scope="module")
def prepared(planted):
    return prepare(snapshot_of(planted), make_split(planted, how="random"))


def _truth(prepared):
    scores = np.zeros((prepared.data.num_users, prepared.data.num_items), np.float32)
    scores[prepared.test.users] = prepared.test.relevant.toarray()
    return scores


def test_the_oracle_is_perfect(prepared):
    found = evaluate(Fixed(_truth(prepared)), prepared.test)
    assert found.metrics["ndcg@10"] == pytest.approx(1.0)
    assert found.metrics["recall@20"] == pytest.approx(1.0)


def test_equal_scores_earn_nothing_that_can_be_lost(prepared):
    """With one score for all, relevant items stand behind every other item that may be ranked."""
    flat = Fixed(np.zeros_like(_truth(prepared)))
    ranking = rank(flat, prepared.test, 10)
    free = prepared.data.num_items - np.diff(prepared.test.excluded.indptr) - np.diff(prepared.test.relevant.indptr)
    hits = module.per_user(ranking, prepared.test.relevant, (10,))["hr@10"]
    assert (hits[free >= 10] == 0).all()


def test_nothing_seen_is_ranked(prepared):
    ranking = rank(Fixed(np.random.default_rng(0).random(_truth(prepared).shape)), prepared.test, 20)
    seen = module.per_user(ranking, prepared.test.excluded, (20,))["hr@20"]
    assert (seen == 0).all()


def test_blocks_change_nothing(prepared, monkeypatch):
    scores = Fixed(np.random.default_rng(0).random(_truth(prepared).shape))
    whole = rank(scores, prepared.test, 20)
    monkeypatch.setattr(module, "BLOCK_CELLS", 7 * prepared.data.num_items)
    assert (rank(scores, prepared.test, 20) == whole).all()


def test_nan_scores_are_refused(prepared):
    scores = _truth(prepared)
    scores[prepared.test.users[0], 0] = np.nan
    with pytest.raises(InvalidData, match="NaN"):
        evaluate(Fixed(scores), prepared.test)


def test_agrees_with_the_rivals_evaluator(prepared):
    """The same definitions as the script the rivals are measured with: recall by relevant, binary gains."""
    ranking = rank(Fixed(np.random.default_rng(1).random(_truth(prepared).shape)), prepared.test, 20)
    found = evaluate(Fixed(np.random.default_rng(1).random(_truth(prepared).shape)), prepared.test)
    relevant = prepared.test.relevant.toarray()
    hits = np.take_along_axis(relevant, np.maximum(ranking, 0), axis=1) * (ranking >= 0)
    gains = 1 / np.log2(np.arange(2, 22))
    ideal = np.concatenate([[0], np.cumsum(gains)])[np.minimum(10, relevant.sum(1)).astype(int)]
    assert found.metrics["ndcg@10"] == pytest.approx(((hits[:, :10] * gains[:10]).sum(1) / ideal).mean())
    assert found.metrics["recall@20"] == pytest.approx((hits.sum(1) / relevant.sum(1)).mean())
