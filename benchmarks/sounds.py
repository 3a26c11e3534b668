"""What an audio encoder knows of music: linear probes for genre and mood on k examples a class (Emotify).

    python -m benchmarks.sounds FOLDER [--encoder signal] [--seeds 10] [--home DIR]

FOLDER: Emotify (Aljanaki et al. 2015) as `clips/N.mp3` and `data.csv`. Genre: multinomial logistic regression on k
songs of each of four genres. Mood: a song has one that at least a third of its listeners named (they named up to three
of nine); for each mood with enough songs, logistic regression on k songs with it and k without. All other songs are
the test. The ridge is chosen by cross-validation inside the examples. Means over seeds (which draw the examples) of
macro F1 and macro one-against-rest AUC, with the standard deviation over seeds. For the signal embedding also its mean
MFCC alone. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

from encoders.cache import VectorCache, content_key
from encoders.encode import CACHE
from encoders.pipeline import encode_contents
from encoders.registry import open_encoder

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

EXAMPLES = (5, 10, 25)
RIDGES = (0.01, 0.1, 1.0, 10.0)
FOLDS = 5
NAMED = 1 / 3


def read_moods(file: Path) -> tuple[list[str], Floats]:
    """Names of the moods and, (songs, moods), the share of its listeners that named each."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        names = [name.strip() for name in next(rows)[2:11]]
        named: dict[int, list[list[float]]] = defaultdict(list)
        for row in rows:
            named[int(row[0])].append([float(value) for value in row[2:11]])
    return names, np.array([np.mean(named[song], axis=0) for song in sorted(named)])


