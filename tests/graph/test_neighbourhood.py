from __future__ import annotations

import pytest

from graph.errors import InvalidData, NotFound
from graph.guard.hidden import Hidden
from graph.guard.policy import Policy
from graph.neighbourhood import neighbourhood
from graph.store import GraphStore
from tests.graph.test_explain import HOSTILE, U, fill


@pytest.fixture
def store(any_store: GraphStore) -> GraphStore:
    fill(any_store)
    return any_store


@pytest.mark.integration
def test_a_node_comes_with_its_neighbours_both_ways(store: GraphStore) -> None:
    found = neighbourhood(store, "Item", "p:toy")
    assert (found.nodes[0].id, found.nodes[0].label, found.nodes[0].title) == ("p:toy", "Item", "Toy Story")
    edges = {(edge.source, edge.type, edge.target) for edge in found.relationships}
    assert edges == {
        (U, "RATED", "p:toy"),
        ("p:bob", "LIKED", "p:toy"),
        ("p:toy", "HAS_GENRE", "Genre:Animation"),
        ("p:toy", "FILM_FILM_SEQUEL", "p:toy2"),
    }
    assert {node.id for node in found.nodes} == {"p:toy", U, "p:bob", "Genre:Animation", "p:toy2"}
    labels = {(edge.type, edge.source_label, edge.target_label) for edge in found.relationships}
    assert {("RATED", "User", "Item"), ("HAS_GENRE", "Item", "Genre"), ("FILM_FILM_SEQUEL", "Item", "Item")} <= labels
    rated = next(edge for edge in found.relationships if edge.type == "RATED")
    assert dict(rated.properties) == {"at": 100, "value": 5.0}


@pytest.mark.integration
def test_a_small_limit_shows_every_type(store: GraphStore) -> None:
    assert len({edge.type for edge in neighbourhood(store, "Item", "p:toy", limit=3).relationships}) == 3


@pytest.mark.integration
def test_embeddings_are_not_shown(store: GraphStore) -> None:
    store.query("MATCH (i:Item {id: $id}) SET i.text_embedding = [0.5, 0.5]", {"id": "p:none"})
    assert set(neighbourhood(store, "Item", "p:none").nodes[0].properties) == {"kind", "title"}


@pytest.mark.integration
def test_what_is_hidden_is_not_shown(store: GraphStore) -> None:
    store.query("MATCH (u:User {id: $id}) SET u.eMail = 'ada@example.org'", {"id": U})
    store.query("MATCH (u:User {id: $id}) CREATE (u)-[:HAS]->(:Secret {id: 's:1'})", {"id": U})
    hidden = Hidden(Policy(frozenset({"Secret"}), frozenset({"e_mail"})))
    found = neighbourhood(store, "User", U, hidden=hidden)
    assert "eMail" not in found.nodes[0].properties
    assert "Secret" not in {node.label for node in found.nodes}
    with pytest.raises(NotFound, match="no Secret node"):
        neighbourhood(store, "Secret", "s:1", hidden=hidden)
    open_to_all = neighbourhood(store, "User", U)
    assert open_to_all.nodes[0].properties["eMail"] == "ada@example.org"
    assert "Secret" in {node.label for node in open_to_all.nodes}


@pytest.mark.integration
def test_awkward_nodes(store: GraphStore) -> None:
    assert neighbourhood(store, "Item", HOSTILE).nodes[0].id == HOSTILE
    assert neighbourhood(store, "Entity", "p:m.0dir", limit=1).nodes[1].label == "Item"
    for label, identity in (("Item", "p:nothing"), ("Nope", "p:toy"), ("User", "p:toy")):
        with pytest.raises(NotFound, match=f"no {label} node"):
            neighbourhood(store, label, identity)
    with pytest.raises(InvalidData, match="cannot be a label"):
        neighbourhood(store, "Item) DETACH DELETE (n", "p:toy")
