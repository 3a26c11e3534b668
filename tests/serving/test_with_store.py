"""The API on a real local store: reasons that its own Cypher proves, the graph around a node, and life without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import jsonschema
import pytest

from graph.errors import StoreUnavailable
from graph.local_store import LocalStore
from graph.schema import ITEM, USER, Entity, Interaction, Triple, node_id
from graph.snapshot import Snapshot
from serving import reasons
from serving.app import create_app
from serving.gateway import Gateway
from serving.service import make_service
from serving.settings import Settings
from tests.serving.conftest import Get, client
from tests.serving.samples import ENTITIES, HOSTILE, USERS, sample_snapshot

pytestmark = pytest.mark.integration


@pytest.fixture
def store(local_store: LocalStore) -> LocalStore:
    fill(local_store, sample_snapshot())
    return local_store


def fill(store: LocalStore, snapshot: Snapshot) -> None:
    """The sample snapshot as a graph."""
    rows, triples = snapshot.interactions, snapshot.triples
    ends = [(ITEM, name) for name in snapshot.items.ids]
    ends += [(label, identity) for label, _, identity in (name.partition(":") for name in ENTITIES)]
    titles = snapshot.item_properties.column("title").to_pylist()
    items = [Entity(ITEM, name, {"title": title}) for name, title in zip(snapshot.items.ids, titles, strict=True)]
    attributes = [Entity(label, name, {"name": name.rpartition(":")[2]}) for label, name in ends if label != ITEM]
    store.ensure_schema([USER, ITEM, "Genre", "Entity"])
    store.write(
        [Entity(USER, name) for name in snapshot.users.ids] + items + attributes,
        [
            Interaction(snapshot.users.ids[user], snapshot.items.ids[item], "rated", float(value), int(at))
            for user, item, value, at in zip(rows.user, rows.item, rows.value, rows.time, strict=True)
            if value > 0
        ],
        [
            Triple(ends[head][1], snapshot.relations[relation], ends[tail][1], ends[head][0], ends[tail][0])
            for head, relation, tail in zip(triples.head, triples.relation, triples.tail, strict=True)
        ],
    )


def serving(home: Path, connect: Callable[[], LocalStore]) -> tuple[Get, Gateway]:
    settings = Settings(home=home)
    gateway = Gateway(connect)
    return client(create_app(settings, make_service(settings, gateway=gateway))), gateway


@pytest.mark.parametrize("user", [USERS[3], HOSTILE])
def test_every_reason_is_what_its_cypher_returns(home: Path, store: LocalStore, user: str) -> None:
    get, _ = serving(home, lambda: store)
    answer = get(f"/v1/users/{quote(user, safe='')}/recommendations?n=5&explain=true")
    assert answer.status_code == 200
    assert "x-interlace-reasons" not in answer.headers
    document = get("/v1/openapi.json").json()
    schema = {"$ref": "#/components/schemas/RecommendationList", "components": document["components"]}
    jsonschema.validate(answer.json(), schema)
    reasons = [entry["reason"] for entry in answer.json()["items"]]
    assert sum(reason is not None for reason in reasons) >= 4
    for reason in filter(None, reasons):
        row = store.query(reason["cypher"], reason["parameters"]).dicts()[0]
        path = [row["user"], row["liked"], row["via"], row["item"]]
        assert [node["id"] for node in reason["path"]["nodes"]] == [name for name in path if name]
        assert reason["text"].startswith("Because you liked ")


def test_the_graph_around_a_node_follows_its_schema(home: Path, store: LocalStore) -> None:
    get, _ = serving(home, lambda: store)
    body = get(f"/v1/graph/Item/{quote(HOSTILE, safe='')}?limit=5").json()
    document = get("/v1/openapi.json").json()
    schema = {"$ref": "#/components/schemas/Neighbourhood", "components": document["components"]}
    jsonschema.validate(body, schema)
    assert body["nodes"][0]["id"] == HOSTILE
    assert len(body["relationships"]) == 5


def test_labels_and_nodes_that_are_not_there(home: Path, store: LocalStore) -> None:
    get, _ = serving(home, lambda: store)
    assert get("/v1/graph/Nope/x").status_code == 404
    assert get(f"/v1/graph/Item/{node_id('p', 'nothing')}").status_code == 404
    assert get("/v1/graph/Item%60)%20DETACH%20DELETE%20(n/x").status_code == 422


def test_a_store_that_dies_takes_the_reasons_and_nothing_else(home: Path, store: LocalStore) -> None:
    class Dying:
        alive = True

        def query(self, *arguments: object) -> object:
            if self.alive:
                return store.query(*arguments)  # type: ignore[arg-type]
            raise StoreUnavailable("the store is gone", remedy="start it")

        def close(self) -> None:
            self.alive = False

    dying = Dying()
    get, gateway = serving(home, lambda: dying)  # type: ignore[arg-type,return-value]
    path = f"/v1/users/{USERS[3]}/recommendations?explain=true"
    assert "reasons" not in get(path).json()
    dying.alive = False
    body = get(path).json()
    assert (len(body["items"]), body["reasons"]["detail"]) == (10, "the store is gone")
    assert all(entry["reason"] is None for entry in body["items"])
    for _ in range(3):
        get(path)
    assert gateway.state == "failed", "after some failures in a row it is left alone"
    assert get("/v1/graph/Item/p:i01").status_code == 503


def test_likings_that_the_graph_holds_are_asked_for_once_and_those_that_it_lacks_again(
    home: Path, store: LocalStore
) -> None:
    asked: list[str] = []

    class Listening:
        def query(self, name: str, *arguments: object) -> object:
            asked.append(name)
            return store.query(name, *arguments)  # type: ignore[arg-type]

        def close(self) -> None:
            pass

    get, _ = serving(home, Listening)  # type: ignore[arg-type,return-value]
    path = f"/v1/users/{USERS[3]}/recommendations?explain=true&n=5"

    def answered() -> tuple[list[str | None], list[str]]:
        asked.clear()
        items = get(path).json()["items"]
        return [entry["reason"] and entry["reason"]["text"] for entry in items], list(asked)

    here = {"user": USERS[3]}
    likings = store.query(
        "MATCH (:User {id: $user})-[l:RATED]->(i:Item) RETURN i.id AS item, l.value AS value, l.at AS at", here
    ).dicts()
    with store.transaction() as transaction:
        transaction.query("MATCH (:User {id: $user})-[l:RATED]->(:Item) DELETE l", here)
    texts, _ = answered()
    assert not any(text and text.startswith("Because you liked") for text in texts), "the graph holds no liking"
    store.write([], [Interaction(USERS[3], row["item"], "rated", row["value"], row["at"]) for row in likings], [])
    texts, queries = answered()
    assert sum(bool(text) for text in texts) >= 4, "what the graph lacked is asked for again"
    assert "user_likes" in queries
    again, queries = answered()
    assert again == texts
    assert set(queries) <= {"items_friends"}, "likings and what joins items are remembered; friends may change"


def test_what_was_told_is_told_again_until_the_user_or_the_catalogue_changes(
    home: Path, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    whole = reasons.candidates

    def noted(live, crowd, ties, who, items):
        made.append(who.user)
        return whole(live, crowd, ties, who, items)

    monkeypatch.setattr(reasons, "candidates", noted)
    get, _ = serving(home, lambda: store)
    user = next(
        user
        for user in USERS
        if all(
            entry["reason"] and not entry["reason"]["text"].startswith("A friend")
            for entry in get(f"/v1/users/{quote(user, safe='')}/recommendations?explain=true&n=3").json()["items"]
        )
    )
    path = f"/v1/users/{quote(user, safe='')}/recommendations?explain=true&n=3"
    made.clear()
    first = get(path).json()
    assert get(path).json() == first
    assert not made, "told before"
    assert get(f"{path}&lang=zh").json()["items"][0]["reason"] != first["items"][0]["reason"]
    assert made == [user], "in another language"
    liked = first["items"][-1]["item"]["id"]
    event = {"user": user, "item": liked, "kind": "liked"}
    assert get("/v1/events", method="POST", json={"events": [event]}).status_code == 200
    assert liked not in [entry["item"]["id"] for entry in get(path).json()["items"]]
    assert made == [user, user], "they did something"
