"""Where an id begins and ends: in running text, side by side in bytes, and where an item has it too."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph.erased import pseudonym
from serving.erasure.search import in_file, traces
from serving.erasure.wanted import Wanted, wanted_names, wanted_receipt
from serving.index_files import write_blobs, write_names

WANTED = wanted_names(["ml:1"], ["ml:10", "ml:11", "xml:1", "ml:1.5"], ())
KEY = b"k" * 32
BY_RECEIPT = wanted_receipt({"people": [pseudonym(KEY, "ml:1")], "platforms": ["ml"]}, KEY, ["ml:10", "xml:1"], ())


@pytest.mark.parametrize("wanted", [WANTED, BY_RECEIPT], ids=["by name", "by receipt"])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ml:1", 1),
        ("said of ml:1, and of ml:1.", 2),
        ("GET /v1/users/ml%3A1/export", 1),
        ('{"user": "ml:1"}', 1),
        ("ml:10 ml:11 xml:1 ml:1.5 ml:1a html:1", 0),
        ("user=ml:1&n=3", 1),
    ],
)
def test_in_running_text(wanted: Wanted, text: str, found: int) -> None:
    assert len(list(wanted.in_text(text))) == found


def test_ids_with_characters_of_all_sorts_are_found_as_they_are() -> None:
    odd = "p:a/b\n'\"`})%2F é"
    assert len(list(wanted_names([odd], (), ()).in_text(f"x {odd} y"))) == 1


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x04ml:1\x00", True),
        (b"ml:10ml:1ml:11", True),
        (b"ml:10ml:11", False),
        (b"\x05xml:1\x00ml:1.5", False),
        (b"ml:1\xc3ml:10", True),
        (b"ml:1Q", True),
    ],
)
def test_in_bytes_without_structure(tmp_path: Path, data: bytes, found: bool) -> None:
    (tmp_path / "x.bin").write_bytes(data)
    assert bool(traces([tmp_path], WANTED)) is found


def _parquet(path: Path, user: str) -> None:
    pq.write_table(pa.table({"user": [user], "of": [[user]]}), path)


def _sqlite(path: Path, user: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (user TEXT, body BLOB)")
        database.execute("INSERT INTO t VALUES (?, ?)", (user, json.dumps({"blocked": [user]}).encode()))
        database.commit()


def _zip(path: Path, user: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.json", json.dumps({"x": [user]}))


WRITERS = {
    "a.parquet": _parquet,
    "a.sqlite": _sqlite,
    "a.zip": _zip,
    "a.json": lambda path, user: path.write_text(json.dumps({user: 1})),
    "a.jsonl.gz": lambda path, user: path.write_bytes(gzip.compress(json.dumps({"u": user}).encode() + b"\n")),
    "a.npy": lambda path, user: np.save(path, np.array([user, "ml:10"])),
    "a.npz": lambda path, user: np.savez(path, a=np.array([user])),
    "a.csv": lambda path, user: path.write_text(f"user,item\n{user},ml:10\n"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_in_every_format_and_no_false_alarm(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path, "ml:1")
    assert {one.name for one in in_file(path, WANTED)} == {"ml:1"}
    WRITERS[name](path, "ml:11") if name != "a.sqlite" else (path.unlink(), _sqlite(path, "ml:11"))
    assert not list(in_file(path, WANTED))


def test_the_ids_of_an_index_are_compared_one_by_one(tmp_path: Path) -> None:
    write_blobs(tmp_path, "user_ids", [b"ml:1", b"ml:10"])
    assert len(traces([tmp_path], WANTED)) == 1
    write_blobs(tmp_path, "user_ids", [b"ml:10", b"ml:11"])
    assert not traces([tmp_path], WANTED)


def test_an_item_with_the_same_id_is_no_trace(tmp_path: Path) -> None:
    wanted = wanted_names(["ml:1"], (), ["ml:1"])
    pq.write_table(pa.table({"item": ["ml:1"], "text": ["x"]}), tmp_path / "a.parquet")
    (tmp_path / "b.json").write_text(json.dumps({"items": ["ml:1"]}))
    (tmp_path / "c.log").write_text("GET /v1/items/ml%3A1\n")
    write_blobs(tmp_path, "item_ids", [b"ml:1"])
    pq.write_table(pa.table({"id": ["ml:1"], "title": ["x"]}), tmp_path / "items.parquet")
    write_names(tmp_path, "item_names", ["Ordinary People (1980) ml:1"], np.zeros(1, np.int32))
    write_blobs(tmp_path, "item_cards", [json.dumps({"id": "ml:1", "title": "x"}).encode()])
    assert not traces([tmp_path], wanted)
    (tmp_path / "d.log").write_text("GET /v1/users/ml%3A1\n")
    assert [one.place for one in traces([tmp_path], wanted)] == [str(tmp_path / "d.log")]
