"""Links across platforms in what models count: by their probability, and gone when they are undone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.snapshot import Interactions, SameItems, Snapshot, no_same_items
from tests.training.planted import snapshot_of
from training.data import UNKNOWN, Histories, TrainingData, UserBatch
from training.links import Links, links_of
from training.models.bpr import BPR, BPRConfig
from training.models.ease import EASE, EASEConfig
from training.models.ials import IALS, IALSConfig
from training.models.item_knn import ItemKNN, ItemKNNConfig
from training.models.lightgcn import LightGCN, LightGCNConfig
from training.prepare import histories, side_information
from training.recommender import Recommender

SHOP, CINEMA = range(4), range(4, 8)
"""Items of two platforms. Item 0 of the shop is item 4 of the cinema."""


def platforms(*, same: float = 0.0, person: float = 0.0) -> Snapshot:
    """Six users of the shop met 0 with 1 or 2 with 3; six of the cinema 4 with 5 or 6 with 7. User 12 (shop, 2) and 13
    (cinema, 6) are one person by probability, as are three more such pairs.
    """
    acts = [(user, item) for user in range(6) for item in ((0, 1) if user % 2 else (2, 3))]
    acts += [(user, item) for user in range(6, 12) for item in ((4, 5) if user % 2 else (6, 7))]
    acts += [(user, item) for pair in range(4) for user, item in ((12 + 2 * pair, 2), (13 + 2 * pair, 6))]
    user, item = np.array(acts, np.int32).T
    rows = len(acts)
    found = snapshot_of(Interactions(
        user, item, np.full(rows, 3, np.int8), np.full(rows, 5, np.float32), np.zeros(rows, np.int64)
    ))  # fmt: skip
    if same:
        found = replace(found, same_items=SameItems(np.array([[0, 4]], np.int32), np.array([same], np.float32)))
    if person:
        found = replace(found, identities={12 + place: f"p{place // 2}" for place in range(8)})
        found = replace(found, doubts={} if person == 1 else dict.fromkeys(range(12, 20), person))
    return found


def data_of(snapshot: Snapshot) -> TrainingData:
    shape = (len(snapshot.users), len(snapshot.items))
    return TrainingData(histories(snapshot.interactions, shape), side_information(snapshot))


def met(model: Recommender, *items: int) -> np.ndarray:
    """Scores for a newcomer who met these."""
    one = Histories(np.array([0, len(items)]), np.array(items, np.int32), np.zeros(len(items), np.int64), 8)
    return model.score(UserBatch(np.array([UNKNOWN]), one))[0]


MODELS = [
    lambda: EASE(EASEConfig(1.0)),
    lambda: ItemKNN(ItemKNNConfig(alpha=0.5, user_power=0.0)),
]


@pytest.mark.parametrize("make", MODELS)
def test_a_shared_item_brings_what_people_elsewhere_met_with_it(make):
    without, unsure, sure = (met(make().fit(data_of(platforms(same=value))), 0) for value in (0, 0.5, 1.0))
    assert abs(without[5]) < 1e-6, "nobody met item 0 together with 5: only item 4, its like in the cinema"
    assert 0 < unsure[5] < sure[5]
    assert abs(sure[7]) < 1e-2 * sure[5]


@pytest.mark.parametrize("make", MODELS)
def test_what_a_likely_person_did_elsewhere_weighs_less_than_what_a_certain_one_did(make):
    without, unsure, sure = (met(make().fit(data_of(platforms(person=value))), 2) for value in (0, 0.7, 1.0))
    assert abs(without[6]) < 1e-6, "nobody met 2 and 6 under one account"
    assert 0 < unsure[6] < 0.8 * sure[6]


def test_links_that_are_undone_leave_nothing():
    linked = platforms(same=0.9, person=0.7)
    undone = replace(linked, identities={}, doubts={}, same_items=no_same_items())
    assert links_of(undone) is None
    expected = EASE(EASEConfig(1.0)).fit(data_of(platforms())).weights
    np.testing.assert_array_equal(EASE(EASEConfig(1.0)).fit(data_of(undone)).weights, expected)


def test_rows_give_the_expected_co_occurrence():
    data = data_of(platforms(person=0.7))
    own = data.matrix.toarray()
    expected = own.T @ own
    for user in range(12, 20, 2):
        across = np.outer(own[user], own[user + 1])
        expected += 0.7 * 0.7 * (across + across.T)
    rows = data.rows.toarray()
    np.testing.assert_allclose(rows.T @ rows, expected, atol=1e-5)


def test_a_given_identity_makes_accounts_one_row_and_edges_of_both():
    data = data_of(platforms(person=1.0))
    assert data.rows.shape[0] < data.num_users
    assert data.edges.toarray()[12].nonzero()[0].tolist() == [2, 6]
    assert data_of(platforms(person=0.7)).edges.toarray()[12, [2, 6]].tolist() == pytest.approx([1, 0.49])


def test_the_graph_network_walks_over_links_by_their_probability():
    def moved(value: float) -> float:
        config = LightGCNConfig(embedding_size=8, num_layers=2, epochs=60, learning_rate=0.05, seed=3)
        data = data_of(platforms(person=value))
        scores = (
            LightGCN(config).fit(data).score(UserBatch(np.arange(12, 20, 2), data.histories.take(range(12, 20, 2))))
        )
        return float((scores[:, 6] - scores[:, 4]).mean())

    assert moved(0) < moved(1.0)


def test_implicit_als_solves_each_account_of_both_by_their_probability():
    data = data_of(platforms(person=0.7))
    config = IALSConfig(embedding_size=6, epochs=4)
    model = IALS(config).fit(data)
    items, edges = model.items.astype(np.float64), data.edges.toarray().astype(np.float64)
    assert edges[12, [2, 6]].tolist() == pytest.approx([1, 0.49])
    ridge = config.regularization * (edges[12].sum() + config.unobserved_weight * len(items)) ** config.frequency_power
    left = config.unobserved_weight * items.T @ items + ridge * np.eye(6) + (items.T * edges[12]) @ items
    np.testing.assert_allclose(model.users[12], np.linalg.solve(left, items.T @ edges[12]), atol=1e-4)
    again = IALS(config).load_state(model.state())
    assert again.forms()[0].moves  # type: ignore[union-attr]
    assert not IALS(config).fit(data_of(platforms())).forms()[0].moves  # type: ignore[union-attr]


@pytest.mark.parametrize("model", [IALS(IALSConfig(embedding_size=6)), BPR(BPRConfig(embedding_size=8))])
def test_factors_bring_what_the_other_account_did(model: Recommender):
    def gap(value: float) -> float:
        data = data_of(platforms(person=value))
        scores = model.fit(data).score(UserBatch(np.arange(12, 20, 2), data.histories.take(range(12, 20, 2))))
        return float((scores[:, 6] - scores[:, 4]).mean())

    assert gap(1.0) > gap(0.0) + 0.1


def test_links_can_be_left_out():
    side = data_of(platforms(person=1.0)).side
    assert isinstance(side.links, Links)
    assert side.without("links").links is None
