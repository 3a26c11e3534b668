"""Zero-shot tags on real stores with the shipped encoders: what words fit, what is written, and what is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from encoders import zeroshot
from encoders.encode import encode_items
from encoders.zeroshot import PERCENTILE_THRESHOLD, TagReport, default_source, tag_id, tag_items
from graph.errors import InvalidData, NotFound
from graph.schema import EdgeBatch, Entity, NodeBatch
from graph.snapshot_files import content_hash
from graph.snapshot_store import read_snapshot
from graph.store import GraphStore

pytestmark = pytest.mark.integration
ROWS = (
    "MATCH (i:Item)-[r:TAGGED]->(t:ZeroShotTag) RETURN i.id AS id, t.name AS name, r.confidence AS confidence, "
    "r.encoder AS encoder, r.modality AS modality ORDER BY id, confidence DESC"
)
PLOTS = {
    "horror": [
        "A ghost haunts an old house and kills those who sleep in it", "Vampires drink blood in a dark castle",
        "A masked killer with a knife stalks screaming teenagers", "Zombies rise from their graves and eat the living",
        "A demon possesses a girl and an exorcist comes", "Monsters crawl out of the swamp at night",
    ],
    "western": [
        "A sheriff and his deputies ride after cattle rustlers", "Cowboys drive their herd across the prairie to Texas",
        "A gunslinger comes to a frontier saloon for a duel", "Settlers in wagons cross the plains and meet Apaches",
        "Outlaws rob a stagecoach in Arizona", "A rancher defends his land with a rifle",
    ],
    "romance": [
        "Two lovers meet in Paris and fall in love", "A bride doubts on her wedding day and kisses another man",
        "Letters of love cross the ocean until they marry", "A shy girl gives her heart to a poet",
        "A couple kiss in the rain after years apart", "She loves him but must marry another",
    ],
}  # fmt: skip
FILMS = [(f"m:{kind}{n}", kind, plot) for kind, plots in PLOTS.items() for n, plot in enumerate(plots)]


@pytest.fixture
def store(any_store: GraphStore, tmp_path: Path) -> GraphStore:
    """Films whose plots say what they are, encoded; four of each six have their genre."""
    genres = [f"Genre:{kind}" for kind in PLOTS]
    films = pa.table({"id": [one for one, _, _ in FILMS], "text": [plot for _, _, plot in FILMS]})
    known = [(item, f"Genre:{kind}") for item, kind, _ in FILMS if int(item[-1]) < 4]
    has_genre = pa.table({"head": [one for one, _ in known], "tail": [one for _, one in known]})
    any_store.bulk_load(
        [
            NodeBatch("Item", films.append_column("kind", pa.array(["movie"] * len(FILMS)))),
            NodeBatch("Genre", pa.table({"id": genres, "name": list(PLOTS)})),
            EdgeBatch("HAS_GENRE", "Item", "Genre", has_genre),
        ]
    )  # fmt: skip
    encode_items(any_store, home=tmp_path, modalities=("text",), device="cpu")
    return any_store


def tag(store: GraphStore, home: Path, **options: Any) -> TagReport:
    return tag_items(store, home=home, device="cpu", **options)


def rows(store: GraphStore) -> list[dict[str, Any]]:
    return store.query(ROWS).dicts()


def best(store: GraphStore) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows(store):
        found.setdefault(row["id"], row["name"])
    return found


def test_films_get_the_word_that_their_plot_fits(store: GraphStore, tmp_path: Path) -> None:
    report = tag(store, tmp_path)
    assert report.calibrated
    assert (report.labels, report.items, report.compared) == (3, len(FILMS), len(FILMS))
    found = best(store)
    right = [item for item, kind, _ in FILMS if found.get(item) == kind]
    assert len(right) >= 15
    unknown = [item for item, _, _ in FILMS if int(item[-1]) >= 4]
    assert len(set(unknown) & set(right)) >= 5, "those whose genre nobody gave, too"
    for row in rows(store):
        assert 0.3 <= row["confidence"] <= 1
        assert (row["encoder"], row["modality"]) == ("minilm", "text")
    assert report.written == len(rows(store))


def test_again_is_no_change_and_loads_nothing(
    store: GraphStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag(store, tmp_path)
    before = rows(store)
    monkeypatch.setattr("encoders.zeroshot_fit.open_encoder", lambda *_, **__: pytest.fail("no model is needed"))
    report = tag(store, tmp_path)
    assert (report.compared, report.written, report.refitted) == (0, 0, False)
    assert rows(store) == before


def test_only_what_changed_is_compared(store: GraphStore, tmp_path: Path) -> None:
    tag(store, tmp_path)
    before = [row for row in rows(store) if row["id"] != "m:horror0"]
    store.write(
        [
            Entity("Item", "m:horror0", {"text": PLOTS["western"][2]}),
            Entity("Item", "m:new", {"text": "A cowboy's duel in Texas"}),
        ]
    )
    encode_items(store, home=tmp_path, modalities=("text",), device="cpu")
    report = tag(store, tmp_path)
    assert report.compared == 2
    assert best(store)["m:new"] == best(store)["m:horror0"] == "western"
    assert [row for row in rows(store) if row["id"] not in ("m:horror0", "m:new")] == before


def test_what_was_lost_is_written_again(store: GraphStore, tmp_path: Path) -> None:
    tag(store, tmp_path)
    before = rows(store)
    store.query("MATCH (:Item {id: 'm:western1'})-[r:TAGGED]->() DELETE r")
    assert tag(store, tmp_path).compared == 1
    assert rows(store) == before


@pytest.mark.parametrize("last", [1, 3])
def test_a_killed_one_ends_the_same(
    store: GraphStore, tmp_path: Path, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeroshot, "PAGE", 4)
    calls = []

    def stop(*call: object) -> None:
        calls.append(call)
        if len(calls) == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tag(store, tmp_path, progress=stop)
    killed = len(rows(store))
    report = tag(store, tmp_path)
    after = rows(store)
    assert 0 < killed < len(after)
    assert report.written == len(after) - killed
    store.query("MATCH (t:ZeroShotTag) DETACH DELETE t")
    tag(store, tmp_path / "elsewhere")
    assert rows(store) == after


def test_given_words_replace_the_former(store: GraphStore, tmp_path: Path) -> None:
    tag(store, tmp_path)
    report = tag(store, tmp_path, labels=["undead", "love story"], top=1)
    assert not report.calibrated
    found = rows(store)
    assert {row["name"] for row in found} <= {"undead", "love story"}
    assert all(row["confidence"] >= PERCENTILE_THRESHOLD for row in found)
    names = [row[0] for row in store.query("MATCH (t:ZeroShotTag) RETURN t.id ORDER BY t.id")]
    assert names == [tag_id("love story"), tag_id("undead")]


def test_items_without_a_vector_lose_their_tags(store: GraphStore, tmp_path: Path) -> None:
    tag(store, tmp_path)
    assert "m:romance0" in best(store)
    store.write([Entity("Item", "m:romance0", {"text": None, "title": None})])
    encode_items(store, home=tmp_path, modalities=("text",), device="cpu")
    tag(store, tmp_path)
    assert "m:romance0" not in best(store)


def test_a_snapshot_is_the_same_with_and_without(store: GraphStore, tmp_path: Path) -> None:
    store.write([Entity("User", "m:u")])
    before = content_hash(read_snapshot(store))
    assert tag(store, tmp_path).written > 0
    assert content_hash(read_snapshot(store)) == before


def test_what_cannot_be_is_said(any_store: GraphStore, tmp_path: Path) -> None:
    any_store.ensure_schema(["Item"])
    assert default_source(any_store) is None
    with pytest.raises(InvalidData, match="0 labels"):
        tag(any_store, tmp_path)
    with pytest.raises(NotFound, match="no item has a vector"):
        tag(any_store, tmp_path, labels=["horror"])
