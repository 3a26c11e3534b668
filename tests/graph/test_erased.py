"""On both stores: a person on all platforms leaves the graph, with all that names them; the export tells it first."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import orjson
import pytest

from graph import erased
from graph.errors import NotFound
from graph.schema import FRIEND, ITEM, PERSON, USER, USER_BLOCKED, Entity, Interaction, Triple
from graph.store import GraphStore
from serving.erasure.export import exported, packed
from serving.erasure.graph import nodes, resolve
from serving.erasure.work import Work
from serving.settings import Settings

pytestmark = pytest.mark.integration
ANN, ANN_ELSEWHERE, BOB, FILM = "p:ann", "q:ann", "p:bob", "p:film"


@pytest.fixture
def store(any_store: GraphStore) -> GraphStore:
    any_store.ensure_schema([USER, ITEM, PERSON])
    any_store.write(
        [
            Entity(USER, ANN, {"age": 30, "profile_text": "likes films"}),
            Entity(USER, ANN_ELSEWHERE),
            Entity(USER, BOB, {USER_BLOCKED: [ANN, "p:other"]}),
            Entity(ITEM, FILM, {"title": "Film"}),
            Entity(PERSON, "person:1"),
        ],
        [Interaction(ANN, FILM, "liked", at=1), Interaction(BOB, FILM, "liked", at=2)],
        [
            *(Triple(one, "IS", "person:1", USER, PERSON) for one in (ANN, ANN_ELSEWHERE)),
            Triple(ANN, FRIEND, BOB, USER, USER),
        ],
    )
    return any_store


def test_the_export_says_where_each_value_is_from(store: GraphStore, tmp_path: Path) -> None:
    found = exported(tmp_path, ANN, store)
    told = {row["property"]: row for row in found["profile"]}
    assert told["age"]["value"] == 30
    assert told["age"]["source"].startswith("the graph")
    assert told["profile_text"]["source"].startswith("a language model")
    assert [(row["item"], row["kind"]) for row in found["interactions"]] == [(FILM, "liked")]
    assert [row["user"] for row in found["friends"]] == [BOB]
    assert [row["person"] for row in found["links"]] == ["person:1"]
    with zipfile.ZipFile(io.BytesIO(packed(found))) as file:
        assert {"export.json", "profile.csv", "interactions.csv", "friends.csv"} <= set(file.namelist())
        assert orjson.loads(file.read("export.json"))["about"]["user"] == ANN
    with pytest.raises(NotFound, match="p:nobody"):
        exported(tmp_path, "p:nobody", store)


def test_a_person_leaves_with_all_that_names_them(store: GraphStore, tmp_path: Path) -> None:
    users, persons = resolve(store, [ANN])
    assert users == [ANN, ANN_ELSEWHERE]
    assert persons == ["person:1"]
    counts = nodes(Work(Settings(home=tmp_path), tuple(users), tuple(persons), lambda: store))
    assert counts["users"] == 2
    assert counts["lists"] == 1
    assert store.query("MATCH (u:User) RETURN u.id AS id").rows == [(BOB,)]
    assert store.query("MATCH (p:Person) RETURN count(p) AS n").rows == [(0,)]
    assert store.query("MATCH (u:User {id: $id}) RETURN u.blocked AS blocked", {"id": BOB}).rows == [(["p:other"],)]
    assert store.query("MATCH (:User)-[r]->(:Item) RETURN count(r) AS n").rows == [(1,)]
    assert store.query("profile_texts_of", {"ids": users}).rows == []


def test_a_list_of_hashes_says_who_must_not_come_back(tmp_path: Path) -> None:
    assert ANN not in erased.read(tmp_path)
    erased.add(tmp_path, [ANN])
    assert ANN in erased.read(tmp_path)
    assert BOB not in erased.read(tmp_path)
    assert "ann" not in "".join(path.read_text("latin-1") for path in (tmp_path / erased.FOLDER).iterdir())
    erased.remove(tmp_path, ANN)
    assert ANN not in erased.read(tmp_path)
