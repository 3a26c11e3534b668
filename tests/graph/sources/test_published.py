"""RecBole's and MovieLens' files, small ones of every release and the real ones."""

from __future__ import annotations

import time

import pytest

from graph.errors import InvalidData
from graph.sources.detect import open_path
from tests.graph.made import NOW, chunks, refused, rows, write

GENRES = "0|1|0|0|1" + "|0" * 14


def test_recbole_types_and_names(tmp_path):
    files = {
        "x.inter": "uid:token\titem_id:token\trating:float\ttimestamp:float\tsession:token\n1\t5\t3\t10.0\ts\n",
        "x.item": "item_id:token\tname:token_seq\ttags:token_seq\tprice:float\tsize:float_seq\n5\tA B\tx y\t1.5\t1 2\n",
        "x.user": "user_id:token\tage:token\n1\t30\n",
        "x.net": "source_id:token\ttarget_id:token\n1\t2\n",
    }
    folder = write(tmp_path, files)
    assert rows(folder, "interactions") == [
        {"user": "1", "item": "5", "kind": "rated", "value": 3.0, "time": 10, "session": "s"}
    ]
    assert rows(folder, "items") == [
        {
            "item": "5",
            "kind": "item",
            "year": None,
            "Tag[]": ["x", "y"],
            "title": "A B",
            "price": 1.5,
            "size": [1.0, 2.0],
        }
    ]
    assert rows(folder, "friends") == [{"user": "1", "friend": "2"}]


def test_recbole_keeps_a_fixed_split(tmp_path):
    head = "user_id:token\titem_id:token\n"
    folder = write(
        tmp_path, {f"x.{part}.inter": f"{head}1\t{n}\n" for n, part in enumerate(("train", "valid", "test"))}
    )
    assert [rows(folder, part)[0]["item"] for part in ("train", "valid", "test")] == ["0", "1", "2"]


def test_recbole_without_types_and_two_data_sets(tmp_path):
    folder = write(tmp_path, {"x.inter": "user_id\titem_id\n1\t2\n"})
    with pytest.raises(InvalidData, match="has no type"):
        list(open_path(folder, now=NOW).chunks())
    write(folder, {"y.inter": ""})
    with pytest.raises(InvalidData, match="several data sets: x, y"):
        open_path(folder, now=NOW)


def test_ml_100k_as_published(tmp_path):
    files = {
        "u.data": "196\t242\t3\t881250949\n",
        "u.item": f"242|Fête (1997)|24-Jan-1997||http://x|{GENRES}\n".encode("latin-1"),
        "u.user": "196|49|M|writer|55105\n",
    }
    folder = write(tmp_path, files)
    item = rows(folder, "items")[0]
    assert (item["title"], item["year"], item["kind"], item["Genre[]"]) == (
        "Fête",
        1997,
        "movie",
        ["Action", "Children's"],
    )
    assert rows(folder, "users")[0]["occupation"] == "writer"
    assert rows(folder, "interactions") == [
        {"user": "196", "item": "242", "kind": "rated", "value": 3.0, "time": 881250949}
    ]


def test_dat_files_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("graph.sources.tables.BLOCK_BYTES", 64)
    lines = [f"{n}::{n + 1}::5::978300760" for n in range(1, 200)]
    movies = "1::Étoile (1990)::Drama|War\n2::A::b::Drama\n".encode("latin-1")
    folder = write(tmp_path, {"ratings.dat": "\n".join(lines), "movies.dat": movies})
    assert [row["user"] for row in rows(folder, "interactions")] == [str(n) for n in range(1, 200)]
    assert rows(folder, "items")[0]["title"] == "Étoile"
    assert refused(folder, "items") == [(2, "4 columns where the header has 3")]


def test_ml_latest(tmp_path):
    files = {
        "ratings.csv": "userId,movieId,rating,timestamp\n1,7,4.5,100\n",
        "movies.csv": 'movieId,title,genres\n7,"Fall, The (2006)",Drama|Fantasy\n8,Odd,(no genres listed)\n',
        "tags.csv": "userId,movieId,tag,timestamp\n1,7,red | blue,100\n2,7,slow,100\n",
        "links.csv": "movieId,imdbId,tmdbId\n7,0460791,14784\n",
    }
    folder = write(tmp_path, files)
    items = rows(folder, "items")
    assert (items[0]["title"], items[0]["year"], items[0]["Genre[]"]) == ("Fall, The", 2006, ["Drama", "Fantasy"])
    assert items[1]["Genre[]"] == []
    assert items[2]["imdb"] == "0460791"
    assert [row["Tag[]"] for row in items[3:]] == [["red | blue"], ["slow"]]


def test_the_real_ml_100k(data_root):
    folder = data_root / "ml-100k"
    counts = {
        part: sum(chunk.rows.num_rows for chunk in chunks(folder, part)) for part in ("users", "links", "triples")
    }
    assert counts == {"users": 943, "links": 1598, "triples": 91631}
    items = rows(folder, "items")
    assert sum("title" in row and row["title"] is not None for row in items) == 1682
    by_id = {row["item"]: row for row in items if row.get("title")}
    assert (by_id["1"]["title"], by_id["1"]["year"]) == ("Toy Story", 1995)
    assert (by_id["1412"]["year"], by_id["267"]["year"]) == (1995, None)


def test_ml_1m_keeps_up(data_root):
    started = time.process_time()
    found = chunks(data_root / "ml-1m", "interactions")
    seconds = time.process_time() - started
    assert sum(chunk.rows.num_rows for chunk in found) == 1_000_209
    assert max(chunk.rows.num_rows for chunk in found) < 600_000
    assert 1_000_209 / seconds > 300_000
