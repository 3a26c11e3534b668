"""Features are what their names say, from the history and the train part alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from tests.training.rerank.pools import planted_pool
from training.beyond import Categories
from training.rerank.features import feature_names, features, narrowed, newest_items


@pytest.fixture(scope="module")
def made():
    pool, facts = planted_pool()
    rng = np.random.default_rng(5)
    first = rng.uniform(0, 1e6, 80)
    shares = csr_matrix(np.eye(2)[np.arange(80) % 2])
    facts = replace(facts, first=first, last=first + 86_400, categories=Categories("HAS_KIND", ("x", "y"), shares))
    return pool, facts, features(pool, facts)


def column(made, name):
    pool, facts, values = made
    return values[:, :, feature_names(pool, facts).index(name)]


def test_each_column_by_hand(made):
    pool, facts, _ = made
    row, place = 5, 3
    item, history = pool.items[row, place], pool.held_out.histories.matrix[row].indices
    space, now = facts.spaces["attributes"], pool.held_out.histories.take(np.array([row])).times.max()
    mean = space[history].sum(0) / np.linalg.norm(space[history].sum(0))
    newest = pool.held_out.histories.take(np.array([row])).items[-20:]
    wanted = {
        "first score": pool.scores[row, place],
        "first rank": np.log2(1 + place + 1),
        "a score": pool.members[row, place, 1],
        "popularity": np.log1p(facts.counts[item]),
        "age days": (now - facts.first[item]) / 86_400,
        "since last days": (now - facts.last[item]) / 86_400,
        "history length": np.log1p(len(history)),
        "history popularity": np.log1p(facts.counts[history]).mean(),
        "attributes mean likeness": mean @ space[item],
        "attributes greatest likeness": (space[newest] @ space[item]).max(),
        "kinds": (history % 2 == item % 2).mean(),
    }
    assert {name: column(made, name)[row, place] for name in wanted} == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_names_and_columns_are_as_many(made):
    pool, facts, values = made
    assert values.shape == (*pool.items.shape, len(feature_names(pool, facts)))


def test_what_is_held_out_changes_no_feature(made):
    pool, facts, values = made
    blind = replace(pool.held_out, relevant=csr_matrix(pool.held_out.relevant.shape, dtype=np.float32))
    again = features(replace(pool, held_out=blind, relevant=np.zeros_like(pool.relevant)), facts)
    assert np.array_equal(values, again, equal_nan=True)


def test_an_unknown_item_has_no_likeness(made):
    pool, facts, _ = made
    space = facts.spaces["attributes"].copy()
    space[pool.items[0, 0]] = 0
    values = features(pool, replace(facts, spaces={"attributes": space}))
    place = feature_names(pool, facts).index("attributes mean likeness")
    assert np.isnan(values[0, 0, place])
    assert not np.isnan(values[0, 1, place])


def test_newest_items_come_newest_first(made):
    histories = made[0].held_out.histories
    found = newest_items(histories, 4)
    row = histories.items[histories.indptr[0] : histories.indptr[1]]
    assert found[0, : len(row)].tolist() == row[::-1][:4].tolist()


def test_narrowed_vectors_keep_inner_products_that_fit_and_zero_rows():
    rng = np.random.default_rng(0)
    low = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 60))
    low /= np.linalg.norm(low, axis=1, keepdims=True)
    low[7] = 0
    found = narrowed(csr_matrix(low), 3)
    assert found.shape == (40, 3)
    assert found @ found.T == pytest.approx(low @ low.T, abs=1e-5)
    few = narrowed(csr_matrix(low[:4]), 8)
    assert few @ few.T == pytest.approx(low[:4] @ low[:4].T, abs=1e-5)
