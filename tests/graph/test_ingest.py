"""Ingest: again is no change, all or nothing whatever happens in the middle, and a report that adds up."""

from __future__ import annotations

import csv
import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import pytest

import graph.plan
from graph.consent import Defaults
from graph.errors import Conflict, InvalidData, NotFound, StoreUnavailable
from graph.ingest import IngestReport, ingest, recover
from graph.local_store import LocalStore
from graph.schema import Batch
from graph.snapshot_files import content_hash
from graph.snapshot_read import read_folder, read_snapshot
from graph.store import GraphStore, Written
from serving.workflow import freeze
from tests.graph.made import NOW, SHOP, write
from tests.graph.test_media import picture

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "data", SHOP)


def load(store: GraphStore, folder: Path, **options: object) -> IngestReport:
    return ingest(store, folder, platform="shop", home=folder.parent, now=NOW, **options)


def counts(report: IngestReport) -> dict[str, tuple[int, int, int, int]]:
    return {one.file: (one.read, one.written, one.unchanged, one.refused) for one in report.files}


def state(store: GraphStore) -> tuple[str, int, int]:
    nodes, relationships = (store.query(name).rows[0][0] for name in ("node_count", "relationship_count"))
    return content_hash(read_snapshot(store)), nodes, relationships


class Failing:
    """A store that fails or dies after some batches of a bulk load."""

    def __init__(self, store: GraphStore, after: int, fail: Callable[[], None]) -> None:
        self._store, self._after, self._fail = store, after, fail

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def bulk_load(self, batches: Iterable[Batch], progress: Callable[[int], None] | None = None) -> Written:
        batches = iter(batches)
        for batch in islice(batches, self._after):
            self._store.bulk_load([batch], progress)
        if next(batches, None) is not None:
            self._fail()
        return Written(0, 0)


def down() -> None:
    raise StoreUnavailable("the store is down")


def test_everything_arrives_and_again_is_no_change(any_store, folder):
    first = load(any_store, folder)
    assert counts(first) == {
        "users.csv": (2, 2, 0, 0), "items.csv": (3, 3, 0, 0), "links.csv": (2, 2, 0, 0),
        "interactions.csv": (3, 3, 0, 0), "triples.csv": (3, 3, 0, 0), "friends.csv": (2, 1, 1, 0),
        "identities.csv": (1, 1, 0, 0),
    }  # fmt: skip
    before = state(any_store)
    again = load(any_store, folder)
    assert (again.nodes, again.relationships, again.changed) == (0, 0, 0)
    assert all(one.written == 0 and one.unchanged == one.read for one in again.files)
    assert state(any_store) == before
    assert (first.nodes, first.relationships) == before[1:]
    assert first.format == "folder"
    assert not list((folder.parent / "ingest").glob("run-*"))


def test_changed_values_are_updated_and_new_rows_added(any_store, folder):
    load(any_store, folder)
    files = {
        "interactions.csv": SHOP["interactions.csv"].replace("4.5", "2") + "bob,pad,,,7\n",
        "items.csv": SHOP["items.csv"].replace("Ink,,Office", "Blue ink,1950,Office|Craft"),
    }
    report = load(any_store, write(folder, files))
    assert counts(report)["interactions.csv"] == (4, 2, 2, 0)
    assert counts(report)["items.csv"] == (3, 1, 2, 0)
    assert (report.nodes, report.relationships, report.changed) == (1, 2, 2)
    expected = read_folder(folder, platform="shop", now=NOW).snapshot
    assert content_hash(read_snapshot(any_store)) == content_hash(expected)


def test_refused_rows_go_to_a_file_and_too_many_stop_before_anything_is_written(local_store, folder):
    text = "user,item,value\n" + "ann,pen,1\n" * 2 + "ann,pen,x\nann,unknown,1\n"
    write(folder, {"interactions.csv": text})
    with pytest.raises(InvalidData, match="2 of 4 rows") as caught:
        load(local_store, folder)
    assert "shop-interactions.csv" in caught.value.remedy
    assert state(local_store)[1:] == (0, 0)
    report = load(local_store, folder, max_refused=0.5)
    assert counts(report)["interactions.csv"] == (4, 1, 1, 2)
    with Path(report.refused_files[0]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["reason"]) for row in rows] == [
        ("3", "value 'x' is not a number"),
        ("4", "item 'unknown' is neither in the items file nor in the graph"),
    ]
    assert json.loads(rows[0]["text"]) == ["ann", "pen", "x"]
    write(folder, {"interactions.csv": SHOP["interactions.csv"]})
    assert load(local_store, folder).refused_files == ()
    assert not list((folder.parent / "refused").iterdir())


