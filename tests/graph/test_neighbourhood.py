from __future__ import annotations

import pytest

from graph.errors import InvalidData, NotFound
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
def test_awkward_nodes(store: GraphStore) -> None:
    assert neighbourhood(store, "Item", HOSTILE).nodes[0].id == HOSTILE
    assert neighbourhood(store, "Entity", "p:m.0dir", limit=1).nodes[1].label == "Item"
    for label, identity in (("Item", "p:nothing"), ("Nope", "p:toy"), ("User", "p:toy")):
        with pytest.raises(NotFound, match=f"no {label} node"):
            neighbourhood(store, label, identity)
    with pytest.raises(InvalidData, match="cannot be a label"):
        neighbourhood(store, "Item) DETACH DELETE (n", "p:toy")
