"""Measures beside accuracy, against plain loops over pairs, users and categories."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from graph.snapshot import IdMap, Interactions, Snapshot, Triples
from tests.training.planted import snapshot_of
from training.beyond import (
    SMOOTHING,
    Categories,
    attribute_vectors,
    calibration,
    categories_of,
    diversity,
    history_popularity,
    popularity,
    popularity_lift,
)

RANKING = np.array([[0, 1, 2, 3], [3, 2, -1, -1], [4, -1, -1, -1], [-1, -1, -1, -1]], np.int32)


@pytest.fixture
def vectors() -> np.ndarray:
    made = np.random.default_rng(3).normal(size=(5, 6)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    made[1] = 0  # not known
    return made


@pytest.mark.parametrize("sparse", [False, True])
def test_diversity_is_the_mean_over_pairs_of_known_items(vectors: np.ndarray, sparse: bool) -> None:
    found = diversity(RANKING, csr_matrix(vectors) if sparse else vectors, 3)
    expected = 1 - np.mean([vectors[a] @ vectors[b] for a, b in combinations([0, 2], 2)])
    np.testing.assert_allclose(found[:2], [expected, 1 - vectors[3] @ vectors[2]], rtol=1e-5)
    assert np.isnan(found[2:]).all()


def test_calibration_is_stecks_kl() -> None:
    shares = csr_matrix(np.array([[1, 0], [0, 1], [0.5, 0.5], [0, 1], [0, 0]]))
    histories = csr_matrix(np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]], float))
    found = calibration(RANKING, histories, Categories("GENRE", ("a", "b"), shares), 4)
    p, q = np.array([0.5, 0.5]), np.array([1.5, 2.5]) / 4
    mixed = (1 - SMOOTHING) * q + SMOOTHING * p
    assert found[0] == pytest.approx((p * np.log(p / mixed)).sum())
    q = np.array([0.5, 1.5]) / 2
    assert found[1] == pytest.approx(np.log(1 / ((1 - SMOOTHING) * q[0] + SMOOTHING)))
    assert np.isnan(found[2:]).all(), "an item of no known kind, and an empty list"


def test_the_users_own_list_is_calibrated_and_the_others_is_not() -> None:
    shares = csr_matrix(np.eye(2)[[0, 0, 1, 1]])
    histories = csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 0, 0]], float))
    found = calibration(np.array([[0, 1], [2, 3]], np.int32), histories, Categories("G", ("a", "b"), shares), 2)
    assert found[0] == pytest.approx(0)
    assert found[1] == pytest.approx(-np.log(SMOOTHING))


def test_popularity_of_lists_and_histories_and_the_lift_between() -> None:
    counts = np.array([8, 4, 2, 0, 0])
    listed = popularity(RANKING, counts, 10, 2)
    np.testing.assert_allclose(listed[:3], [0.6, 0.1, 0.0])
    assert np.isnan(listed[3])
    chosen = history_popularity(csr_matrix(np.array([[0, 1, 1, 0, 0], [0, 0, 0, 0, 0]])), counts, 10)
    assert chosen[0] == pytest.approx(0.3)
    assert np.isnan(chosen[1])
    assert popularity_lift(listed[:2], chosen) == pytest.approx(1.0), "over those who have both"
    assert np.isnan(popularity_lift(listed[1:2], chosen[1:2]))


@pytest.fixture
def known(planted: Interactions) -> Snapshot:
    """Items joined to a genre by parity (some by two triples), and each to an actor of its own."""
    snapshot = snapshot_of(planted)
    items = len(snapshot.items)
    head = np.concatenate([np.arange(items), np.arange(items), [0]])
    tail = np.concatenate([items + np.arange(items) % 2, items + 2 + np.arange(items), [items]])
    relation = np.concatenate([np.ones(items), np.zeros(items), [1]])
    return replace(
        snapshot,
        entities=IdMap(tuple(f"Genre:{n}" for n in "ab") + tuple(f"Actor:{n}" for n in range(items))),
        relations=("ACTOR", "HAS_GENRE"),
        triples=Triples(head.astype(np.int32), relation.astype(np.int16), tail.astype(np.int32)),
    )


def test_the_genre_relation_is_found(known: Snapshot) -> None:
    found = categories_of(known)
    assert found is not None
    assert (found.relation, found.names) == ("HAS_GENRE", ("a", "b"))
    np.testing.assert_allclose(found.shares.sum(1), 1)
    renamed = categories_of(replace(known, relations=("ACTOR", "KIND")))
    assert renamed is not None
    assert renamed.relation == "KIND", "the one with the fewest values"
    assert categories_of(replace(known, triples=Triples(*(np.empty(0, np.int32) for _ in range(3))))) is None


def test_attribute_vectors_have_unit_length(known: Snapshot) -> None:
    found = attribute_vectors(known)
    assert found is not None
    np.testing.assert_allclose(np.sqrt(found.multiply(found).sum(1)), 1)
    assert attribute_vectors(replace(known, triples=Triples(*(np.empty(0, np.int32) for _ in range(3))))) is None
