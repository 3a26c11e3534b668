"""General graphs as files: what hand-written ones may leave out, what is refused, what a map renames."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph.errors import InvalidData, NotFound
from graph.ingest import ingest
from graph.sources.chunks import GraphChunk
from graph.sources.detect import open_path
from graph.sources.graph_map import GraphMap
from tests.graph.made import NOW, write

PENS = {
    "nodes/Item.csv": (
        'id,title,year:int,price:float,new:bool,tags:string[]\n1,"Pen",2001,1.5,true,"[""a"",""b""]"\n2,"",,,,\n'
    ),
    "nodes/User.csv": "id\nann\n",
    "relationships/VIEWED.User.Item.csv": "head,tail,at:int,note\nann,1,100,\nann,2,,x\n",
}


def chunks(path: Path, mapping: GraphMap | None = None) -> list[GraphChunk]:
    return list(open_path(path, now=NOW, mapping=mapping).graph())


def refused(found: list[GraphChunk]) -> list[tuple[int, str]]:
    return [(row["row"], row["reason"]) for chunk in found for row in chunk.refused.to_pylist()]


def test_typed_columns_and_missing_values(tmp_path):
    items, users, viewed = chunks(write(tmp_path, PENS))
    assert items.batch.rows.to_pylist() == [
        {"id": "1", "title": "Pen", "year": 2001, "price": 1.5, "new": True, "tags": ["a", "b"]},
        {"id": "2", "title": "", "year": None, "price": None, "new": None, "tags": None},
    ]
    assert users.batch.label == "User"
    assert (viewed.batch.type, viewed.batch.rows.column("at").to_pylist()) == ("VIEWED", [100, None])


def test_cells_that_do_not_fit_are_refused(tmp_path):
    bad = "1,x,,,\n2,,x,,\n3,,,maybe,\n4,,,,[1]\n5,99999999999999999999,,,\n,1,,,\n7,1,1e999,,\n"
    rows = "id,year:int,price:float,new:bool,tags:string[]\n" + bad
    (found,) = chunks(write(tmp_path, {"nodes/Item.csv": rows}))
    assert [number for number, _ in refused([found])] == [1, 2, 3, 4, 5, 6, 7]
    assert refused([found])[0] == (1, "year 'x' is no int")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"nodes/Item.csv": "id,year:date\n1,2\n"}, "unknown kind"),
        ({"nodes/Item.csv": "id,a-b,a_b\n1,2,3\n"}, "both be the property"),
        ({"nodes/Item.csv": "id,a:int,a\n1,2,3\n"}, "'a' twice"),
        ({"nodes/Item.csv": "name\n1\n"}, "no column 'id'"),
        ({"nodes/A.B.csv": "id\n1\n"}, "not named for what it holds"),
        ({"nodes/It-em.csv": "id\n1\n"}, "cannot be a label"),
        ({"nodes/Item.csv": "id\n1\n", "relationships/SAW.csv": "head,tail\n1,1\n"}, "not named"),
    ],
)
def test_what_is_wrong_with_the_whole_is_named(tmp_path, files, message):
    with pytest.raises(InvalidData, match=message):
        chunks(write(tmp_path, files))


def test_parquet_kinds_become_those_that_stores_hold(tmp_path):
    table = pa.table(
        {
            "id": pa.array([1, 2]), "when": [datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), None], "raw": [b"ab", None],
            "half": pa.array([0.5, float("nan")], pa.float32()), "deep": [{"a": 1}, None],
            "whole": pa.array([2**64 - 1, 7], pa.uint64()), "holes": [[1, None], [2]],
        }
    )  # fmt: skip
    (tmp_path / "nodes").mkdir()
    pq.write_table(table, tmp_path / "nodes" / "Item.parquet")
    (found,) = chunks(tmp_path)
    assert refused([found]) == [(1, "whole 18446744073709551615 is too large")]
    assert found.batch.rows.column("holes").to_pylist() == [[2]]
    pq.write_table(table.drop_columns(["whole", "holes"]), tmp_path / "nodes" / "Item.parquet")
    assert chunks(tmp_path)[0].batch.rows.to_pylist() == [
        {"id": "1", "when": "2020-01-02T03:04:05+0000", "raw": "YWI=", "half": 0.5, "deep": '{"a":1}'},
        {"id": "2", "when": None, "raw": None, "half": None, "deep": None},
    ]


def test_records_in_any_order_and_bad_lines(tmp_path):
    lines = [
        '{"type":"relationship","label":"SAW","start":{"id":"1","labels":["User"]},"end":{"id":2,"labels":["Item","New"]}}',
        '{"type":"node","id":2,"labels":["New","Item"],"properties":{"a":1,"b":[1,2]}}',
        '{"type":"node","id":"1","labels":["User"]}', "", "[1]", "{", '{"type":"node","id":"3"}',
        '{"type":"relationship","label":"SAW","start":{"id":"1"},"end":{"id":2,"labels":["Item"]}}',
    ]  # fmt: skip
    found = chunks(write(tmp_path, {"graph.jsonl": "\n".join(lines)}))
    assert [number for number, _ in refused(found)] == [5, 6, 7, 8]
    rows = [
        (getattr(one.batch, "label", "SAW"), one.batch.rows.to_pylist()) for one in found if one.batch.rows.num_rows
    ]
    assert rows == [
        ("Item", [{"id": "2", "a": 1, "b": [1, 2], "labels": ["New", "Item"]}]),
        ("User", [{"id": "1"}]),
        ("SAW", [{"head": "1", "tail": "2"}]),
    ]


def test_a_file_of_records_alone_is_a_graph(tmp_path):
    path = write(tmp_path, {"dump.jsonl": '{"type":"node","id":"1","labels":["User"]}\n'}) / "dump.jsonl"
    assert chunks(path)[0].batch.rows.to_pylist() == [{"id": "1"}]


def test_a_map_translates(tmp_path):
    mapping = GraphMap(frozenset({"Man"}), frozenset({"Pen"}), {"HAD": "purchased"}, {"Pen.name": "title", "t": "at"})
    files = {
        "nodes/Man.csv": "id,name\n1,Bob\n", "nodes/Pen.csv": "id,name\n2,P\n",
        "relationships/HAD.Man.Pen.csv": "head,tail,t\n1,2,2020-01-01\n",
    }  # fmt: skip
    man, pen, had = chunks(write(tmp_path, files), mapping)
    assert (man.batch.label, man.batch.rows.column_names) == ("User", ["id", "name"])
    assert (pen.batch.label, pen.batch.rows.column_names) == ("Item", ["id", "title"])
    assert (had.batch.type, had.batch.head_label, had.batch.tail_label) == ("PURCHASED", "User", "Item")
    assert had.batch.rows.to_pylist() == [{"head": "1", "tail": "2", "at": 1577836800}]
    with pytest.raises(InvalidData, match="one meaning"):
        open_path(write(tmp_path / "set", {"interactions.csv": "user,item\n1,2\n"}), now=NOW, mapping=mapping)


def test_an_empty_graph_folder_is_named(tmp_path):
    with pytest.raises(NotFound, match="no graph"):
        open_path(write(tmp_path, {"nodes/readme.txt": "x"}), now=NOW)


@pytest.mark.integration
def test_native_ids_get_the_platform_and_unknown_ends_are_refused(local_store, tmp_path):
    files = {**PENS, "relationships/VIEWED.User.Item.csv": "head,tail,at:int,note\nann,1,100,\nann,9,,x\n"}
    with pytest.raises(InvalidData, match="platform"):
        ingest(local_store, write(tmp_path / "pens", files), home=tmp_path, now=NOW)
    report = ingest(local_store, tmp_path / "pens", platform="shop", home=tmp_path, now=NOW, max_refused=0.5)
    assert (report.nodes, report.relationships) == (4, 1)
    item = local_store.query("MATCH (i:Item {id: 'shop:1'}) RETURN i.platform, i.kind, i.year").rows
    assert item == [("shop", "item", 2001)]
    later = {"nodes/User.csv": "id\nbob\n", "relationships/VIEWED.User.Item.csv": "head,tail,note\nbob,2,y\nann,1,\n"}
    second = ingest(local_store, write(tmp_path / "later", later), platform="shop", home=tmp_path, now=NOW)
    assert (second.nodes, second.relationships, second.changed) == (1, 2, 0)
    changed = {"relationships/VIEWED.User.Item.csv": "head,tail,note\nbob,2,z\n"}
    third = ingest(local_store, write(tmp_path / "third", changed), platform="shop", home=tmp_path, now=NOW)
    assert (third.relationships, third.changed) == (0, 1)
    assert local_store.query("MATCH (:User {id: 'shop:bob'})-[r]->() RETURN r.note").rows == [("z",)]
