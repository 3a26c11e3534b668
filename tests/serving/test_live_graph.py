"""New items over HTTP beside a graph store, without one, and without encoders."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.local_store import LocalStore
from graph.schema import ITEM, Entity
from graph.snapshot_fresh import take_snapshot
from serving.app import create_app
from serving.gateway import Gateway
from serving.middleware import Wrapped
from serving.overlay import Overlay
from serving.service import make_service
from serving.settings import Settings
from tests.serving.live_api import ITEM_BODY, send, stop_encoders
from tests.serving.themed import publish_themed

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("themed")
    publish_themed(folder)
    yield folder
    stop_encoders(folder)


class TestWithAGraph:
    """The graph follows the overlay, and takes it over."""

    @pytest.fixture
    def served(self, home: Path, local_store: LocalStore, tmp_path: Path) -> Iterator[tuple[Wrapped, Path]]:
        (tmp_path / "index").symlink_to(home / "index")
        settings = Settings(home=tmp_path, store=local_store.url)
        app = create_app(settings, make_service(settings, gateway=Gateway(lambda: local_store)))
        yield app, tmp_path
        stop_encoders(tmp_path)

    def test_the_graph_follows_and_the_next_snapshot_holds_it(
        self, served: tuple[Wrapped, Path], local_store: LocalStore
    ) -> None:
        app, home = served
        local_store.write([Entity(ITEM, "p:old", {"title": "Old", "note": "mine"})])
        body = {**ITEM_BODY, "relations": [{"relation": "film.directed by", "id": "p:m.1"}]}
        assert send(app, "PUT", "/v1/items/p:new", body).status_code == 200
        rows = local_store.query(
            "MATCH (n:Item {id: $id})-[r]->(t) RETURN type(r) AS type, labels(t)[0] AS label, t.id AS id ORDER BY type",
            {"id": "p:new"},
        ).rows
        assert [tuple(row) for row in rows] == [
            ("FILM_DIRECTED_BY", "Entity", "p:m.1"), ("HAS_GENRE", "Genre", "Genre:Space")
        ]  # fmt: skip
        assert Overlay(home).waiting() == []
        taken = take_snapshot(local_store, home).snapshot
        place = taken.items.position("p:new")
        assert taken.item_properties.column("title")[place].as_py() == ITEM_BODY["title"]
        send(app, "PUT", "/v1/items/p:new", {**ITEM_BODY, "text": None, "attributes": {"Genre": ["War"]}})
        assert local_store.query("MATCH (:Item {id: 'p:new'})-[:HAS_GENRE]->(g) RETURN g.name AS name").rows == [
            ("War",)
        ]
        assert local_store.query("MATCH (n:Item {id: 'p:new'}) RETURN n.text AS text").rows == [(None,)]
        send(app, "PUT", "/v1/items/p:old", {"title": "Older"})
        assert local_store.query("MATCH (n:Item {id: 'p:old'}) RETURN n.note AS note").rows == [("mine",)]
        assert send(app, "DELETE", "/v1/items/p:new").status_code == 204
        assert local_store.query("MATCH (n:Item {id: 'p:new'}) RETURN n.id AS id").rows == []

    def test_without_a_store_changes_wait_and_are_written_in_the_end(
        self, home: Path, tmp_path: Path, local_store: LocalStore
    ) -> None:
        (tmp_path / "index").symlink_to(home / "index")
        away = create_app(Settings(home=tmp_path, store="local:" + str(tmp_path / "no-store")))
        assert send(away, "PUT", "/v1/items/p:late", ITEM_BODY).status_code == 200
        assert send(away, "DELETE", "/v1/items/p:war1").status_code == 204
        assert [one.id for one in Overlay(tmp_path).waiting()] == ["p:late", "p:war1"]
        from serving.flush import flush

        local_store.write([Entity(ITEM, "p:war1", {"title": "gone soon"})])
        assert flush(local_store, tmp_path) == 2
        assert flush(local_store, tmp_path) == 0
        assert [row[0] for row in local_store.query("MATCH (n:Item) RETURN n.id AS id").rows] == ["p:late"]
        away.api.state.service.close()
        stop_encoders(tmp_path)


def test_without_encoders_an_item_is_kept_and_says_so(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index").symlink_to(home / "index")
    app = create_app(Settings(home=tmp_path, store="local:" + str(tmp_path / "no-store")))
    monkeypatch.setattr("serving.encoder_client.DEADLINE_SECONDS", 0.5)
    monkeypatch.setattr(app.api.state.service.encoders, "_start_seconds", 0.2)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    begun = time.monotonic()
    answer = send(app, "PUT", "/v1/items/p:new", ITEM_BODY)
    assert answer.status_code == 200
    assert answer.json()["vectors"] == []
    assert answer.json()["missing"].keys() == {"text"}
    assert answer.json()["recommended"] is True, "its genre says what it is like"
    assert time.monotonic() - begun < 10
    assert send(app, "POST", "/v1/search", {"text": "x"}).status_code == 503
    app.api.state.service.close()
