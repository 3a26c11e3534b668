"""Whether words find sounds that nobody labelled so: a trained space of sounds and words, on held-out songs (Emotify).

    python -m benchmarks.sound_words FOLDER [--encoder signal] [--seeds 10] [--home DIR]

FOLDER: as for `benchmarks.sounds`. A fifth of each genre is the test, a tenth of the rest tells when to stop; the space
(`encoders.train_sounds`) is learned from the others' words and asked with words:

    seen         genres and moods, both in training: recall@10 of a song's own words and back; F1 and AUC of either
    unseen       genres asked where only moods were told, and moods where only genres were
    left out     each genre in turn asked where all other words were told (the songs stay, without that word)
    probe        a linear probe on all labels of the same training songs (`benchmarks.sounds`), the upper bound

Scores are standardised by label over the training songs. A genre is that with the highest; a mood is there where its
score is above the mean. Macro F1 and AUC as in `benchmarks.sounds`, means over seeds (which draw the songs) with
deviation; `guess`: labels at random; `majority`: always the most frequent. Prints one JSON object.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sounds import Classes, Floats, macro_f1, main, probe, read_moods, summary
from benchmarks.zeroshot import area
from encoders.base import Vectors
from encoders.cache import VectorCache, content_key
from encoders.contrast import Scaling
from encoders.encode import CACHE
from encoders.pipeline import encode_contents
from encoders.registry import open_encoder
from encoders.train_sounds import TRAINING, SoundSpace, Words, by_chance

GENRES = ("classical", "rock", "electronic", "pop")
NAMED = 1 / 3
FEWEST = 5
"""Test songs with, and without, a mood that is measured."""
TESTED, STOPPED = 5, 10

Places = NDArray[np.int64]


class Songs:
    """What is known of them: `has` (songs, words), genres first."""

    def __init__(self, folder: Path, encoder_name: str, home: Path) -> None:
        names, shares = read_moods(folder / "data.csv")
        contents = [(folder / "clips" / f"{song}.mp3").read_bytes() for song in range(1, len(shares) + 1)]
        encoder = open_encoder(encoder_name)
        with VectorCache(home / CACHE) as cache:
            found = encode_contents(encoder, contents, cache).vectors
        self.vectors: Vectors = np.stack([found[content_key(content)] for content in contents])
        self.genre: Classes = np.arange(len(contents)) // 100
        self.has = np.concatenate([np.eye(len(GENRES), dtype=bool)[self.genre], shares >= NAMED], axis=1)
        words = Words((*GENRES, *(name.replace("_", " ") for name in names)), self.has)
        self.words, self.names = words.vectors("track"), words.names

    def split(self, seed: int) -> tuple[Places, Places, Places]:
        """Songs to fit on, to stop by, and of the test, which has as many of each genre."""
        order = np.random.default_rng(seed).permutation(len(self.genre))
        place = np.zeros(len(order), int)
        for one in range(len(GENRES)):
            members = order[self.genre[order] == one]
            place[members] = np.arange(len(members))
        tested = place < 100 // TESTED
        stopped = ~tested & (place < 100 // TESTED + 100 // STOPPED)
        return np.flatnonzero(~tested & ~stopped), np.flatnonzero(stopped), np.flatnonzero(tested)


def learned(songs: Songs, told: Places, part: Places, stop: Places, seed: int) -> SoundSpace:
    """A space in which only the words `told` were told."""
    space = SoundSpace(Scaling.of(songs.vectors[part]), songs.words[told], replace(TRAINING, seed=seed))
    fit, until = (rows[songs.has[rows][:, told].any(axis=1)] for rows in (part, stop))
    space.fit(songs.vectors[fit], songs.has[fit][:, told], (songs.vectors[until], songs.has[until][:, told]))
    return space


def standardised(space: SoundSpace, songs: Songs, known: Places) -> Floats:
    """(songs, words), by label over the training songs."""
    scores = space.scores(songs.vectors, songs.words)
    return np.asarray((scores - scores[known].mean(axis=0)) / scores[known].std(axis=0), np.float64)


def of_genres(z: Floats, songs: Songs, test: Places) -> dict[str, float]:
    genres = range(len(GENRES))
    areas = [area(z[test, one], songs.has[test, one]) for one in genres]
    return {"f1": macro_f1(z[test, : len(GENRES)].argmax(axis=1), songs.genre[test]), "auc": float(np.mean(areas))}


def moods_of(songs: Songs, test: Places) -> list[int]:
    """Those with enough test songs of either kind."""
    counts = songs.has[test].sum(axis=0)
    return [one for one in range(len(GENRES), len(songs.names)) if FEWEST <= counts[one] <= len(test) - FEWEST]


def of_moods(z: Floats, songs: Songs, test: Places) -> dict[str, float]:
    moods = moods_of(songs, test)
    shown = [macro_f1((z[test, one] > 0).astype(int), songs.has[test, one].astype(int)) for one in moods]
    areas = [area(z[test, one], songs.has[test, one]) for one in moods]
    return {"f1": float(np.mean(shown)), "auc": float(np.mean(areas))}


def probed(songs: Songs, test: Places) -> dict[str, dict[str, float]]:
    """Linear probes on every training song."""
    train = np.ones(len(songs.genre), bool)
    train[test] = False
    vectors = songs.vectors.astype(np.float64)
    moods = [probe(vectors, songs.has[:, one].astype(int), train) for one in moods_of(songs, test)]
    mood = {name: float(np.mean([one[name] for one in moods])) for name in ("f1", "auc")}
    return {"probe: genres": probe(vectors, songs.genre, train), "probe: moods": mood}


def blind(songs: Songs, test: Places, seed: int) -> dict[str, dict[str, float]]:
    """F1 without hearing anything; the AUC of either is 0.5."""
    rng = np.random.default_rng(seed)
    moods = [songs.has[test, one].astype(int) for one in moods_of(songs, test)]
    return {
        "guess: genres": {"f1": macro_f1(rng.integers(0, len(GENRES), len(test)), songs.genre[test])},
        "guess: moods": {"f1": float(np.mean([macro_f1(rng.integers(0, 2, len(test)), one) for one in moods]))},
        "majority: genres": {"f1": macro_f1(np.zeros(len(test), int), songs.genre[test])},
        "majority: moods": {
            "f1": float(np.mean([macro_f1(np.full(len(test), one.mean() > 0.5, int), one) for one in moods]))
        },
    }


def one_seed(songs: Songs, seed: int) -> dict[str, dict[str, float]]:
    part, stop, test = songs.split(seed)
    known = np.concatenate([part, stop])
    every, genres = np.arange(len(songs.names)), np.arange(len(GENRES))
    moods = every[len(GENRES) :]
    seen = learned(songs, every, part, stop, seed)
    z = standardised(seen, songs, known)
    before = SoundSpace(Scaling.of(songs.vectors[part]), songs.words, replace(TRAINING, seed=seed))
    found = {
        "recall@10 before": before.recall(songs.vectors[test], songs.has[test]),
        "recall@10 after": seen.recall(songs.vectors[test], songs.has[test]),
        "recall@10 by chance": dict(by_chance(songs.has[test])),
        "seen: genres": of_genres(z, songs, test),
        "seen: moods": of_moods(z, songs, test),
    }
    by_moods = standardised(learned(songs, moods, part, stop, seed), songs, known)
    by_genres = standardised(learned(songs, genres, part, stop, seed), songs, known)
    found["unseen: genres"] = of_genres(by_moods, songs, test)
    found["unseen: moods"] = of_moods(by_genres, songs, test)
    found["left out"] = {}
    for one in genres.tolist():
        rest = standardised(learned(songs, every[every != one], part, stop, seed), songs, known)
        found["left out"][f"auc {GENRES[one]}"] = area(rest[test, one], songs.has[test, one])
    return found | probed(songs, test) | blind(songs, test, seed)


def run(folder: Path, encoder_name: str, seeds: int, home: Path) -> dict[str, Any]:
    songs = Songs(folder, encoder_name, home)
    runs = [one_seed(songs, seed) for seed in range(seeds)]
    measured = {name: summary([one[name] for one in runs]) for name in runs[0]}
    return {"encoder": encoder_name, "songs": len(songs.genre), "seeds": seeds, **measured}


if __name__ == "__main__":
    main(__doc__, run)
