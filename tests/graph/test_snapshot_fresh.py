"""A snapshot brought up to date is the one that reading everything gives, whatever happened in between."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph import changes
from graph.ingest import ingest, recover
from graph.link import store as link_store
from graph.link.records import ITEMS, PEOPLE
from graph.link.store import Link
from graph.schema import ITEM, USER, Entity
from graph.snapshot_files import content_hash
from graph.snapshot_fresh import KEEP, SNAPSHOTS, take_snapshot
from graph.snapshot_store import read_snapshot
from graph.store import GraphStore
from tests.graph.made import NOW, SHOP, write

pytestmark = pytest.mark.integration

EMPTIED = ("MATCH ()-[r]->() DELETE r", "MATCH (n) DELETE n")
NAMES = [*"abcdefg", "ä", "😀", "a:b", "'"]


def some(random: Random, most: int) -> list[str]:
    return random.sample(NAMES, random.randint(0, most))


def cell(random: Random, *values: object) -> str:
    value = random.choice(["", *values])
    return str(value)


def made_up(random: Random) -> dict[str, str]:
    """A few rows of every sort of file."""
    users, items = some(random, 5) or ["a"], some(random, 5) or ["b"]
    acts = [
        ",".join((user, item, random.choice(["viewed", "rated"]), cell(random, 1, 4.5), cell(random, 5, 6)))
        for user in users for item in some(random, 4) or items
    ]  # fmt: skip
    files = {"interactions.csv": "user,item,kind,value,time\n" + "\n".join(acts) + "\n"}
    described = {*items, *(act.split(",")[1] for act in acts)}
    rows = [
        f"{item},t{cell(random, 1)},{cell(random, 1999, 2001)},{cell(random, 'X', 'X|Y', 'Z')}" for item in described
    ]
    files["items.csv"] = "item,title,year,Genre[]\n" + "\n".join(rows) + "\n"
    if random.random() < 0.5:
        rows = [f"{user},{cell(random, 30, 31)},{cell(random, 'art', 'art|chess')}" for user in users]
        files["users.csv"] = "user,age,Hobby[]\n" + "\n".join(rows) + "\n"
    if random.random() < 0.5:
        rows = [f"{random.choice(items)},{random.choice(['by', 'of'])},{random.choice(NAMES)}" for _ in range(3)]
        files["triples.csv"] = "head,relation,tail\n" + "\n".join(rows) + "\n"
    if random.random() < 0.3 and len(users) > 1:
        files["friends.csv"] = f"user,friend\n{users[0]},{users[1]}\n"
        files["identities.csv"] = f"user,person\n{users[0]},p{random.randint(1, 3)}\n"
    return files


def load(store: GraphStore, random: Random, root: Path) -> None:
    folder = write(root / f"data{random.random()}", made_up(random))
    ingest(store, folder, platform="p", home=root / "home", now=NOW, max_refused=1.0)


def encode(store: GraphStore, random: Random, root: Path) -> None:
    items = [row[0] for row in store.query("MATCH (n:Item) RETURN n.id ORDER BY n.id")]
    chosen = random.sample(items, min(len(items), 3))
    rows = [{"id": item, "properties": vector(random)} for item in chosen]
    changes.prepare(store)
    changes.write_nodes(store, root / "home", "set_item_properties", {"rows": rows}, {ITEM: chosen})


def vector(random: Random) -> dict[str, object]:
    name = "text_embedding"
    if random.random() < 0.2:
        return {name: None, f"{name}_encoder": None, f"{name}_version": None}
    return {name: [random.random(), 1.0], f"{name}_encoder": "e", f"{name}_version": str(random.random() < 0.8)}


def erase(store: GraphStore, random: Random, root: Path) -> None:
    label = random.choice([USER, ITEM, "Genre", "Entity"])
    ids = [row[0] for row in store.query(f"MATCH (n:{label}) RETURN n.id ORDER BY n.id")]
    changes.erase_nodes(store, root / "home", label, random.sample(ids, min(len(ids), 2)))


def unexplained(store: GraphStore, random: Random, root: Path) -> None:
    """A writer without a home, or one that was killed before it said what it had done."""
    store.write([Entity(ITEM, "p:a", {"title": f"new {random.random()}"})])


def behind_our_back(store: GraphStore, random: Random, root: Path) -> None:
    store.query("MERGE (u:User {id: 'p:a'}) MERGE (i:Item {id: 'p:b'}) CREATE (u)-[:RATED {at: $at}]->(i)", {
        "at": random.randint(10, 10**6)
    })  # fmt: skip


def killed(store: GraphStore, random: Random, root: Path) -> None:
    """An ingest that is killed when all is written and nothing published; the next one to come finishes it."""
    folder = write(root / f"data{random.random()}", made_up(random))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes.Load, "end", stop)
        with pytest.raises(KeyboardInterrupt):
            ingest(store, folder, platform="p", home=root / "home", now=NOW, max_refused=1.0)
    if not list((root / "home" / "ingest").glob("run-*")):  # There was nothing to write.
        return
    assert recover(store, root / "home")


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def nothing(store: GraphStore, random: Random, root: Path) -> None:
    """Nothing happens."""


def linked(store: GraphStore, random: Random, root: Path) -> None:
    """A linkage of people or of items, or an earlier one taken back."""
    what = random.choice([PEOPLE, ITEMS])
    label = USER if what == PEOPLE else ITEM
    ids = [row[0] for row in store.query(f"MATCH (n:{label}) RETURN n.id ORDER BY n.id")]
    chosen = random.sample(ids, min(len(ids), 2 * random.randint(0, 1)))
    tails = ["someone"] * len(chosen) if what == PEOPLE else chosen[1:]
    links = [Link(head, tail, random.choice([0.4, 1.0]), "run") for head, tail in zip(chosen, tails, strict=False)]
    link_store.apply(store, root / "home", what, link_store.difference(store, what, links), f"run{random.random()}")


OPERATIONS = (load, load, encode, erase, linked, linked, unexplained, behind_our_back, nothing)


def same(store: GraphStore, home: Path) -> str:
    taken = take_snapshot(store, home)
    assert taken.hash == content_hash(taken.snapshot)
    assert taken.hash == content_hash(read_snapshot(store)), taken.how
    return taken.how


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(seeds=st.lists(st.integers(0, 10_000), min_size=2, max_size=5))
def test_any_history_gives_what_reading_everything_gives(any_store, tmp_path_factory, seeds):
    run(any_store, tmp_path_factory.mktemp("history"), seeds)


def run(store: GraphStore, root: Path, seeds: list[int]) -> list[str]:
    for text in EMPTIED:
        store.query(text)
    load(store, Random(0), root)
    hows = [same(store, root / "home")]
    for seed in seeds:
        random = Random(seed)
        for _ in range(random.randint(1, 2)):
            random.choice(OPERATIONS)(store, random, root)
        hows.append(same(store, root / "home"))
    return hows


def shop(store: GraphStore, root: Path, files: dict[str, str]) -> None:
    ingest(store, write(root / "data", files), platform="shop", home=root / "home", now=NOW)


def described(store: GraphStore, home: Path) -> None:
    """A vector for one item, written as `encoders.encode` writes it."""
    rows = [{"id": "shop:pen", "properties": {"text_embedding": [0.5, 2.0], "text_embedding_encoder": "e"}}]
    changes.write_nodes(store, home, "set_item_properties", {"rows": rows}, {ITEM: ["shop:pen"]})


def test_what_is_read_after_what(any_store, tmp_path):
    home = tmp_path / "home"
    shop(any_store, tmp_path, SHOP)
    assert (same(any_store, home), same(any_store, home)) == ("all", "nothing")
    more = SHOP["interactions.csv"].replace("4.5", "2") + "zoe,aaa,,,7\n"
    items = SHOP["items.csv"] + "aaa,First,2020,Craft\n"
    shop(any_store, tmp_path, {**SHOP, "interactions.csv": more, "items.csv": items})
    assert same(any_store, home) == "changes"
    changes.erase_nodes(any_store, home, ITEM, ["shop:ink"])
    assert same(any_store, home) == "changes"
    described(any_store, home)
    assert same(any_store, home) == "changes"
    assert take_snapshot(any_store, home, full=True).how == "all"
    any_store.write([Entity(USER, "shop:new")])
    assert same(any_store, home) == "all"
    assert same(any_store, home) == "nothing"
    any_store.query("MATCH (u:User {id: 'shop:bob'})-[r]->(:Item) DELETE r")
    taken = take_snapshot(any_store, home)
    assert (taken.how, "counts do not fit" in taken.why) == ("all", True)


def test_links_are_read_with_their_probability_and_go_when_they_are_undone(any_store, tmp_path):
    home = tmp_path / "home"
    shop(any_store, tmp_path, SHOP)
    before = take_snapshot(any_store, home)
    for what, link in (
        (ITEMS, Link("shop:pad", "shop:ink", 0.6, "a")),
        (PEOPLE, Link("shop:bob", "p1", 0.7, "b")),
    ):
        link_store.apply(any_store, home, what, link_store.difference(any_store, what, [link]), link.run)
    assert same(any_store, home) == "changes"
    found = take_snapshot(any_store, home).snapshot
    items, users = found.items.positions, found.users.positions
    assert found.same_items.pairs.tolist() == [sorted((items["shop:ink"], items["shop:pad"]))]
    assert found.same_items.probability.tolist() == pytest.approx([0.6])
    assert (found.identities[users["shop:bob"]], found.doubts) == ("p1", {users["shop:bob"]: 0.7})
    link_store.undo(any_store, home, "a")
    link_store.undo(any_store, home, "b")
    assert same(any_store, home) == "all"
    assert take_snapshot(any_store, home).hash == before.hash


def test_another_home_or_store_shares_nothing(local_store, tmp_path):
    shop(local_store, tmp_path, SHOP)
    assert take_snapshot(local_store, tmp_path / "home").how == "all"
    assert take_snapshot(local_store, tmp_path / "other").how == "all"


def test_a_damaged_base_is_read_anew(local_store, tmp_path):
    home = tmp_path / "home"
    shop(local_store, tmp_path, SHOP)
    taken = take_snapshot(local_store, home)
    path = home / SNAPSHOTS / taken.hash / "interactions.parquet"
    data = bytearray(path.read_bytes())
    data[12] ^= 255
    path.write_bytes(data)
    again = take_snapshot(local_store, home)
    assert (again.how, again.hash) == ("all", taken.hash)


def test_an_ingest_killed_at_its_end_is_finished_and_explained(local_store, tmp_path):
    shop(local_store, tmp_path, SHOP)
    same(local_store, tmp_path / "home")
    killed(local_store, Random(3), tmp_path)
    assert same(local_store, tmp_path / "home") == "changes"


def test_killed_between_version_and_delta_reads_everything(local_store, tmp_path):
    shop(local_store, tmp_path, SHOP)
    same(local_store, tmp_path / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graph.changes.Path.replace", stop_at_plan)
        with pytest.raises(KeyboardInterrupt):
            shop(local_store, tmp_path, {"interactions.csv": SHOP["interactions.csv"] + "bob,pad,,,7\n"})
    assert recover(local_store, tmp_path / "home")
    assert same(local_store, tmp_path / "home") == "all"


def stop_at_plan(path: Path, target: Path) -> Path:
    """Dies when a plan is about to become a delta: its version is in the graph already."""
    if path.name == "plan":
        raise KeyboardInterrupt
    os.replace(path, target)  # noqa: PTH105 - what this stands in for
    return target


def test_an_ingest_killed_while_loading_leaves_no_stale_snapshot(local_store, tmp_path, monkeypatch):
    home = tmp_path / "home"
    shop(local_store, tmp_path, SHOP)
    before = take_snapshot(local_store, home).hash
    with monkeypatch.context() as patch:
        patch.setattr("graph.ingest.loading.load", stop)
        patch.setattr("graph.ingest._settle", stop)  # Dead: it cannot take anything back.
        with pytest.raises(KeyboardInterrupt):
            shop(local_store, tmp_path, {"interactions.csv": SHOP["interactions.csv"] + "bob,pad,,,7\n"})
    assert changes.mark_of(local_store).loading
    assert take_snapshot(local_store, home).hash == before  # Read as a whole, and not taken for a version of its own.
    assert recover(local_store, home)
    assert same(local_store, home) in {"all", "changes"}


def test_old_snapshots_records_and_deltas_are_forgotten(local_store, tmp_path):
    home, text = tmp_path / "home", SHOP["interactions.csv"]
    for number in range(KEEP + 3):
        text += f"bob,pad,,,{1000 + number}\n"
        shop(local_store, tmp_path, {"interactions.csv": text})
        same(local_store, home)
    records = list((home / "changes" / "kept").glob("*.json"))
    assert len(records) == KEEP
    oldest = min(json.loads(path.read_text())["version"] for path in records)
    assert min(one.version for one in changes.deltas(home)) > oldest


def test_vectors_keep_their_places_when_items_come(local_store, tmp_path):
    home = tmp_path / "home"
    shop(local_store, tmp_path, SHOP)
    described(local_store, home)
    same(local_store, home)
    files = {"interactions.csv": "user,item\nbob,aaa\nbob,zzz\n", "items.csv": "item,title\naaa,A\nzzz,Z\n"}
    shop(local_store, tmp_path, files)
    assert same(local_store, home) == "changes"
    table = take_snapshot(local_store, home).snapshot.embeddings["text"]
    assert table.present.tolist() == [False, False, False, True, False]
    assert np.array_equal(table.vectors[3], np.array([0.5, 2.0], np.float32))
