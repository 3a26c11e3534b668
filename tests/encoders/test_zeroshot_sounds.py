"""Tags of sounds on real stores: words that `train_sounds` learned, onto songs that nobody labelled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from encoders.contrast import ContrastTraining
from encoders.encode import encode_items
from encoders.train_sounds import train_sounds
from encoders.zeroshot import TagReport, tag_items
from graph.errors import NotFound
from graph.schema import EdgeBatch, Entity, NodeBatch
from graph.snapshot_store import read_snapshot
from graph.store import GraphStore
from tests.encoders.tiny import picture, saved, saved_sound, sound

pytestmark = pytest.mark.integration
KINDS = ("waltz", "march", "tango", "polka")
SONGS = 112
LABELLED = 104
"""Songs from here on have no genre."""
TRAINING = ContrastTraining(embedding_size=16, epochs=20, dropout=0.2, batch_size=32, learning_rate=3e-3)
ROWS = (
    "MATCH (i:Item)-[r:TAGGED]->(t:ZeroShotTag) RETURN i.id AS id, t.name AS name, r.confidence AS confidence, "
    "r.encoder AS encoder, r.modality AS modality ORDER BY id, confidence DESC"
)


def kind_of(song: int) -> str:
    return KINDS[song % len(KINDS)]


def write_songs(home: Path) -> None:
    """Chords below HOME/media: each of its kind's pitches and beat, with a softer one of its own."""
    media = home / "media" / "ab"
    media.mkdir(parents=True)
    for song in range(SONGS):
        samples = sound(song % len(KINDS), seconds=0.3) + 0.3 * sound(100 + song, seconds=0.3)
        (media / f"{song}.wav").write_bytes(saved_sound(samples))


@pytest.fixture
def store(any_store: GraphStore, tmp_path: Path) -> GraphStore:
    """Songs without a title, whose sounds are encoded; all but the last few have their genre."""
    write_songs(tmp_path)
    ids = [f"m:{song:03}" for song in range(SONGS)]
    songs = pa.table({"id": ids, "audio": [f"ab/{song}.wav" for song in range(SONGS)], "kind": ["track"] * SONGS})
    genres = [f"Genre:{kind_of(song)}" for song in range(LABELLED)]
    any_store.bulk_load(
        [
            NodeBatch("Item", songs),
            NodeBatch("Genre", pa.table({"id": [f"Genre:{kind}" for kind in KINDS], "name": list(KINDS)})),
            EdgeBatch("HAS_GENRE", "Item", "Genre", pa.table({"head": ids[:LABELLED], "tail": genres})),
        ]
    )
    encode_items(any_store, home=tmp_path, modalities=("audio",), device="cpu")
    return any_store


def learn(store: GraphStore, home: Path, training: ContrastTraining = TRAINING) -> None:
    """What `interlace train-encoder --pairs audio-tags` does with the graph's sounds."""
    snapshot = read_snapshot(store)
    told = dict(store.query("MATCH (i:Item)-[:HAS_GENRE]->(g:Genre) RETURN i.id, g.name").rows)
    described = [[told[item]] if item in told else [] for item in snapshot.items.ids]
    train_sounds(snapshot.embeddings["audio"], described, home=home, training=training)


def tag(store: GraphStore, home: Path, **options: Any) -> TagReport:
    return tag_items(store, home=home, device="cpu", **options)


def rows(store: GraphStore) -> list[dict[str, Any]]:
    return store.query(ROWS).dicts()


def test_sounds_that_nobody_labelled_get_the_word_they_sound_like(store: GraphStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"words: the sounds' encoder 'signal' knows no words") as nothing:
        tag(store, tmp_path)
    assert "--pairs audio-tags" in nothing.value.remedy
    learn(store, tmp_path)
    report = tag(store, tmp_path)
    assert report.calibrated
    assert (report.labels, report.items, report.compared, report.skipped) == (4, SONGS, SONGS, {})
    best: dict[str, str] = {}
    for row in rows(store):
        best.setdefault(row["id"], row["name"])
        assert (row["encoder"], row["modality"]) == ("signal", "audio")
        assert 0.3 <= row["confidence"] <= 1
    unlabelled = range(LABELLED, SONGS)
    assert sum(best.get(f"m:{song:03}") == kind_of(song) for song in unlabelled) >= 6
    assert tag(store, tmp_path).compared == 0


def test_a_space_that_was_trained_anew_tags_anew(store: GraphStore, tmp_path: Path) -> None:
    learn(store, tmp_path)
    tag(store, tmp_path)
    again = replace(TRAINING, seed=7)
    learn(store, tmp_path, again)
    report = tag(store, tmp_path)
    assert (report.refitted, report.compared) == (True, SONGS)


def test_titles_and_covers_say_what_they_can_beside_the_sound(store: GraphStore, tmp_path: Path) -> None:
    for song in range(SONGS):
        (tmp_path / "media" / "ab" / f"{song}.png").write_bytes(saved(picture(song % len(KINDS)), "PNG"))
    store.write(
        [
            Entity("Item", f"m:{song:03}", {"title": f"A {kind_of(song)}, number {song}", "image": f"ab/{song}.png"})
            for song in range(1, SONGS)
        ]
    )
    encode_items(store, home=tmp_path, modalities=("text", "image"), device="cpu")
    untrained = tag(store, tmp_path)
    assert set(untrained.skipped) == {"audio"}
    assert {row["modality"] for row in rows(store)} == {"image+text"}
    learn(store, tmp_path)
    assert tag(store, tmp_path, top=1, threshold=0.0).skipped == {}
    made_by = {(row["id"] == "m:000", row["encoder"], row["modality"]) for row in rows(store)}
    assert made_by == {(True, "signal", "audio"), (False, "signal+efficientnet-lite0+minilm", "audio+image+text")}
