"""The GNN finds planted groups, ranks unseen items by their content, and does without whatever is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graph.snapshot import EmbeddingTable
from tests.training.models.planted_graph import GROUPS, USERS, Planted, bare, ndcg, planted, popularity_ndcg
from training.data import UNKNOWN, HeldOut, TrainingData, UserBatch
from training.fusion import GatedFusion, principal_components
from training.hetero import FRIEND, LIKED, hetero_graph
from training.knowledge import neighbours
from training.models.gnn import GNN, GNNConfig
from training.recommender import Recommender

SMALL = GNNConfig(embedding_size=16, epochs=30, batch_size=256, id_dropout=0.3)


@pytest.fixture(scope="module")
def world() -> Planted:
    return planted()


@pytest.fixture(scope="module")
def fitted(world: Planted) -> GNN:
    return GNN(SMALL).fit(world.data)


class Guess:
    """Random scores: what chance reaches."""

    def score(self, users: UserBatch) -> np.ndarray:
        return np.random.default_rng(0).random((len(users), users.histories.num_items), np.float32)


def chance(held: HeldOut) -> float:
    guess: Recommender = Guess()  # type: ignore[assignment]
    return ndcg(guess, held)


def test_learns_the_planted_groups(world: Planted, fitted: GNN) -> None:
    assert ndcg(fitted, world.test) > 1.5 * popularity_ndcg(world)


@pytest.mark.parametrize("without", [("text",), ("triples",)])
def test_unseen_items_are_ranked_by_either_kind_of_content(world: Planted, without: tuple[str, ...]) -> None:
    side = world.data.side
    for part in without:
        side = side.without(part)
    model = GNN(SMALL).fit(replace(world.data, side=side))
    assert ndcg(model, world.cold) > 1.5 * chance(world.cold)


def test_unseen_items_without_any_content_get_nothing(world: Planted) -> None:
    model = GNN(replace(SMALL, epochs=2)).fit(bare(world.data))
    unseen = np.asarray(world.data.matrix.sum(axis=0)).ravel() == 0
    assert not model.score(world.test.batch(slice(None)))[:, unseen].any()


@pytest.mark.parametrize("relations", ["scalar", "basis", "attentive"])
def test_every_way_to_weigh_relations_learns(world: Planted, relations: str) -> None:
    model = GNN(replace(SMALL, relations=relations, epochs=20)).fit(world.data)
    assert ndcg(model, world.test) > 1.4 * popularity_ndcg(world)


@pytest.mark.parametrize("parts", [("triples",), ("text",), ("friendships",), ("triples", "text", "friendships")])
def test_any_part_may_be_missing(world: Planted, parts: tuple[str, ...]) -> None:
    side = world.data.side
    for part in parts:
        side = side.without(part)
    model = GNN(replace(SMALL, epochs=20)).fit(replace(world.data, side=side))
    assert ndcg(model, world.test) > 1.4 * popularity_ndcg(world)


def test_rows_that_are_not_present_are_never_read(world: Planted) -> None:
    """Whatever stands in a masked row of the table, the model is the same."""
    table = world.data.side.embeddings["text"]
    assert not table.present.all()
    spoilt = table.vectors.copy()
    spoilt[~table.present] = 1e6
    few, tables = replace(SMALL, epochs=2), (table, EmbeddingTable(spoilt, table.present, "planted", "1"))
    first, second = (
        GNN(few).fit(replace(world.data, side=replace(world.data.side, embeddings={"text": given}))).state()
        for given in tables
    )
    assert np.array_equal(first["items"], second["items"])


def test_a_friends_taste_reaches_a_user_without_history(world: Planted) -> None:
    liked = world.data.matrix.toarray() > 0
    liked[:GROUPS] = False  # these have friends of their own group alone
    from tests.training.models.planted_graph import histories

    model = GNN(SMALL).fit(TrainingData(histories(liked), world.data.side, None))
    index = np.arange(GROUPS)
    scores = model.score(UserBatch(index, histories(liked).take(index)))
    for user in range(GROUPS):
        warm = np.flatnonzero(liked.any(axis=0))
        own = world.groups[warm] == user
        assert scores[user, warm][own].mean() > scores[user, warm][~own].mean() + 0.1


def test_a_newcomer_gets_the_taste_of_its_history(world: Planted, fitted: GNN) -> None:
    known = world.test.batch(slice(None))
    own, folded = fitted.score(known), fitted.score(UserBatch(np.full(len(known), UNKNOWN), known.histories))
    assert np.mean([np.corrcoef(own[row], folded[row])[0, 1] for row in range(len(known))]) > 0.9


def test_deterministic_by_seed(world: Planted) -> None:
    few = replace(SMALL, epochs=2)
    first, again, other = (GNN(config).fit(world.data).state()["users"] for config in (few, few, replace(few, seed=1)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_state_is_everything(world: Planted, fitted: GNN) -> None:
    batch = world.test.batch(slice(None))
    assert np.array_equal(GNN(SMALL).load_state(fitted.state()).score(batch), fitted.score(batch))


def test_gates_name_the_parts_and_sum_to_one(fitted: GNN) -> None:
    assert set(fitted.gates) == {"id", "relations", "text"}
    assert sum(fitted.gates.values()) == pytest.approx(1, abs=1e-5)


def test_a_missing_part_leaves_its_weight_to_the_others() -> None:
    fusion = GatedFusion(("id", "text"), 2)
    vectors = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    masks = torch.tensor([[[True, True], [False, True], [False, False]]])
    both, text_alone, nothing = fusion.gates(vectors, masks)[0].tolist()
    assert sum(both) == pytest.approx(1)
    assert min(both) > 0
    assert text_alone == [0, 1]
    assert nothing == [0, 0]
    assert fusion(vectors, masks)[0, 2].tolist() == [0, 0]


def test_principal_components_keep_distances_and_masks() -> None:
    rng = np.random.default_rng(0)
    present = np.arange(20) != 7
    vectors = rng.standard_normal((20, 6)).astype(np.float32) * present[:, None]
    found, basis = principal_components(EmbeddingTable(vectors, present, "e", "1"), 6)
    assert not found[7].any()
    centred = vectors - vectors[present].mean(axis=0)
    assert np.allclose(found[present], (centred @ basis)[present], atol=1e-4)
    ratio = np.linalg.norm(found[1] - found[2]) / np.linalg.norm(vectors[1] - vectors[2])
    assert np.linalg.norm(found[3] - found[9]) / np.linalg.norm(vectors[3] - vectors[9]) == pytest.approx(
        ratio, rel=1e-4
    )
    assert (found[present] ** 2).sum(1).mean() == pytest.approx(1, rel=1e-4)


def test_hetero_graph_holds_every_edge(world: Planted) -> None:
    graph = hetero_graph(world.data)
    assert graph[LIKED].edge_index.shape[1] == world.data.matrix.nnz
    assert graph[FRIEND].edge_index.shape[1] == 2 * (USERS - GROUPS)
    genres = graph["item", "HAS_GENRE", "entity"].edge_index
    assert np.array_equal(np.unique(genres[1].numpy()), np.arange(GROUPS))
    assert graph["entity"].num_nodes == world.data.side.num_nodes - world.data.num_items


def test_neighbours_are_the_mean_over_the_others_that_share_an_entity(world: Planted) -> None:
    informed = np.asarray(world.data.matrix.sum(axis=0)).ravel() > 0
    around = neighbours(hetero_graph(world.data), informed)
    assert around is not None
    assert around.relations == ("HAS_GENRE", "MADE_BY")
    x = np.random.default_rng(0).standard_normal((world.data.num_items, 3)).astype(np.float32)
    means = (around.spread @ (around.gather @ x)).reshape(-1, 2, 3) - around.own[..., None] * x[:, None]
    triples = world.data.side.triples
    for item in (0, 5, world.data.num_items - 1):
        for relation in (0, 1):
            entity = triples.tail[(triples.head == item) & (triples.relation == relation)][0]
            sharing = triples.head[(triples.tail == entity) & (triples.relation == relation)]
            others = [other for other in sharing if other != item and informed[other]]
            assert around.present[item, relation] == bool(others)
            if others:
                assert np.allclose(means[item, relation], x[others].mean(0), atol=1e-5)


def test_a_relation_under_two_names_counts_once(world: Planted) -> None:
    side = world.data.side
    inverse = replace(
        side.triples,
        head=np.concatenate([side.triples.head, side.triples.tail]),
        relation=np.concatenate([side.triples.relation, side.triples.relation + 2]),
        tail=np.concatenate([side.triples.tail, side.triples.head]),
    )
    twice = replace(side, relations=("HAS_GENRE", "MADE_BY", "GENRE_OF", "MAKER_OF"), triples=inverse)
    around = neighbours(hetero_graph(replace(world.data, side=twice)), np.ones(world.data.num_items, bool))
    assert around is not None
    assert len(around.relations) == 2
