"""The same data gives the same snapshot from files and from either store."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.errors import InvalidData
from graph.ingest import ingest
from graph.schema import ITEM, Entity
from graph.snapshot import NO_TIME
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_folder, read_snapshot
from tests.graph.made import NOW, SHOP, write

EMPTIED = ("MATCH ()-[r]->() DELETE r", "MATCH (n) DELETE n")


def test_a_folder_as_a_snapshot(tmp_path):
    found = read_folder(write(tmp_path, SHOP), platform="shop", now=NOW)
    snapshot = found.snapshot
    assert snapshot.users.ids == ("shop:ann", "shop:bob")
    assert snapshot.items.ids == ("shop:ink", "shop:pad", "shop:pen")
    assert snapshot.entities.ids == (
        "Entity:shop:Oslo", "Entity:shop:acme", "Genre:Genre:Office", "Genre:Genre:Tools",
        "Hobby:Hobby:art", "Hobby:Hobby:chess",
    )  # fmt: skip
    assert snapshot.relations == ("BASED_IN", "HAS_GENRE", "MADE_BY")
    acts = snapshot.interactions
    assert acts.user.tolist() == [0, 0, 1]
    assert acts.item.tolist() == [0, 2, 2]
    assert acts.kind.tolist() == [0, 4, 3]
    assert acts.time.tolist() == [NO_TIME, 100, 915148800]
    assert found.order.tolist() == [2, 1, 3]
    assert np.isnan(acts.value[:2]).all()
    named = [*snapshot.items.ids, *snapshot.entities.ids]
    triples = snapshot.triples
    told = zip(triples.head, triples.relation, triples.tail, strict=True)
    assert [(named[h], snapshot.relations[r], named[t]) for h, r, t in told] == [
        ("shop:ink", "HAS_GENRE", "Genre:Genre:Office"),
        ("shop:ink", "MADE_BY", "Entity:shop:acme"),
        ("shop:pen", "HAS_GENRE", "Genre:Genre:Office"),
        ("shop:pen", "HAS_GENRE", "Genre:Genre:Tools"),
        ("shop:pen", "MADE_BY", "Entity:shop:acme"),
        ("Entity:shop:acme", "BASED_IN", "Entity:shop:Oslo"),
    ]
    assert snapshot.friendships.tolist() == [[0, 1]]
    assert snapshot.identities == {0: "p1"}
    assert snapshot.item_properties.column("title").to_pylist() == ["Ink", "Pad", 'A "pen"']
    assert snapshot.item_properties.column("year").to_pylist() == [None, 1999, 2001]
    assert snapshot.user_properties.column("Hobby").to_pylist() == [["art", "chess"], None]


def test_parts_and_negatives_are_aligned(tmp_path):
    files = {
        "train.csv": "user,item\n2,a\n1,b\n1,c\n1,a\n",
        "valid.csv": "user,item\n1,d\n",
        "test.csv": "user,item\n1,e\n2,b\n",
        "negatives.csv": "user,item\n2,c\n1,z\n2,e\n",
    }
    found = read_folder(write(tmp_path, files), now=NOW)
    acts, users, items = found.snapshot.interactions, found.snapshot.users, found.snapshot.items
    rows = zip(acts.user.tolist(), acts.item.tolist(), found.part.tolist(), found.order.tolist(), strict=True)
    assert sorted((users.ids[u][5:], items.ids[i][5:], p, n) for u, i, p, n in rows) == [
        ("1", "a", 0, 4), ("1", "b", 0, 2), ("1", "c", 0, 3), ("1", "d", 1, 1), ("1", "e", 2, 1),
        ("2", "a", 0, 1), ("2", "b", 2, 2),
    ]  # fmt: skip
    negatives = {user: [items.ids[item] for item in found.negatives[user]] for user in found.negatives}
    assert negatives == {0: ["data:z"], 1: ["data:c", "data:e"]}


def test_a_row_given_again_counts_once_and_the_last_value_stays(tmp_path):
    text = "user,item,value,time\n1,a,5,9\n1,a,3,9\n1,a,4,10\n1,a,3,9\n"
    acts = read_folder(write(tmp_path, {"interactions.csv": text}), now=NOW).snapshot.interactions
    assert acts.time.tolist() == [9, 10]
    assert acts.value.tolist() == [3.0, 4.0]


def test_too_many_refused_rows_stop(tmp_path):
    folder = write(tmp_path, {"interactions.csv": "user,item,value\n1,a,x\n2,b,1\n"})
    with pytest.raises(InvalidData, match=r"1 of 2 rows of .* were refused, the first is row 1: value 'x' is not"):
        read_folder(folder, now=NOW)
    assert read_folder(folder, now=NOW, max_refused=0.5).refused == 1


def test_without_links_items_take_part_under_their_own_id(tmp_path):
    files = {"interactions.csv": "user,item\n1,a\n", "triples.csv": "head,relation,tail\na,by,x\nx,of,a\n"}
    snapshot = read_folder(write(tmp_path, files), now=NOW).snapshot
    assert snapshot.triples.head.tolist() == [0, 1]
    assert snapshot.triples.tail.tolist() == [1, 0]


def test_numbered_and_reserved_relations_get_names_of_their_own(tmp_path):
    lines = "head,relation,tail\na,12,x\na,similar,x\na,/film/by#1,x\na,/7,x\n"
    snapshot = read_folder(
        write(tmp_path, {"interactions.csv": "user,item\n1,a\n", "triples.csv": lines}), now=NOW
    ).snapshot
    assert snapshot.relations == ("FILM_BY_1", "RELATION_12", "RELATION_7", "SIMILAR_")


def test_links_alone_say_which_entity_is_an_item(tmp_path):
    files = {
        "interactions.csv": "user,item\n1,5\n1,6\n1,7\n",
        "links.csv": "item,entity\n6,7\n7,7\n",
        "triples.csv": "head,relation,tail\n7,by,5\n",
    }
    snapshot = read_folder(write(tmp_path, files), now=NOW).snapshot
    assert snapshot.triples.head.tolist() == [1, 2]  # both items that are entity 7
    assert snapshot.triples.tail.tolist() == [3, 3]  # entity 5, not item 5
    assert snapshot.entities.ids == ("Entity:data:5",)


def test_equal_ids_on_two_platforms_are_one_person_only_when_told(tmp_path):
    files = {f"platforms/{name}/interactions.csv": f"user,item\n1,a\n{name},a\n" for name in ("x", "y")}
    folder = write(tmp_path, files)
    assert read_folder(folder, now=NOW).snapshot.identities == {}
    found = read_folder(folder, same_users=True, now=NOW).snapshot
    assert found.users.ids == ("x:1", "x:x", "y:1", "y:y")
    assert found.identities[0] == found.identities[2] != found.identities[1]


def test_ml_100k_from_files(data_root):
    snapshot = read_folder(data_root / "ml-100k").snapshot
    assert (len(snapshot.users), len(snapshot.items), len(snapshot.interactions)) == (943, 1682, 100_000)
    assert snapshot.item_properties.column("text").null_count < 30
    assert snapshot.item_properties.column("image")[0].as_py() == "posters/1.jpg"


@pytest.mark.integration
def test_a_store_gives_the_same_snapshot_as_the_files(any_store, tmp_path):
    folder = write(tmp_path / "data", SHOP)
    ingest(any_store, folder, platform="shop", home=tmp_path, now=NOW)
    expected = read_folder(folder, platform="shop", now=NOW).snapshot
    assert content_hash(read_snapshot(any_store)) == content_hash(expected)


@pytest.mark.integration
def test_embeddings_come_with_masks_and_never_mixed(any_store, tmp_path):
    ingest(any_store, write(tmp_path / "data", SHOP), platform="shop", home=tmp_path, now=NOW)
    before = read_snapshot(any_store)
    any_store.ensure_vector_index(ITEM, "text_embedding", 2)
    for name, vector, version in (("ink", [0.1, 0.2], "2"), ("pen", [0.6, 0.8], "2"), ("pad", [1.0, 0.0], "1")):
        properties = {"text_embedding": vector, "text_embedding_encoder": "e", "text_embedding_version": version}
        any_store.write(entities=[Entity(ITEM, f"shop:{name}", properties)])
    found = read_snapshot(any_store)
    table = found.embeddings["text"]
    assert table.present.tolist() == [True, False, True]
    assert table.vectors.dtype == np.float32
    assert np.array_equal(table.vectors, np.array([[0.1, 0.2], [0, 0], [0.6, 0.8]], np.float32))
    assert (table.encoder, table.version) == ("e", "2")
    assert found.item_properties.equals(before.item_properties)


@pytest.mark.integration
def test_an_empty_store_gives_an_empty_snapshot(any_store):
    snapshot = read_snapshot(any_store)
    assert (len(snapshot.users), len(snapshot.items), len(snapshot.interactions), len(snapshot.triples)) == (0, 0, 0, 0)
    assert len(content_hash(snapshot)) == 64


ids = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@pytest.mark.integration
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs=st.lists(st.tuples(ids, ids, st.none() | st.integers(0, 9), st.none() | st.integers(0, 99)), min_size=1))
def test_any_id_survives_a_store(any_store, tmp_path_factory, pairs):
    for text in EMPTIED:
        any_store.query(text)
    quoted = ['"{}"'.format(one.replace('"', '""')) for pair in pairs for one in pair[:2]]
    rows = [
        f"{user},{item},{'' if value is None else value},{'' if time is None else time}"
        for user, item, (_, _, value, time) in zip(quoted[::2], quoted[1::2], pairs, strict=True)
    ]
    folder = write(tmp_path_factory.mktemp("data"), {"interactions.csv": "user,item,value,time\n" + "\n".join(rows)})
    home = tmp_path_factory.mktemp("home")
    ingest(any_store, folder, platform="p", home=home, now=NOW)
    snapshot = read_snapshot(any_store)
    assert set(snapshot.users.ids) == {f"p:{user}" for user, *_ in pairs}
    assert content_hash(snapshot) == content_hash(read_folder(folder, platform="p", now=NOW).snapshot)
    again = ingest(any_store, folder, platform="p", home=home, now=NOW)
    assert (again.nodes, again.relationships, again.changed) == (0, 0, 0)


@pytest.mark.slow
def test_more_nodes_than_the_local_store_collects_in_a_list(local_store):
    """Its `collect` refuses more than 524,288 values."""
    local_store.query("UNWIND range(1, 530000) AS number CREATE (:Genre {id: 'g' + number})")
    assert len(read_snapshot(local_store).entities.ids) == 530_000
