"""The dataset folder: every way to write it gives the same rows; what breaks a rule is refused and named."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph.errors import InvalidData, NotFound
from graph.sources.detect import open_path
from tests.graph.made import NOW, SHOP, chunks, refused, rows, write

HEAD = "user,item,value,time\n"


def test_every_column_of_interactions_has_its_meaning(tmp_path):
    assert rows(write(tmp_path, SHOP), "interactions") == [
        {"user": "ann", "item": "pen", "kind": "purchased", "value": None, "time": 100},
        {"user": "ann", "item": "ink", "kind": "viewed", "value": None, "time": None},
        {"user": "bob", "item": "pen", "kind": "rated", "value": 4.5, "time": 915148800},
    ]


def test_items_have_years_lists_and_properties(tmp_path):
    assert rows(write(tmp_path, SHOP), "items")[0] == {
        "item": "pen", "kind": "item", "year": 2001, "Genre[]": ["Tools", "Office"], "title": 'A "pen"',
    }  # fmt: skip


def test_csv_gzip_parquet_and_json_lines_say_the_same(tmp_path):
    table = {"user": ["1", "2"], "item": ["a", "b"], "value": [1.0, None], "time": [5, None], "note": ["x", None]}
    text = "user,item,value,time,note\n1,a,1.0,5,x\n2,b,,,\n"
    buffer = io.BytesIO()
    pq.write_table(pa.table(table), buffer)
    lines = '{"user":1,"item":"a","value":1.0,"time":5,"note":"x"}\n\n{"user":2,"item":"b"}\n'
    written = {
        "interactions.csv": text,
        "interactions.csv.gz": gzip.compress(text.encode()),
        "interactions.parquet": buffer.getvalue(),
        "interactions.jsonl": lines,
        "interactions.jsonl.gz": gzip.compress(lines.encode()),
    }
    found = [rows(write(tmp_path / name, {name: content}), "interactions") for name, content in written.items()]
    assert found[0] == [
        {"user": "1", "item": "a", "kind": "rated", "value": 1.0, "time": 5, "note": "x"},
        {"user": "2", "item": "b", "kind": "viewed", "value": None, "time": None, "note": None},
    ]
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,a,x,5", "value 'x' is not a number"),
        ("1,a,nan,5", "value 'nan' is not a number"),
        ("1,a,1e999,5", "value '1e999' is too large a number"),
        ("1,a,1,tomorrow", "time 'tomorrow' is neither Unix seconds nor ISO 8601"),
        ("1,a,1,2199-01-01", "is in the future"),
        ("1,a,1,1699999999000", "not milliseconds"),
        (",a,1,5", "user is empty"),
        ("1,,1,5", "item is empty"),
        ("1,a", "2 columns where the header has 4"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_reason(tmp_path, line, reason):
    folder = write(tmp_path, {"interactions.csv": f"{HEAD}8,b,2,5\n{line}\n9,c,,\n"})
    [(number, why)] = refused(folder, "interactions")
    assert number == 2
    assert reason in why
    assert [row["user"] for row in rows(folder, "interactions")] == ["8", "9"]


def test_other_refusals(tmp_path):
    files = {
        "interactions.csv": "user,item,kind\n1,a,bought\n2,a,viewed\n",
        "items.csv": "item,year\na,1995.0\nb,1995.5\nc,old\n",
        "friends.csv": "user,friend\n1,1\n1,2\n",
        "triples.csv": "head,relation,tail\na,制作,b\na,by,b\n",
    }
    folder = write(tmp_path, files)
    assert "kind 'bought' is none of viewed" in refused(folder, "interactions")[0][1]
    assert [why for _, why in refused(folder, "items")] == [
        "year 1995.5 is not a whole number",
        "year 'old' is not a number",
    ]
    assert refused(folder, "friends") == [(1, "'1' is their own friend")]
    assert "no letter or digit" in refused(folder, "triples")[0][1]


def test_lines_that_are_no_json_are_refused(tmp_path):
    folder = write(tmp_path, {"interactions.jsonl": "nonsense\n[1]\n"})
    assert [number for number, _ in refused(folder, "interactions")] == [1, 2]
    write(folder, {"interactions.jsonl": 'nonsense\n{"user": 1, "item": 2}\n'})
    assert rows(folder, "interactions")[0]["item"] == "2"


def test_ids_stay_as_they_are(tmp_path):
    hostile = ['a"b', "new\nline", "x'); MATCH (n) DETACH DELETE n //", " blank ", "Ω🙂", "007"]
    text = "user,item\n" + "".join('"{}",i\n'.format(one.replace('"', '""')) for one in hostile)
    assert [row["user"] for row in rows(write(tmp_path, {"interactions.csv": text}), "interactions")] == hostile


@pytest.mark.parametrize(
    ("files", "error", "words"),
    [
        ({"interactions.csv": "user,thing\n1,a\n"}, InvalidData, "has no column 'item' \\(it has 'user', 'thing'\\)"),
        ({"interactions.csv": b"user,item\n1,a\n2,\xe9\n"}, InvalidData, "not UTF-8: line 3"),
        ({"interactions.csv": ""}, InvalidData, "interactions.csv is empty"),
        ({"interactions.csv": "user,item\n"}, InvalidData, "interactions.csv is empty"),
        ({"interactions.csv": "user,user,item\n1,2,3\n"}, InvalidData, "column 'user' twice"),
        ({"interactions.csv.gz": b"user,item\n"}, InvalidData, "not a whole gzip"),
        ({"interactions.csv.gz": gzip.compress(b"user,item\n1,2\n" * 9999)[:-20]}, InvalidData, "not a whole gzip"),
        ({"interactions.parquet": b"PAR1 no"}, InvalidData, "not a whole Parquet"),
        ({"interactions.csv": "user,item\n1,2\n", "interactions.jsonl": "{}"}, InvalidData, "more than once"),
        ({"interactions.csv": "user,item\n1,2\n", "test.csv": "user,item\n1,2\n"}, InvalidData, "fixed split"),
        ({"interactions.csv": "user,item\n1,2\n", "items.csv": "item,User[]\n1,2\n"}, InvalidData, "would make User"),
        ({"interactions.csv": "user,item\n1,2\n", "items.csv": "item,a b[]\n1,2\n"}, InvalidData, "cannot be a label"),
        (
            {"interactions.csv": "user,item\n1,2\n", "items.csv": "item,a b,a-b\n1,2,3\n"},
            InvalidData,
            "both be the prop",
        ),
        ({"items.csv": "item\n1\n"}, InvalidData, "no known format; it holds items.csv"),
        ({"platforms/x/items.csv": "item\n1\n"}, NotFound, "neither interactions nor train"),
        ({}, InvalidData, "no known format; it holds nothing"),
    ],
)
def test_a_bad_file_is_named_with_a_remedy(tmp_path, files, error, words):
    with pytest.raises(error, match=words) as caught:
        list(open_path(write(tmp_path, files), now=NOW).chunks())
    assert caught.value.valid
    assert caught.value.remedy


def test_a_missing_path_a_file_and_an_unknown_format(tmp_path):
    with pytest.raises(NotFound, match="nothing at"):
        open_path(tmp_path / "nowhere", now=NOW)
    with pytest.raises(InvalidData, match="is a file"):
        open_path(write(tmp_path, SHOP) / "items.csv", now=NOW)
    with pytest.raises(InvalidData, match="'xml' is no format"):
        open_path(tmp_path, now=NOW, format="xml")


def test_platforms_keep_their_name_and_their_media_paths(tmp_path):
    files = {f"platforms/{name}/{file}": text for name in ("a", "b") for file, text in SHOP.items()}
    files["platforms/a/items.csv"] = "item,image,video\npen,pictures/pen.jpg,clips/pen.mp4\nink,,\n"
    folder = write(tmp_path, files)
    assert [chunk.platform for chunk in chunks(folder, "items")] == ["a", "b"]
    assert [row["image"] for row in rows(folder, "items")[:2]] == ["platforms/a/pictures/pen.jpg", None]
    assert [row["video"] for row in rows(folder, "items")[:2]] == ["platforms/a/clips/pen.mp4", None]


def test_unknown_columns_become_safe_properties(tmp_path):
    text = "item,price $,id,2nd,text_embedding\na,5,x,y,z\n"
    folder = write(tmp_path, {"interactions.csv": "user,item\n1,a\n", "items.csv": text})
    assert rows(folder, "items") == [
        {"item": "a", "kind": "item", "price__": "5", "id_": "x", "_2nd": "y", "text_embedding_": "z"}
    ]
