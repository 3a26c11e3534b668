"""Explanations are true: each comes with a query that returns it, on both stores, and falls when the graph changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.explain import explain, explain_all, verify
from graph.explain_paths import LIKED_USED, tastes, threshold
from graph.explain_tell import Effect, Explanation, at_least, told
from graph.explain_words import because, direct, is_name, noun, shared, titled
from graph.schema import Entity, Interaction, Triple
from graph.store import GraphStore

HOSTILE = "p:a/b\n'\"`}) MATCH (n) DETACH DELETE n //"
U, V = "p:ann", "p:bob"


def fill(store: GraphStore) -> None:
    films = {
        "p:toy": {"title": "Toy Story", "year": 1995},
        "p:bug": {"title": "A Bug's Life", "year": 1998},
        "p:toy2": {"title": "Toy Story 2", "year": 1999},
        "p:sad": {"title": "Sad (1990)", "year": 1990},
        "p:code": {"title": "Coded"},
        "p:far": {"title": "Far"},
        "p:none": {"title": "Nothing"},
        HOSTILE: {"title": "Hostile"},
        "p:bad": {"title": "Disliked"},
    }
    genres = ("Animation", "Drama", HOSTILE)
    store.ensure_schema(["User", "Item", "Genre", "Entity"])
    store.write(
        [Entity("User", name) for name in (U, V, HOSTILE)]
        + [Entity("Item", name, {"kind": "movie", **values}) for name, values in films.items()]
        + [Entity("Genre", f"Genre:{name}", {"name": name}) for name in genres]
        + [Entity("Entity", "p:m.0dir", {"name": "m.0dir"})],
        [
            Interaction(U, "p:toy", "rated", 5.0, 100),
            Interaction(U, "p:bad", "rated", 2.0, 110),
            Interaction(U, "p:sad", "rated", 4.0, 120),
            Interaction(V, "p:toy", "liked", None, 90),
            Interaction(V, "p:far", "purchased", None, 95),
            Interaction(HOSTILE, HOSTILE, "viewed", None, 1),
        ],
        [
            Triple("p:toy", "HAS_GENRE", "Genre:Animation", "Item", "Genre"),
            Triple("p:bug", "HAS_GENRE", "Genre:Animation", "Item", "Genre"),
            Triple("p:bad", "HAS_GENRE", "Genre:Drama", "Item", "Genre"),
            Triple("p:far", "HAS_GENRE", "Genre:Drama", "Item", "Genre"),
            Triple("p:sad", "FILM_FILM_DIRECTED_BY", "p:m.0dir", "Item", "Entity"),
            Triple("p:code", "FILM_FILM_DIRECTED_BY", "p:m.0dir", "Item", "Entity"),
            Triple("p:toy", "FILM_FILM_SEQUEL", "p:toy2", "Item", "Item"),
            Triple(HOSTILE, "HAS_GENRE", f"Genre:{HOSTILE}", "Item", "Genre"),
            Triple("p:none", "HAS_GENRE", f"Genre:{HOSTILE}", "Item", "Genre"),
        ],
    )


@pytest.fixture
def store(any_store: GraphStore) -> GraphStore:
    fill(any_store)
    return any_store


ASKED = ("p:bug", "p:toy2", "p:code", "p:far", "p:none", "p:unknown")


@pytest.mark.integration
def test_each_kind_of_path_is_found_said_and_proved(store: GraphStore) -> None:
    found = explain(store, U, ASKED)
    assert {item: one.text for item, one in found.items()} == {
        "p:bug": "Because you liked Toy Story (1995): both have the genre Animation",
        "p:toy2": "Because you liked Toy Story (1995): Toy Story 2 (1999) is the sequel of Toy Story (1995)",
        "p:code": "Because you liked Sad (1990): both share the same director",
    }
    assert all(verify(store, one) for one in found.values())
    for item, one in found.items():
        assert (one.nodes[0].id, one.nodes[-1].id) == (U, item)
        ends = {node.id for node in one.nodes}
        assert all({edge.source, edge.target} <= ends for edge in one.relationships)
        assert len(one.relationships) == len(one.nodes) - 1
        facts = one.parameters
        assert (facts["user"], facts["item"]) == (U, item)


@pytest.mark.integration
def test_an_explanation_falls_with_the_graph_it_rests_on(store: GraphStore) -> None:
    one = explain(store, U, ["p:bug"])["p:bug"]
    other = replace(one, text=one.text.replace("Animation", "Drama"))
    assert verify(store, one)
    assert not verify(store, other)
    assert not verify(store, replace(one, cypher="MATCH (n) RETURN n"))
    assert not verify(store, replace(one, parameters={**one.parameters, "via": "Genre:Drama"}))
    store.query("MATCH (:User {id: $user})-[r:RATED]->(:Item {id: 'p:toy'}) SET r.value = 1.0", {"user": U})
    assert not verify(store, one)
    assert "p:bug" not in explain(store, U, ["p:bug"])


@pytest.mark.integration
def test_ids_full_of_cypher_are_ids(store: GraphStore) -> None:
    before = store.query("node_count").rows
    found = explain(store, HOSTILE, ["p:none", HOSTILE])
    assert list(found) == ["p:none"]
    assert found["p:none"].text == f"Because you viewed Hostile: both have the genre {HOSTILE}"
    assert verify(store, found["p:none"])
    assert store.query("node_count").rows == before


@pytest.mark.integration
def test_those_without_a_taste_or_a_path_have_no_reason(store: GraphStore) -> None:
    assert explain(store, "p:nobody", ["p:bug"]) == {}
    assert explain(store, U, []) == {}
    assert explain(store, U, ["p:none", "p:nothing"]) == {}


@pytest.mark.integration
def test_several_explanations_come_best_first(store: GraphStore) -> None:
    store.write(triples=[Triple("p:sad", "HAS_GENRE", "Genre:Animation", "Item", "Genre")])
    found = explain_all(store, U, ["p:bug"], limit=3)["p:bug"]
    assert [one.parameters["liked"] for one in found] == ["p:toy", "p:sad"]
    assert all(verify(store, one) for one in found)
    assert found[0] == explain(store, U, ["p:bug"])["p:bug"]


@pytest.mark.integration
def test_what_was_disliked_is_no_taste(store: GraphStore) -> None:
    taste = tastes(store, U)
    assert [one.item for one in taste.liked] == ["p:toy", "p:sad"]
    assert len(taste.liked) <= LIKED_USED


def test_explanations_become_json() -> None:
    one = Explanation("words", (), (), "MATCH", {"a": 1}, "people", effect=Effect(0.5, 0.1, 1, 9))
    assert one.json() == {
        "text": "words", "kind": "people", "path": {"nodes": [], "relationships": []}, "cypher": "MATCH",
        "parameters": {"a": 1}, "measured": "index", "effect": {"drop": 0.5, "others": 0.1, "place": 1, "of": 9},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [([], 4.0), ([1, 5], 4.0), ([3, 3], 4.0), ([0, 1], 1.0), ([9, 2], 7.0), ([88, 2], 70.0), ([500, 100, 300], 300)],
)
def test_liking_begins_at_a_rating_of_the_scale(ratings: list[float], expected: float) -> None:
    assert threshold(ratings) == expected


@pytest.mark.parametrize(
    ("relation", "words"),
    [
        ("HAS_GENRE", "genre"),
        ("FILM_FILM_ACTOR", "actor"),
        ("FILM_FILM_DIRECTED_BY", "director"),
        ("FILM_FILM_PRODUCTION_COMPANIES", "production company"),
        ("MUSIC_ARTIST_LABEL", "music artist label"),
        ("RATED_", "rated"),
        ("_", ""),
    ],
)
def test_relations_become_words(relation: str, words: str) -> None:
    assert noun(relation) == words


@pytest.mark.parametrize(
    ("name", "identity", "expected"),
    [
        ("Comedy", "Genre:Comedy", True),
        ("m.0abc", "p:m.0abc", False),
        ("p:m.0abc", "p:m.0abc", False),
        ("Q42", "p:Q42", False),
        ("1984", "p:1984", False),
        ("", "p:x", False),
        (None, "p:x", False),
        ("Tom Hanks", "p:m.0bxtg", True),
    ],
)
def test_codes_are_not_names(name: str | None, identity: str, expected: bool) -> None:
    assert is_name(name, identity) is expected


def test_words_claim_no_more_than_the_facts() -> None:
    assert titled("Sad (1990)", 1990, "p:sad") == "Sad (1990)"
    assert titled(None, 1990, "p:sad") == "p:sad"
    assert (
        because("en", "PURCHASED", "A", shared("HAS_BRAND", "Acme")) == "Because you bought A: both have the brand Acme"
    )
    assert because("en", "LISTENED", "A", shared("HAS_TAG", None)) == (
        "Because you listened to A: both share the same tag"
    )
    assert direct("FILM_FILM_PREQUEL", "A", "B") == "B is the prequel of A"
    assert shared("HAS_GENRE", "Comedy", "zh") == "两者的类型都是喜剧"


def crowd(store: GraphStore, people: int, *, later: int) -> None:
    """So many more people like Toy Story and Far; `later` of them Far after it."""
    names = [f"p:c{number}" for number in range(people)]
    store.write(
        [Entity("User", name) for name in names],
        [Interaction(name, "p:toy", "rated", 4.0, 50) for name in names]
        + [Interaction(name, "p:far", "rated", 5.0, 60 if place < later else 40) for place, name in enumerate(names)],
    )


def of_people(kind: str, people: int) -> Explanation:
    facts = {"user": U, "liked": "p:toy", "item": "p:far", "liking": "RATED", "at_least": 4.0, "by": "RATED",
             "people": people}  # fmt: skip
    row = {"user": U, "liked": "p:toy", "liked_title": "Toy Story", "liked_year": 1995, "item": "p:far",
           "item_title": "Far", "item_year": None}  # fmt: skip
    return told(kind, facts, row)


@pytest.mark.integration
def test_people_are_counted_and_none_is_shown(store: GraphStore) -> None:
    crowd(store, 7, later=5)
    one = of_people("people", at_least(7))
    assert one.text == "Because you liked Toy Story (1995): at least 5 people who liked it liked this too"
    assert verify(store, one)
    assert verify(store, of_people("next", 5))
    assert not verify(store, of_people("people", 10))
    assert not verify(store, of_people("next", 6))
    said = str((one.json(), store.query(one.cypher, one.parameters).rows))
    assert "p:c" not in said
    assert [node.label for node in one.nodes] == ["User", "Item", "People", "Item"]


@pytest.mark.integration
def test_likeness_is_measured_again_by_its_query(store: GraphStore) -> None:
    set_vector = "MATCH (i:Item {id: $item}) SET i.text_embedding = $vector"
    for item, vector in (("p:toy", [3.0, 0.0]), ("p:far", [1.0, 1.0])):
        store.query(set_vector, {"item": item, "vector": vector})
    row = {"user": U, "liked": "p:toy", "liked_title": "Toy Story", "liked_year": 1995, "item": "p:far",
           "item_title": "Far", "item_year": None}  # fmt: skip
    facts = {"user": U, "liked": "p:toy", "item": "p:far", "liking": "RATED", "at_least": 4.0}
    assert verify(store, told("similar_text", facts | {"cosine": 0.71}, row))
    assert not verify(store, told("similar_text", facts | {"cosine": 0.75}, row))
    new = {name: value for name, value in facts.items() if name != "user"} | {"liking": "CHOSEN", "cosine": 0.71}
    one = told("new_similar_text", new, row | {"user": None})
    assert one.text == "Because you chose Toy Story (1995): its description is alike (similarity 0.71)"
    assert verify(store, one)


@pytest.mark.parametrize(("people", "said"), [(0, 0), (4, 0), (5, 5), (9, 5), (10, 10), (137, 135)])
def test_few_people_are_nobody(people: int, said: int) -> None:
    assert at_least(people) == said
