"""Consent: kept, obeyed by the next answer of every worker and by the next snapshot, and told to the graph."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from graph.consent import EXPLANATION, RECOMMENDATION, TRANSFER, Defaults
from graph.explain_tell import FEWEST_PEOPLE
from graph.local_store import LocalStore
from graph.schema import ITEM, USER, Entity, Interaction, Triple
from graph.snapshot import Snapshot
from graph.snapshot_fresh import version_of
from serving.access.keys import KeyStore
from serving.app import create_app
from serving.cli.main import app as command
from serving.consent import Consents
from serving.flush import flush
from serving.foldin import personal
from serving.index import open_index
from serving.live_holder import open_live
from serving.middleware import Wrapped
from serving.publish import publish
from serving.reasons import Reasoner
from serving.recommend import Wish, recommend
from serving.settings import Settings
from serving.workflow import freeze, thaw
from tests.serving.access.test_abuse import running
from tests.serving.conftest import INFO
from tests.serving.live_api import stop_encoders
from tests.serving.samples import LONELY
from tests.serving.test_events_api import one_event, send, shown
from training.recommender import Recommender

USER_ID = "p:u03"
PATH = f"/v1/users/{USER_ID}/consent"


@pytest.fixture
def app(home: Path, tmp_path: Path) -> Iterator[Wrapped]:
    (tmp_path / "index").symlink_to(home / "index")
    app = create_app(Settings(home=tmp_path, store="local:" + str(tmp_path / "no-store")))
    yield app
    app.api.state.service.close()


def popular(home: Path, n: int) -> list[str]:
    index = open_index(home)
    return [index.item_ids[place].decode() for place in index.popular[:n].tolist()]


def test_a_withdrawn_consent_shows_in_the_next_answer(app: Wrapped, home: Path) -> None:
    before = shown(app, USER_ID, 5)
    assert before != popular(home, 5)
    answer = send(app, "PUT", PATH, {"recommendation": False}).json()
    assert answer["consent"]["recommendation"]["granted"] is False
    assert answer["consent"]["transfer"] == {"granted": True, "by": "default", "at": None}
    assert send(app, "GET", PATH).json() == answer
    assert shown(app, USER_ID, 5) == popular(home, 5), "nothing of what they did counts, not even that they saw it"
    reasons = send(app, "GET", f"/v1/users/{USER_ID}/recommendations?explain=true").json()["items"]
    assert {one["reason"] for one in reasons} == {None}
    send(app, "POST", "/v1/events", {"events": [one_event(user=USER_ID, item=popular(home, 1)[0])]})
    assert shown(app, USER_ID, 5) == popular(home, 5), "an event is kept and counts no more than the rest"
    assert send(app, "GET", f"/v1/users/{USER_ID}/profile").json()["liked"] == 0
    assert send(app, "GET", f"/v1/users/{USER_ID}").json()["history"], "their own page shows what is kept of them"
    send(app, "PUT", PATH, {"recommendation": None})
    assert popular(home, 1)[0] not in shown(app, USER_ID)


def test_what_is_refused(app: Wrapped) -> None:
    assert send(app, "PUT", PATH, {"marketing": False}).status_code == 422
    assert send(app, "PUT", PATH, {"transfer": "no"}).status_code == 422
    assert send(app, "PUT", PATH, {}).json()["detail"] == "no purpose"
    assert send(app, "PUT", "/v1/users/p:none/consent", {"transfer": False}).status_code == 404
    assert send(app, "GET", "/v1/users/p:none/consent").status_code == 404
    put = send(app, "PUT", f"/v1/users/{USER_ID}", {"properties": {"consent_transfer": True}})
    assert "consent_transfer" in put.json()["detail"], "a consent is no property that anybody may put"


def test_a_deleted_user_has_said_nothing(app: Wrapped, tmp_path: Path) -> None:
    send(app, "PUT", PATH, {"transfer": False})
    assert send(app, "DELETE", f"/v1/users/{USER_ID}").status_code == 204
    with closing(Consents(tmp_path, Defaults())) as consents:
        assert consents.users() == []


def test_the_command_and_the_server_say_the_same(app: Wrapped, home: Path, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        done = CliRunner().invoke(command, ["consent", *words, "--home", str(tmp_path), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert run(USER_ID, "--withdraw", "recommendation", "--grant", "transfer") == send(app, "GET", PATH).json()
    assert shown(app, USER_ID, 5) == popular(home, 5)
    assert run(USER_ID, "--reset", "recommendation")["consent"]["recommendation"]["by"] == "default"
    twice = CliRunner().invoke(
        command, ["consent", USER_ID, "--grant", "transfer", "--reset", "transfer", "--home", str(tmp_path)]
    )
    assert twice.exit_code == 2


def test_silence_is_what_the_setting_says(home: Path, tmp_path: Path) -> None:
    (tmp_path / "index").symlink_to(home / "index")
    app = create_app(
        Settings(home=tmp_path, store="local:" + str(tmp_path / "no"), consent_withheld="p:recommendation")
    )
    assert shown(app, USER_ID, 5) == popular(home, 5)
    send(app, "PUT", PATH, {"recommendation": True})
    assert shown(app, USER_ID, 5) != popular(home, 5)
    app.api.state.service.close()


@pytest.mark.integration
def test_every_worker_obeys_at_its_next_request(home: Path, tmp_path: Path) -> None:
    (tmp_path / "index").symlink_to(home / "index")
    with running(tmp_path, WORKERS="2") as server:
        keys = KeyStore(tmp_path)
        _, own = keys.create("own", "writer", user=USER_ID)
        keys.close()
        time.sleep(1)  # until every worker knows the key
        headers = {"authorization": f"Bearer {own}"}

        def answers() -> set[tuple[str, ...]]:
            """Of requests on connections of their own, which the workers share out."""
            found = set()
            for _ in range(20):
                path = f"/v1/users/{USER_ID}/recommendations?n=5"
                answer = httpx.get(server.address + path, headers=headers, timeout=30)
                found.add(tuple(one["item"]["id"] for one in answer.json()["items"]))
            return found

        before = answers()
        assert len(before) == 1
        for granted, expected in ((False, {tuple(popular(home, 5))}), (True, before)):
            put = httpx.put(f"{server.address}{PATH}", headers=headers, json={"recommendation": granted}, timeout=30)
            assert put.status_code == 200
            assert answers() == expected
    stop_encoders(tmp_path)


@pytest.mark.parametrize("who", [LONELY, "p:u05"])
def test_nothing_is_carried_over_that_either_account_withholds(
    snapshot: Snapshot, ease: Recommender, tmp_path: Path, who: str
) -> None:
    place = snapshot.users.position
    linked = replace(snapshot, identities={place(LONELY): "me", place("p:u05"): "me"})
    publish(linked, ease, home=tmp_path, model=INFO)
    live = open_live(tmp_path, Defaults())
    assert recommend(live, Wish(LONELY, 5)).source == "person"
    assert live.consents is not None
    live.consents.say(who, {TRANSFER: False})
    assert recommend(live, Wish(LONELY, 5)).source == "popular"
    live.consents.say(who, {TRANSFER: True})
    assert recommend(live, Wish(LONELY, 5)).source == "person"
    live.consents.close()


def test_what_a_source_says_is_in_the_index(snapshot: Snapshot, ease: Recommender, tmp_path: Path) -> None:
    said = pa.array(["false" if user == USER_ID else "true" for user in snapshot.users.ids])
    table = snapshot.user_properties.append_column("consent_recommendation", said)
    publish(replace(snapshot, user_properties=table), ease, home=tmp_path, model=INFO)
    live = open_live(tmp_path, Defaults.of("recommendation"))
    assert personal(live, USER_ID).impersonal
    assert not personal(live, "p:u04").impersonal
    assert live.consents is not None
    assert live.consents.of("p:u04", 16)[RECOMMENDATION].by == "data"
    live.consents.close()


FRIENDS = ("bob", "cleo", *(f"f{number}" for number in range(FEWEST_PEOPLE - 1)))


def small_graph(store: LocalStore) -> None:
    """All friends of Ann's liked the film that is recommended to her; Bob says that his friends may know."""
    store.ensure_schema([USER, ITEM])
    people = [Entity(USER, f"p:{name}", {"share_activity": name == "bob" or None}) for name in ("ann", *FRIENDS)]
    store.write([*people, Entity(ITEM, "p:film", {"title": "Film"}), Entity(ITEM, "p:other", {"title": "Other"})])
    store.write((), [Interaction(f"p:{name}", "p:film", "liked", at=1) for name in FRIENDS])
    store.write((), [Interaction("p:ann", "p:other", "liked", at=1)])
    store.write((), (), [Triple("p:ann", "FRIEND", f"p:{name}", USER, USER) for name in FRIENDS])


