"""Deletions: a source that is the whole truth, and files that say what goes; undone as everything else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graph.errors import StoreUnavailable
from graph.ingest import IngestReport, ingest
from graph.local_store import LocalStore
from graph.schema import Entity, Triple
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_folder, read_snapshot
from graph.store import GraphStore
from tests.graph.made import NOW, SHOP, write

pytestmark = pytest.mark.integration

SMALLER = {
    **SHOP,
    "interactions.csv": "user,item,kind,value,time\nann,pen,purchased,,100\n",
    "items.csv": "item,title,year,Genre[]\npen,Pen,2001,Tools\n",
    "users.csv": "user,age,Hobby[]\nann,31,art\n",
    "triples.csv": "head,relation,tail\nm1,made.by,acme\n",
    "links.csv": "item,entity\npen,m1\n",
}


def load(store: GraphStore, folder: Path, **options: Any) -> IngestReport:
    return ingest(store, folder, platform="shop", home=folder.parent, now=NOW, **options)


def everything(store: GraphStore) -> list[str]:
    nodes = store.query("MATCH (n) WHERE NOT n:GraphChange RETURN labels(n), properties(n)").rows
    edges = store.query("MATCH (h)-[r]->(t) RETURN h.id, type(r), t.id, properties(r)").rows
    return sorted(json.dumps(row, sort_keys=True) for row in [*nodes, *edges])


@pytest.fixture
def smaller(tmp_path: Path) -> Path:
    files = {name: text for name, text in SMALLER.items() if name not in {"friends.csv", "identities.csv"}}
    return write(tmp_path / "smaller", files)


def test_what_the_source_no_longer_holds_is_deleted(any_store, tmp_path, smaller):
    other = write(tmp_path / "other", {"interactions.csv": "user,item\nzoe,pen\n"})
    ingest(any_store, other, platform="market", home=tmp_path, now=NOW)
    kept = everything(any_store)
    load(any_store, write(tmp_path / "data", SHOP))
    report = load(any_store, smaller, sync=True)
    assert (report.deleted_nodes, report.deleted_relationships) == (6, 8)
    for node in kept:
        assert node in everything(any_store)
    again = load(any_store, smaller, sync=True)
    assert (again.nodes, again.relationships, again.changed, again.deleted_nodes, again.deleted_relationships) == (
        0,
    ) * 5


def test_after_a_sync_the_graph_is_that_of_the_source_alone(local_store, tmp_path, smaller):
    load(local_store, write(tmp_path / "data", SHOP))
    ann = {"friends.csv": "user,friend\nann,ann2\n", "identities.csv": "user,person\nann,p2\n"}
    load(local_store, write(smaller, ann), sync=True)
    expected = read_folder(smaller, platform="shop", now=NOW).snapshot
    assert content_hash(read_snapshot(local_store)) == content_hash(expected)
    people = local_store.query("MATCH (p:Person) RETURN p.id").rows
    assert people == [("p2",)]


def test_what_hangs_on_a_deleted_node_goes_and_comes_back_when_the_load_fails(local_store, tmp_path, smaller):
    load(local_store, write(tmp_path / "data", SHOP))
    local_store.write(
        [Entity("Item", "market:pen"), Entity("Tag", "Tag:red", {"name": "red"})],
        triples=[
            Triple("market:pen", "SIMILAR", "shop:ink", tail_label="Item"),
            Triple("shop:ink", "TAGGED", "Tag:red", tail_label="Tag"),
        ],
    )
    local_store.query("MATCH (:Item {id: 'market:pen'})-[r:SIMILAR]->() SET r.score = 0.5")
    before = everything(local_store)
    store = _FailingDelete(local_store)
    with pytest.raises(StoreUnavailable):
        load(store, smaller, sync=True)
    assert store.deletes > 2
    assert everything(local_store) == before
    load(local_store, smaller, sync=True)
    assert not any("shop:ink" in row for row in everything(local_store))
    assert any("market:pen" in row for row in everything(local_store))


class _FailingDelete:
    """Fails at the third DELETE, once."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self.deletes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, text: str, parameters: Any = None) -> Any:
        if "DELETE" in text:
            self.deletes += 1
            if self.deletes == 3:
                raise StoreUnavailable("the store is down")
        return self._store.query(text, parameters)


def test_a_file_of_deletions(any_store, tmp_path):
    load(any_store, write(tmp_path / "data", SHOP))
    rows = (
        "label,id,user,item,kind,at\nItem,pad,,,,\n,,ann,ink,viewed,\n,,bob,pen,,\n,,ann,pen,viewed,\n"
        "Genre,Tools,,,,\nItem,none,,,,\n"
    )
    report = load(any_store, write(tmp_path / "gone", {"deletions.csv": rows}))
    assert (report.deleted_nodes, report.deleted_relationships) == (2, 3)
    (file,) = report.files
    assert (file.part, file.read, file.refused) == ("deletions", 6, 0)
    left = any_store.query("MATCH (u:User)-[r]->(i:Item) RETURN u.id, type(r), i.id").rows
    assert left == [("shop:ann", "PURCHASED", "shop:pen")]


def test_rows_of_deletions_that_say_nothing_are_refused(local_store, tmp_path):
    load(local_store, write(tmp_path / "data", SHOP))
    rows = "label,id,user,item,kind\nItem,,,,\n,,ann,pen,stared\nItem,pen,ann,pen,\nIt em,pen,,,\n,,ann,ink,\n"
    report = load(local_store, write(tmp_path / "gone", {"deletions.csv": rows}), max_refused=1)
    assert (report.files[0].refused, report.deleted_relationships) == (4, 1)


def test_what_the_source_brings_is_not_deleted(local_store, tmp_path):
    load(local_store, write(tmp_path / "data", SHOP))
    before = everything(local_store)
    both = {**SHOP, "deletions.csv": "label,id,user,item\nItem,pen,,\n,,bob,pen\n"}
    report = load(local_store, write(tmp_path / "both", both))
    assert (report.deleted_nodes, report.deleted_relationships) == (0, 0)
    assert everything(local_store) == before


def test_deletions_are_undone_after_a_kill_and_finished_too(local_store, tmp_path, smaller, monkeypatch):
    load(local_store, write(tmp_path / "data", SHOP))
    store = _FailingDelete(local_store)
    monkeypatch.setattr("graph.ingest._settle", _die)
    with pytest.raises(KeyboardInterrupt):
        load(store, smaller, sync=True)
    monkeypatch.undo()
    report = load(local_store, smaller, sync=True)
    assert report.recovered
    fresh = load(local_store, smaller, sync=True)
    assert (fresh.deleted_nodes, fresh.deleted_relationships, fresh.nodes, fresh.relationships) == (0, 0, 0, 0)


def _die(*_: Any) -> None:
    raise KeyboardInterrupt