def test_ids_given_twice(local_store, folder):
    lines = "item,title,Genre[]\npen,Pen,A\npen,Pen,B\npen,Other,\nink,Ink,\npad,Pad,\n"
    report = load(local_store, write(folder, {"items.csv": lines}), max_refused=0.2)
    assert counts(report)["items.csv"] == (5, 4, 0, 1)
    snapshot = read_snapshot(local_store)
    assert snapshot.item_properties.column("title").to_pylist() == ["Ink", "Pad", "Pen"]
    assert [name for name in snapshot.entities.ids if name.startswith("Genre")] == ["Genre:Genre:A", "Genre:Genre:B"]


def test_items_of_the_graph_may_be_named_by_later_files(local_store, folder, tmp_path):
    load(local_store, folder)
    later = write(tmp_path / "later", {"interactions.csv": "user,item\nzoe,pen\n", "items.csv": "item\nnew\n"})
    report = ingest(local_store, later, platform="shop", home=tmp_path, now=NOW)
    assert counts(report)["interactions.csv"] == (1, 1, 0, 0)


@pytest.mark.parametrize("after", [0, 3, 12])
def test_a_store_that_fails_in_the_middle_is_left_as_it_was(local_store, folder, tmp_path, after):
    ingest(local_store, write(tmp_path / "old", {"interactions.csv": "user,item,value,time\nann,pen,1,100\n"}),
           platform="shop", home=tmp_path, now=NOW)  # fmt: skip
    before = state(local_store)
    with pytest.raises(StoreUnavailable, match="down"):
        load(Failing(local_store, after, down), folder)
    assert state(local_store) == before
    assert not list((tmp_path / "ingest").glob("run-*"))
    load(local_store, folder)


def test_changes_are_taken_back_too(local_store, folder, monkeypatch):
    load(local_store, folder)
    before = state(local_store)
    changed = {
        "items.csv": SHOP["items.csv"].replace("Ink,,", "Blue,1950,"),
        "interactions.csv": SHOP["interactions.csv"].replace("4.5", "1").replace("purchased,,", "purchased,2,"),
    }
    store = Failing(local_store, 99, down)
    written: list[int] = []

    def write_once(**rows: object) -> Written:
        written.append(1)
        if len(written) == 3:
            down()
        return local_store.write(**rows)

    store.write = write_once
    with pytest.raises(StoreUnavailable):
        load(store, write(folder, changed))
    assert len(written) > 3
    assert state(local_store) == before


def test_a_load_that_could_not_be_taken_back_is_taken_back_later(local_store, folder):
    store = Failing(local_store, 5, down)
    store.query = lambda text, parameters=None: down() if "DELETE" in text else local_store.query(text, parameters)
    with pytest.raises(StoreUnavailable):
        load(store, folder)
    assert state(local_store)[1] > 0
    assert recover(local_store, folder.parent)
    assert state(local_store)[1:] == (0, 0)
    assert not recover(local_store, folder.parent)


KILLED = """
import os, signal, sys
from pathlib import Path
from graph.ingest import ingest
from graph.local_store import LocalStore
from tests.graph.test_ingest import Failing

home, database, folder, after = sys.argv[1:]
store = LocalStore.open(Path(home), database=database)
store = Failing(store, int(after), lambda: os.kill(os.getpid(), signal.SIGKILL))
ingest(store, Path(folder), platform="shop", home=Path(folder).parent, now=1_700_000_000.0)
"""


