from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from encoders.registry import open_encoder
from encoders.train_sounds import ContrastTraining, Words, fitting, own_phrases, some_of, train_sounds
from encoders.zeroshot_ask import words_classifier
from encoders.zeroshot_labels import sound_space, sounds_file
from graph.errors import InvalidData, Unsupported
from graph.snapshot import EmbeddingTable
from tests.encoders.tiny import saved_sound, sound

TRAINING = ContrastTraining(embedding_size=16, epochs=15, dropout=0.2, batch_size=64, learning_rate=3e-3)
WORDS = ("violin", "drums", "flute", "distortion")


def catalogue(count: int, *, encoder: str = "signal") -> tuple[EmbeddingTable, list[list[str]]]:
    """Each song has one or two of the words, and its vector is the sum of theirs with some noise; every tenth has no
    sound.
    """
    rng = np.random.default_rng(0)
    has = np.eye(4, dtype=bool)[rng.integers(0, 4, count)] | np.eye(4, dtype=bool)[rng.integers(0, 4, count)]
    vectors = has @ rng.normal(size=(4, 256)) + 0.5 * rng.normal(size=(count, 256)) + 3.0
    present = np.arange(count) % 10 != 0
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    table = EmbeddingTable((unit * present[:, None]).astype(np.float32), present, encoder, "1")
    return table, [[WORDS[at] for at in np.flatnonzero(row)] for row in has]


def test_held_out_sounds_find_their_words_after_training(tmp_path: Path) -> None:
    table, described = catalogue(600)
    report = train_sounds(table, described, home=tmp_path, training=TRAINING)
    assert (report.items, report.held_out) == (540, 54)
    assert report.after["text_to_audio"] > 0.8 > report.before["text_to_audio"]
    assert report.chance["audio_to_text"] == 1.0, "there are no more than ten phrases to choose from"
    assert report.losses[report.epochs - 1] == min(report.losses)


def test_words_find_sounds_by_the_encoders_it_made(tmp_path: Path) -> None:
    table, described = catalogue(600)
    report = train_sounds(table, described, home=tmp_path, training=TRAINING)
    sounds, texts = (open_encoder(name, device="cpu") for name in report.opens)
    assert sounds.modality == "audio"
    found = sounds.project(table.vectors[table.present]) @ texts.encode(list(WORDS)).T
    has = np.array([[word in words for word in WORDS] for words in described])[table.present]
    for at in range(len(WORDS)):
        assert found[has[:, at], at].mean() > found[~has[:, at], at].mean() + 0.3
    heard = sounds.encode([saved_sound(sound(1)), saved_sound(sound(2))])
    assert heard.shape == (2, 16)
    space = sound_space(report.opens[0], WORDS, "track", device="cpu")
    assert space.scores(heard).shape == (2, len(WORDS))


def test_vectors_of_the_tower_itself_are_compared_by_the_homes_file(tmp_path: Path) -> None:
    table, described = catalogue(300)
    report = train_sounds(table, described, home=tmp_path, training=ContrastTraining(epochs=2))
    assert sounds_file(tmp_path, "signal") == Path(report.file)
    assert sounds_file(tmp_path, "clap:some/model") is None
    projected = open_encoder(report.opens[0], device="cpu").project(table.vectors)
    through = sound_space("signal", WORDS, "track", projections=Path(report.file), device="cpu")
    own = sound_space(report.opens[0], WORDS, "track", device="cpu")
    np.testing.assert_allclose(through.scores(table.vectors), own.scores(projected), atol=1e-5)
    with pytest.raises(Unsupported, match="knows no words"):
        sound_space("signal", WORDS, "track")


def test_a_sound_that_nobody_labelled_gets_words(tmp_path: Path) -> None:
    table, described = catalogue(400)
    train_sounds(table, described[:300] + [[] for _ in described[300:]], home=tmp_path, training=TRAINING)
    classifier = words_classifier(tmp_path, {"audio": table}, WORDS, "track")
    right = 0
    for place in range(301, 331):
        found = classifier.judge({"audio": table.vectors[place]}) if table.present[place] else None
        right += found is None or next(iter(found.confidences)) in described[place]
    assert right >= 27
    assert dict(classifier.judge({"audio": table.vectors[301]}).made_by) == {"audio": "signal"}
    with pytest.raises(Unsupported, match="knows no words"):
        words_classifier(tmp_path / "elsewhere", {"audio": table}, WORDS, "track")


def test_the_same_seed_gives_the_same_bytes_and_says_how_it_was_made(tmp_path: Path) -> None:
    table, described = catalogue(200)
    first, second, other = (
        train_sounds(table, described, home=tmp_path / str(place), training=ContrastTraining(epochs=2, seed=seed))
        for place, seed in enumerate((1, 1, 2))
    )
    assert first.version == second.version != other.version
    assert Path(first.file).read_bytes() == Path(second.file).read_bytes()
    with safe_open(first.file, framework="numpy") as weights:
        about = json.loads(weights.metadata()["training"])
    assert about["bases"]["audio"] == ["signal", "1"]
    assert about["words"] == sorted(WORDS)


def test_what_cannot_be_learned_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    table, described = catalogue(200)
    with pytest.raises(InvalidData, match="90 items"):
        train_sounds(*catalogue(100), home=tmp_path)
    with pytest.raises(InvalidData, match="0 items"):
        train_sounds(table, [[] for _ in described], home=tmp_path)
    with pytest.raises(InvalidData, match="same words: music"):
        train_sounds(table, [["music"] for _ in described], home=tmp_path)
    with pytest.raises(Unsupported, match="which is trained itself"):
        train_sounds(catalogue(200, encoder="catalogue-audio:x")[0], described, home=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_phrase_fits_every_sound_that_has_all_its_words() -> None:
    words = Words.of([["a", "b "], ["b"], [" ", "c"], ["b", "a"]])
    assert words.names == ("a", "b", "c")
    assert fitting(words.has, words.has).tolist() == [
        [True, False, False, True], [True, True, False, True], [False, False, True, False], [True, False, False, True]
    ]  # fmt: skip
    phrases, own = own_phrases(words.has)
    assert len(phrases) == 3
    assert own.sum(axis=0).tolist() == [1, 1, 2]
    told = some_of(words.has, np.random.default_rng(0))
    assert told.any(axis=1).all()
    assert not (told & ~words.has).any()