@pytest.mark.integration
def test_the_graph_and_the_next_snapshot_follow(local_store: LocalStore, tmp_path: Path) -> None:
    small_graph(local_store)
    whole = freeze(local_store, tmp_path, Defaults())
    with closing(Consents(tmp_path, Defaults())) as consents:
        consents.say("p:bob", {RECOMMENDATION: False})
        consents.say("p:cleo", {EXPLANATION: True})
        part = freeze(local_store, tmp_path, Defaults())
        said = "MATCH (u:User) RETURN u.id AS id, u.consent_recommendation AS r, u.consent_explanation AS e"
        node = {row["id"]: row for row in local_store.query(said).dicts()}
        assert (node["p:bob"]["r"], node["p:bob"]["e"], node["p:cleo"]["e"]) == (False, None, True)
        bob = part.snapshot.users.position("p:bob")
        assert bob not in part.snapshot.interactions.user
        assert len(part.snapshot.interactions) == len(whole.snapshot.interactions) - 1
        assert thaw(tmp_path, part.hash).snapshot.users == part.snapshot.users
        assert version_of(tmp_path, part.hash) is not None, "what an index of it holds is known"
        local_store.write([Entity(USER, "p:bob", {"consent_recommendation": True})])  # a source says otherwise
        still = freeze(local_store, tmp_path, Defaults(), full=True).snapshot
        assert bob not in still.interactions.user
        assert flush(local_store, tmp_path) == 1, "and the graph is told again"
        assert flush(local_store, tmp_path) == 0
        consents.say("p:bob", {RECOMMENDATION: None})
        again = freeze(local_store, tmp_path, Defaults())
        assert bob in again.snapshot.interactions.user
        assert freeze(local_store, tmp_path, Defaults.of("transfer")).hash == again.hash, "nobody has an identity"