def fit(vectors: Floats, classes: Classes, count: int, ridge: float) -> tuple[Floats, Floats]:
    """Weights (dim, count) and biases of multinomial logistic regression: mean log loss + ridge / 2n |weights|²."""
    truth = np.eye(count)[classes]
    n, dim = vectors.shape

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, biases = flat[: dim * count].reshape(dim, count), flat[dim * count :]
        scores = vectors @ weights + biases
        scores -= scores.max(axis=1, keepdims=True)
        log = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        error = (np.exp(log) - truth) / n
        value = -(truth * log).sum() / n + ridge / (2 * n) * (weights**2).sum()
        return value, np.concatenate([(vectors.T @ error + ridge / n * weights).ravel(), error.sum(axis=0)])

    found = minimize(loss, np.zeros((dim + 1) * count), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return found[: dim * count].reshape(dim, count), found[dim * count :]


def probe(vectors: Floats, classes: Classes, train: NDArray[np.bool_]) -> dict[str, float]:
    """F1 and AUC on what is not `train`."""
    scores = probed(vectors, classes, train)
    return {"f1": macro_f1(scores.argmax(axis=1), classes[~train]), "auc": macro_area(scores, classes[~train])}


def probed(vectors: Floats, classes: Classes, train: NDArray[np.bool_]) -> Floats:
    """Scores (rows, classes) of what is not `train`."""
    mean, spread = vectors[train].mean(axis=0), vectors[train].std(axis=0)
    scaled = np.clip((vectors - mean) / np.where(spread > 1e-9, spread, 1.0), -5, 5)
    count = int(classes.max()) + 1
    ridge = max(RIDGES, key=lambda one: _validated(scaled[train], classes[train], count, one))
    weights, biases = fit(scaled[train], classes[train], count, ridge)
    return scaled[~train] @ weights + biases


def _validated(vectors: Floats, classes: Classes, count: int, ridge: float) -> float:
    """Log likelihood of held-out folds, each with the same share of every class."""
    place = np.zeros(len(classes), int)
    for one in range(count):
        members = np.flatnonzero(classes == one)
        place[members] = np.arange(len(members)) % FOLDS
    total = 0.0
    for fold in range(FOLDS):
        out = place == fold
        weights, biases = fit(vectors[~out], classes[~out], count, ridge)
        scores = vectors[out] @ weights + biases
        top = scores.max(axis=1)
        log = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
        total += float((scores[np.arange(len(scores)), classes[out]] - log).sum())
    return total


def macro_f1(found: Classes, truth: Classes) -> float:
    """Mean over classes."""
    hits = [(2 * ((found == one) & (truth == one)).sum(), (found == one).sum() + (truth == one).sum())
            for one in np.unique(truth)]  # fmt: skip
    return float(np.mean([hit / both for hit, both in hits]))


def macro_area(scores: Floats, truth: Classes) -> float:
    """Mean over classes of the area under the ROC curve, each against the rest; scores as log odds."""
    areas = []
    for one in np.unique(truth):
        rest = np.delete(scores, one, axis=1)
        margin = scores[:, one] - np.logaddexp.reduce(rest, axis=1)
        yes = truth == one
        ranks = rankdata(margin)[yes].sum()
        areas.append((ranks - yes.sum() * (yes.sum() + 1) / 2) / (yes.sum() * (~yes).sum()))
    return float(np.mean(areas))


def drawn(classes: Classes, k: int, seed: int) -> NDArray[np.bool_]:
    """k examples of each class."""
    generator = np.random.default_rng(seed)
    train = np.zeros(len(classes), bool)
    for one in np.unique(classes):
        train[generator.choice(np.flatnonzero(classes == one), k, replace=False)] = True
    return train


def summary(runs: list[dict[str, float]]) -> dict[str, float]:
    """Mean and standard deviation of each measure over the runs."""
    found = {}
    for name in runs[0]:
        values = [run[name] for run in runs]
        found |= {name: round(float(np.mean(values)), 4), f"{name}_sd": round(float(np.std(values)), 4)}
    return found


def mood_runs(vectors: Floats, has: NDArray[np.bool_], k: int, seeds: int) -> dict[str, float]:
    """Mean over the moods that leave ten songs of either kind to the test."""
    enough = [mood for mood in range(has.shape[1]) if k + 10 <= has[:, mood].sum() <= len(has) - k - 10]
    runs = []
    for seed in range(seeds):
        each = [probe(vectors, has[:, mood].astype(int), drawn(has[:, mood].astype(int), k, seed)) for mood in enough]
        runs.append({name: float(np.mean([one[name] for one in each])) for name in ("f1", "auc")})
    return {"moods": len(enough), **summary(runs)}


def measure(vectors: Floats, genre: Classes, has: NDArray[np.bool_], seeds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for k in EXAMPLES:
        genres = summary([probe(vectors, genre, drawn(genre, k, seed)) for seed in range(seeds)])
        found[f"k={k}"] = {"genre": genres, "mood": mood_runs(vectors, has, k, seeds)}
    return found


def run(folder: Path, encoder_name: str, seeds: int, home: Path) -> dict[str, Any]:
    names, shares = read_moods(folder / "data.csv")
    contents = [(folder / "clips" / f"{song}.mp3").read_bytes() for song in range(1, len(shares) + 1)]
    encoder = open_encoder(encoder_name)
    begun = time.perf_counter()
    with VectorCache(home / CACHE) as cache:
        encoded = encode_contents(encoder, contents, cache)
    seconds = time.perf_counter() - begun
    vectors = np.array([encoded.vectors[content_key(content)] for content in contents], dtype=np.float64)
    genre = np.arange(len(contents)) // 100
    has = shares >= NAMED
    found = {
        "encoder": encoder.name, "version": encoder.version, "dim": vectors.shape[1], "songs": len(contents),
        "computed": encoded.computed, "seconds": round(seconds, 2), "seeds": seeds,
        "songs with mood": dict(zip(names, has.sum(axis=0).tolist(), strict=True)),
        "probe": measure(vectors, genre, has, seeds),
    }  # fmt: skip
    if encoder.name == "signal":
        found["mean MFCC alone"] = measure(vectors[:, _mean_mfcc()], genre, has, seeds)
    return found


def _mean_mfcc() -> slice:
    from encoders.signal import SCALES

    at = 0
    for name, width, _ in SCALES:
        if name == "mfcc":
            return slice(at, at + width)
        at += width
    raise AssertionError("the signal embedding has no MFCC")


def main(description: str | None, run: Callable[[Path, str, int, Path], dict[str, Any]]) -> None:
    """The command line of benchmarks on Emotify."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="signal")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--home", type=Path, default=Path(".interlace"))
    given = parser.parse_args()
    print(json.dumps(run(given.folder, given.encoder, given.seeds, given.home)))


if __name__ == "__main__":
    main(__doc__, run)
