"""The change log: who gives the graph a new version, and what a delta says."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from graph import changes
from graph.errors import StoreUnavailable
from graph.ingest import ingest
from graph.schema import ITEM, REFRESH_RUN, USER, Entity, Interaction, Triple
from graph.store import GraphStore
from tests.graph.made import NOW, SHOP, write

pytestmark = pytest.mark.integration


def load(store: GraphStore, root: Path, files: dict[str, str], home: str = "home") -> None:
    ingest(store, write(root / "data", files), platform="shop", home=root / home, now=NOW)


def test_writes_give_a_new_version_and_what_is_written_back_does_not(any_store):
    assert changes.mark_of(any_store) is None
    any_store.write([Entity(USER, "p:u"), Entity(ITEM, "p:i")])
    first = changes.mark_of(any_store)
    any_store.write([Entity(REFRESH_RUN, "r1")])
    any_store.write(triples=[Triple("p:i", "SIMILAR", "p:i", ITEM, ITEM)])
    assert changes.mark_of(any_store) == first
    any_store.write(interactions=[Interaction("p:u", "p:i", "viewed")])
    second = changes.mark_of(any_store)
    assert (first.version, second.version) == (1, 2)
    assert first.token != second.token
    assert any_store.query("node_count").rows == [(3,)]  # The log's own node does not count.


def test_a_write_that_fails_gives_no_version(any_store):
    any_store.write([Entity(USER, "p:u")])
    before = changes.mark_of(any_store)
    with pytest.raises(Exception, match="no Item node"):
        any_store.write(interactions=[Interaction("p:u", "p:none", "viewed")])
    assert changes.mark_of(any_store) == before


def test_an_ingest_publishes_what_it_brought_and_again_brings_nothing(any_store, tmp_path):
    load(any_store, tmp_path, SHOP)
    mark = changes.mark_of(any_store)
    assert mark.version == 2  # One when it began, one when it had ended.
    assert not mark.loading
    begun, ended = changes.deltas(tmp_path / "home")
    assert (begun.token, ended.token) == (ended.before, mark.token)
    assert list(begun.folder.iterdir()) == []
    names = {path.name.split(".", 1)[1]: pq.read_metadata(path).num_rows for path in ended.folder.iterdir()}
    assert (names["new.User.parquet"], names["new.RATED.User.Item.parquet"]) == (2, 1)
    load(any_store, tmp_path, SHOP)
    assert changes.mark_of(any_store) == mark


def test_deltas_lead_from_a_known_version_or_nowhere(local_store, tmp_path):
    home = tmp_path / "home"
    load(local_store, tmp_path, SHOP)
    first = changes.mark_of(local_store)
    load(local_store, tmp_path, {"interactions.csv": SHOP["interactions.csv"] + "bob,pad,,,7\n"})
    second = changes.mark_of(local_store)
    token, found = changes.deltas_since(home, second, [first.token])
    assert (token, [one.version for one in found]) == (first.token, [3, 4])
    assert changes.deltas_since(home, second, [second.token, first.token]) == (second.token, [])
    assert changes.deltas_since(home, second, ["another"]) is None
    local_store.write([Entity(ITEM, "shop:pad", {"title": "changed"})])
    assert changes.deltas_since(home, changes.mark_of(local_store), [first.token]) is None
    changes.forget(home, local_store.url, 3)
    assert [one.version for one in changes.deltas(home)] == [4]


def test_a_load_that_fails_is_taken_back_and_explains_nothing(local_store, tmp_path, monkeypatch):
    load(local_store, tmp_path, SHOP)
    before = changes.mark_of(local_store)

    def fails(*_: object) -> None:
        raise StoreUnavailable("the store is down")

    monkeypatch.setattr(local_store, "bulk_load", fails)
    with pytest.raises(StoreUnavailable):
        load(local_store, tmp_path, {"interactions.csv": SHOP["interactions.csv"] + "bob,pad,,,7\n"})
    after = changes.mark_of(local_store)
    assert after.version > before.version
    assert not after.loading
    assert changes.deltas_since(tmp_path / "home", after, [before.token]) is None


def test_who_writes_during_a_load_makes_its_delta_worthless(local_store, tmp_path, monkeypatch):
    bulk_load = local_store.bulk_load

    def with_another(*arguments: object) -> object:
        assert changes.mark_of(local_store).loading
        local_store.write([Entity(ITEM, "other:i")])
        return bulk_load(*arguments)

    monkeypatch.setattr(local_store, "bulk_load", with_another)
    load(local_store, tmp_path, SHOP)
    assert [one.version for one in changes.deltas(tmp_path / "home")] == [1]


def test_a_load_lost_with_its_home_is_forgotten_after_a_week(local_store, tmp_path, monkeypatch):
    changes.Load(local_store, tmp_path / "home", tmp_path)
    assert changes.mark_of(local_store).loading
    monkeypatch.setattr(changes, "FORGET_SECONDS", -1)
    assert not changes.mark_of(local_store).loading


def test_erased_nodes_are_gone_and_said_to_be(local_store, tmp_path):
    load(local_store, tmp_path, SHOP)
    changes.erase_nodes(local_store, tmp_path / "home", USER, ["shop:ann", "shop:nobody"])
    assert [row[0] for row in local_store.query("MATCH (u:User) RETURN u.id")] == ["shop:bob"]
    delta = list(changes.deltas(tmp_path / "home"))[-1]
    (path,) = delta.folder.iterdir()
    assert path.name == "000000.gone.User.parquet"
    assert changes.mark_of(local_store).token == delta.token