@pytest.mark.integration
def test_nobody_is_named_who_withholds_it(local_store: LocalStore, ease: Recommender, tmp_path: Path) -> None:
    small_graph(local_store)
    home = tmp_path / "home"
    frozen = freeze(local_store, home, Defaults())
    from training.train import everything
    from training.zoo import find

    publish(frozen.snapshot, find("ease").build().fit(everything(frozen.snapshot, None)), home=home, model=INFO)
    live = open_live(home, Defaults())
    consents, who, film = live.consents, personal(live, "p:ann"), live.item("p:film")
    assert consents is not None

    def reason() -> Any:
        return Reasoner().for_user(local_store, live, who, [film])[0]

    named = reason()
    assert "bob" in named.text
    consents.say("p:bob", {EXPLANATION: False})
    counted = reason()
    assert "bob" not in counted.text, "at once, before the graph has followed"
    assert f"{FEWEST_PEOPLE} friends" in counted.text
    flush(local_store, home)
    assert local_store.query(counted.cypher, counted.parameters).dicts(), "the proof holds in the graph that followed"
    assert not local_store.query(named.cypher, named.parameters).dicts(), "and the old one no more"
    consents.say("p:cleo", {EXPLANATION: False})
    assert reason() is None, "fewer would point at somebody"
    consents.close()