@pytest.mark.parametrize("after", [4, 14])
def test_killed_in_the_middle_the_next_start_finishes(local_store, local_home, folder, after):
    script = [sys.executable, "-c", KILLED, str(local_home), local_store._database, str(folder), str(after)]
    done = subprocess.run(script, check=False, cwd=Path(__file__).parents[2], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    expected = read_folder(folder, platform="shop", now=NOW).snapshot
    assert content_hash(read_snapshot(local_store)) != content_hash(expected)
    report = load(local_store, folder)
    assert report.recovered
    assert (report.nodes, report.relationships, report.changed) == (0, 0, 0)
    assert content_hash(read_snapshot(local_store)) == content_hash(expected)


def test_a_snapshot_never_holds_half_an_ingest(local_store, local_home, folder):
    script = [sys.executable, "-c", KILLED, str(local_home), local_store._database, str(folder), "4"]
    done = subprocess.run(script, check=False, cwd=Path(__file__).parents[2], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    expected = read_folder(folder, platform="shop", now=NOW).snapshot
    assert freeze(local_store, folder.parent, Defaults()).hash == content_hash(expected)


def test_a_full_disk_writes_nothing(local_store, folder, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(graph.plan.pq, "write_table", full)
    with pytest.raises(StoreUnavailable, match="No space left") as caught:
        load(local_store, folder)
    assert "free some space" in caught.value.remedy
    assert state(local_store)[1:] == (0, 0)
    assert not list((folder.parent / "ingest").glob("run-*"))


def test_one_ingest_at_a_time_in_a_home(local_store, folder):
    def another() -> None:
        load(local_store, folder)

    with pytest.raises(Conflict, match="another ingest"):
        load(Failing(local_store, 1, another), folder)


def test_what_spills_to_disk_in_buckets_arrives_all_the_same(local_store, folder, monkeypatch):
    monkeypatch.setattr("graph.stage.ROWS_IN_MEMORY", 3)
    monkeypatch.setattr("graph.stage.BYTES_A_BUCKET", 100)
    load(local_store, folder)
    expected = read_folder(folder, platform="shop", now=NOW).snapshot
    assert content_hash(read_snapshot(local_store)) == content_hash(expected)


def test_platforms_and_people(local_store, tmp_path):
    files = {f"platforms/{name}/interactions.csv": "user,item\nann,pen\n" for name in ("a", "b")}
    report = load(local_store, write(tmp_path / "data", files), same_users=True)
    assert report.platforms == ("a", "b")
    assert read_snapshot(local_store).identities == {0: "ann", 1: "ann"}
    assert [row[0] for row in local_store.query("MATCH (n:Platform) RETURN n.id ORDER BY n.id")] == ["a", "b"]


def test_pictures_of_items(local_store, folder, tmp_path):
    lines = "item,image\npen,pictures/pen.jpg\nink,../secret.jpg\npad,pictures/broken.jpg\n"
    write(folder, {"items.csv": lines, "pictures/pen.jpg": picture(), "pictures/broken.jpg": b"no"})
    write(tmp_path, {"secret.jpg": picture("blue")})
    report = load(local_store, folder)
    assert counts(report)["images"] == (3, 1, 0, 2)
    images = dict(local_store.query("MATCH (i:Item) RETURN i.id, i.image").rows)
    assert (tmp_path / "media" / images["shop:pen"]).read_bytes() == picture()
    assert images["shop:ink"] is images["shop:pad"] is None
    reasons = Path(report.refused_files[0]).read_text()
    assert "lies outside" in reasons
    assert "no picture" in reasons


def test_sounds_and_videos_of_items(local_store, folder, tmp_path):
    lines = "item,audio,video\npen,clips/pen.mp3,clips/pen.mp4\nink,,clips/list.m3u8\npad,,\n"
    write(
        folder, {"items.csv": lines, "clips/pen.mp3": b"ID3", "clips/pen.mp4": b"film", "clips/list.m3u8": b"#EXTM3U"}
    )
    report = load(local_store, folder)
    assert counts(report)["images"] == (3, 2, 0, 1)
    found = {row[0]: row[1:] for row in local_store.query("MATCH (i:Item) RETURN i.id, i.audio, i.video").rows}
    audio, video = found["shop:pen"]
    assert (tmp_path / "media" / audio).read_bytes() == b"ID3"
    assert (tmp_path / "media" / video).read_bytes() == b"film"
    assert video.endswith(".mp4")
    assert found["shop:ink"][1] is found["shop:pad"][1] is None
    assert "no video" in Path(report.refused_files[0]).read_text()


def test_posters_by_item_id(local_store, folder, tmp_path):
    posters = write(tmp_path / "posters", {"pen.png": picture(kind="PNG"), "nobody.png": picture(kind="PNG")})
    report = load(local_store, folder, posters=posters)
    assert counts(report)["images"] == (1, 1, 0, 0)
    [(key,)] = local_store.query("MATCH (i:Item {id: 'shop:pen'}) RETURN i.image").rows
    assert (tmp_path / "media" / key).is_file()
    with pytest.raises(NotFound, match="no folder"):
        load(local_store, folder, posters=tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["", "a:b", "../x", "a b"])
def test_a_platform_has_a_plain_name(local_store, folder, name):
    with pytest.raises(InvalidData, match="platform's name"):
        ingest(local_store, folder, platform=name, home=folder.parent)


def test_progress_counts_what_is_loaded(local_store: LocalStore, folder):
    done: list[int] = []
    report = load(local_store, folder, progress=done.append)
    assert sum(done) == report.nodes + report.relationships


def test_ml_100k(local_store, data_root, tmp_path):
    report = ingest(local_store, data_root / "ml-100k", platform="ml", home=tmp_path)
    assert counts(report)["ml-100k.inter"] == (100_000, 100_000, 0, 0)
    assert counts(report)["ml-100k.kg"] == (91_631, 91_631, 0, 0)
    assert report.refused_files == ()
    snapshot = read_snapshot(local_store)
    assert (len(snapshot.users), len(snapshot.items), len(snapshot.interactions)) == (943, 1682, 100_000)
