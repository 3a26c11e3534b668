"""Every accuracy measure against ir-measures (trec_eval's definitions), the rest against hand-made cases."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, P, R, Success, nDCG
from scipy.sparse import csr_matrix

from training.metrics import beyond_accuracy, gini, hit_matrix, means, per_user

KS = (1, 5, 10)
TREC = {"recall": R, "precision": P, "ndcg": nDCG, "hr": Success, "mrr": RR, "map": AP}


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(3)
    users, items, depth = 40, 60, 10
    relevant = csr_matrix((rng.random((users, items)) < 0.08).astype(np.float32))
    relevant[np.flatnonzero(np.diff(relevant.indptr) == 0), 0] = 1.0
    ranking = np.stack([rng.permutation(items)[:depth] for _ in range(users)]).astype(np.int32)
    ranking[3, 6:] = -1
    return ranking, relevant.tocsr()


@pytest.mark.parametrize("name", TREC)
@pytest.mark.parametrize("k", KS)
def test_agrees_with_trec_eval(case, name, k):
    ranking, relevant = case
    qrels = [ir_measures.Qrel(str(u), str(i), 1) for u, i in zip(*relevant.nonzero(), strict=True)]
    run = [
        ir_measures.ScoredDoc(str(user), str(item), float(-place))
        for user, row in enumerate(ranking)
        for place, item in enumerate(row)
        if item >= 0
    ]
    measure = TREC[name] @ k
    expected = {one.query_id: one.value for one in ir_measures.iter_calc([measure], qrels, run)}
    ours = per_user(ranking, relevant, KS)[f"{name}@{k}"]
    assert ours == pytest.approx([expected[str(user)] for user in range(len(ranking))], abs=1e-9)


def test_padding_is_never_a_hit():
    relevant = csr_matrix(np.array([[1.0, 0.0, 1.0]], np.float32))
    assert not hit_matrix(np.array([[-1, -1]], np.int32), relevant).any()


def test_gini_is_zero_when_equal_and_near_one_when_one_takes_all():
    assert gini(np.array([5, 5, 5, 5])) == pytest.approx(0.0)
    assert gini(np.array([0] * 99 + [10])) == pytest.approx(0.99)
    assert gini(np.zeros(4, np.int64)) == 0.0


def test_coverage_and_novelty():
    ranking = np.array([[0, 1], [0, -1]], np.int32)
    found = beyond_accuracy(ranking, np.array([8, 2, 0, 0]), num_users=8, ks=(2,))
    assert found["coverage@2"] == pytest.approx(0.5)
    assert found["novelty@2"] == pytest.approx((0 + 2 + 0) / 3)


def test_means_of_nobody_are_zero():
    assert means({"ndcg@10": np.empty(0)}) == {"ndcg@10": 0.0}
