"""How well words fit items without an example: zero-shot tags against attributes that are known, on held-out items.

    python -m benchmarks.zeroshot FOLDER [--label Genre] [--home DIR]

FOLDER: a data set with an attribute (ml-100k with its posters and plots). Half of the items (by a hash of their id)
calibrate, the other half is measured: area under the ROC curve and mean average precision, both averaged over labels,
by text, image and both, and F1 of each label's best threshold on the calibrating half; Brier score and expected
calibration error of the fused confidences beside those of the label's frequency. Beside them what labels would give:
linear probes of the joined vectors on k items with a label and k without, drawn from the calibrating half, by F1 of who
has it and area; means over three draws, of the labels that enough items of that half have. Prints one JSON object.
`--home` (default .interlace) keeps the vectors for the next time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sounds import EXAMPLES, drawn, probed, summary
from encoders.encode import embed_folder
from encoders.train_clip import train_clip
from encoders.zeroshot_labels import picture_space, text_space
from encoders.zeroshot_scores import combinations, fit
from graph.snapshot import Snapshot
from graph.snapshot_read import read_folder

BINS = 10
DRAWS = 3


def attributes(snapshot: Snapshot, label: str) -> tuple[list[str], NDArray[np.bool_]]:
    """Names of a label's nodes, and which items have them."""
    prefix = f"{label}:{label}:"
    names = [name for name in snapshot.entities.ids if name.startswith(prefix)]
    place = {len(snapshot.items) + snapshot.entities.positions[name]: at for at, name in enumerate(names)}
    known = np.zeros((len(snapshot.items), len(names)), bool)
    for head, tail in zip(snapshot.triples.head.tolist(), snapshot.triples.tail.tolist(), strict=True):
        if tail in place and head < len(snapshot.items):
            known[head, place[tail]] = True
    return [name.removeprefix(prefix) for name in names], known


def area(scores: NDArray[Any], truth: NDArray[np.bool_]) -> float:
    """Probability that an item with the label scores above one without; ties count half."""
    from scipy.stats import rankdata

    yes = int(truth.sum())
    ranks = rankdata(scores)[truth].sum()
    return float((ranks - yes * (yes + 1) / 2) / (yes * (len(truth) - yes)))


def average_precision(scores: NDArray[Any], truth: NDArray[np.bool_]) -> float:
    """Mean over the items with the label of the precision down to them."""
    hits = truth[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def measured(scores: NDArray[Any], known: NDArray[np.bool_]) -> dict[str, float]:
    labels = [label for label in range(known.shape[1]) if 0 < known[:, label].sum() < len(known)]
    return {
        "macro_auc": round(float(np.mean([area(scores[:, one], known[:, one]) for one in labels])), 4),
        "map": round(float(np.mean([average_precision(scores[:, one], known[:, one]) for one in labels])), 4),
    }


def best_f1(scores: NDArray[Any], known: NDArray[np.bool_], half: NDArray[np.bool_]) -> float:
    """Mean over labels of F1 outside `half`, above the threshold that is best within it."""
    found = []
    for one in range(known.shape[1]):
        inside, truth = scores[half, one], known[half, one]
        if not truth.any() or not known[~half, one].any():
            continue
        order = np.argsort(-inside, kind="stable")
        hits = np.cumsum(truth[order])
        least = inside[order][np.argmax(2 * hits / (np.arange(1, len(order) + 1) + truth.sum()))]
        found.append(f1(scores[~half, one] >= least, known[~half, one]))
    return round(float(np.mean(found)), 4)


def f1(said: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (said & truth).sum() / (said.sum() + truth.sum()))


def probes(vectors: NDArray[Any], known: NDArray[np.bool_], half: NDArray[np.bool_], k: int) -> dict[str, float]:
    """Measures of the labels that at least `k` items of `half` have; `labels`: how many those are."""
    enough = [one for one in range(known.shape[1])
              if known[half, one].sum() >= k and known[~half, one].any()]  # fmt: skip
    runs = [
        {name: float(np.mean([one[name] for one in parts])) for name in ("f1", "auc")}
        for seed in range(DRAWS)
        if (parts := [_probed(vectors, known[:, label], half, k, seed) for label in enough])
    ]
    return {"labels": len(enough), **summary(runs)}


def _probed(
    vectors: NDArray[Any], has: NDArray[np.bool_], half: NDArray[np.bool_], k: int, seed: int
) -> dict[str, float]:
    examples = np.flatnonzero(half)[drawn(has[half].astype(int), k, seed)]
    rows = np.concatenate([examples, np.flatnonzero(~half)])
    scores = probed(vectors[rows], has[rows].astype(int), np.arange(len(rows)) < len(examples))
    margin, truth = scores[:, 1] - scores[:, 0], has[~half]
    return {"f1": f1(margin > 0, truth), "auc": area(margin, truth)}


def calibration(confidence: NDArray[Any], known: NDArray[np.bool_]) -> dict[str, float]:
    p, y = confidence.ravel(), known.ravel().astype(float)
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = [abs(p[bins == one].mean() - y[bins == one].mean()) * (bins == one).mean() for one in np.unique(bins)]
    return {"brier": round(float(((p - y) ** 2).mean()), 4), "ece": round(float(sum(gaps)), 4)}


def run(folder: Path, label: str, home: Path) -> dict[str, Any]:
    snapshot = read_folder(folder).snapshot
    tables = embed_folder(snapshot, folder, home=home)
    labels, known = attributes(snapshot, label)
    half = np.array([hashlib.sha256(name.encode()).digest()[0] % 2 == 0 for name in snapshot.items.ids])
    spaces = {"text": text_space(tables["text"].encoder, labels, "movie")}
    if "image" in tables:
        clip = train_clip(tables, home=home)
        spaces["image"] = picture_space(tables["image"].encoder, labels, "movie", projections=Path(clip.file))
    scores = {name: space.scores(tables[name].vectors) for name, space in spaces.items()}
    present = {name: tables[name].present for name in spaces}
    both = np.logical_and.reduce([*present.values(), known.any(axis=1)])
    found: dict[str, Any] = {"labels": len(labels), "items": int((both & ~half).sum())}
    learned = fit(scores, present, np.where(half[:, None], known, False))
    for name in spaces:
        found[name] = measured(learned.scales[name].of(scores[name][both & ~half]), known[both & ~half])
    confidence = np.zeros(known.shape)
    fused = np.zeros(known.shape)
    for rows, names in combinations(present):
        confidence[rows] = learned.confidences({name: scores[name][rows] for name in names})
        fused[rows] = learned.fused_scores({name: scores[name][rows] for name in names})
    test = both & ~half
    found["fused"] = measured(fused[test], known[test]) | calibration(confidence[test], known[test])
    for name, ranked in {**{one: learned.scales[one].of(scores[one]) for one in spaces}, "fused": fused}.items():
        found[name]["macro_f1"] = best_f1(ranked[both], known[both], half[both])
    joined = np.hstack([tables[name].vectors for name in spaces]).astype(np.float64)[both]
    found["probes"] = {k: probes(joined, known[both], half[both], k) for k in EXAMPLES}
    frequency = np.broadcast_to(known[both & half].mean(axis=0), known[test].shape)
    found["frequency"] = {
        "map": round(float(known[test].mean(axis=0).mean()), 4),
        **calibration(frequency, known[test]),
    }
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--label", default="Genre")
    parser.add_argument("--home", type=Path, default=Path(".interlace"))
    given = parser.parse_args()
    print(json.dumps(run(given.folder, given.label, given.home)))
