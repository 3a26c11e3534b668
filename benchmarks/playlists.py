"""What follows in people's own sequences, and does the playlist find it: continuation, smoothness, and what it costs.

    python -m benchmarks.convert lastfm DATA FOLDER
    python -m benchmarks.playlists FOLDER [--negatives DATA/lastfm-seq/LastFM_sample.txt]

Each user's last three items are hidden; the list starts from those before. EASE is fitted and published without the
hidden items (all users' earlier ones are there). The weights of `serving.playlists.attraction` are chosen by ndcg@10 on
the three items before these (then the last six are hidden); the test is looked at once. `full` ranks the whole
catalogue but the seeds, `99` the hidden items and the data's fixed 99 negatives. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import Snapshot
from graph.snapshot_read import read_folder
from serving.candidates import all_scores, appeal
from serving.foldin import nobody
from serving.index import ModelInfo, open_index
from serving.live import Live
from serving.playlists.attraction import WEIGHTS, Weights, attraction
from serving.playlists.likeness import pairwise
from serving.playlists.make import playlist
from serving.playlists.path import smoothness
from serving.playlists.transitions import Transitions
from serving.playlists.wish import PlaylistWish, Seeds
from serving.publish import publish
from serving.scenarios.columns import ColumnsHolder
from serving.scenarios.visitor import Visitor
from training.metrics import per_user
from training.significance import compare_all
from training.train import everything
from training.zoo import find

HIDDEN = 3
FEWEST = 2 * HIDDEN + 2
"""Items of a user who is measured."""
SIZES = (0.1, 0.3, 1.0)
FADING, NEAR = (0.6, 0.8, 0.95), (1, 5, 20)
LISTS, LENGTH = 200, 20
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """An index without the hidden items, and of every measured user the seeds and the hidden items (positions)."""

    live: Live
    transitions: Transitions
    users: list[int]
    seeds: list[NDArray[np.int32]]
    relevant: csr_matrix


def part(snapshot: Snapshot, home: Path, skipped: int) -> Part:
    """Of every user the last `HIDDEN` items but `skipped` are relevant, what is before them is known."""
    rows = snapshot.interactions
    left = _left(rows.user)
    known = replace(snapshot, interactions=rows.take(left >= skipped + HIDDEN))
    data = everything(known, None)
    publish(known, find("ease").build().fit(data), home=home, model=ModelInfo("ease", "1"), histories=data.histories)
    live = Live(open_index(home))
    counts = np.bincount(rows.user, minlength=len(snapshot.users))
    users = np.flatnonzero(counts >= FEWEST)
    hidden = (left >= skipped) & (left < skipped + HIDDEN) & np.isin(rows.user, users)
    row = np.searchsorted(users, rows.user[hidden])
    shape = len(users), len(snapshot.items)
    relevant = csr_matrix((np.ones(len(row), np.float32), (row, rows.item[hidden])), shape=shape)
    return Part(live, live.index.transitions, users.tolist(), [live.index.known[user] for user in users], relevant)


def _left(user: NDArray[np.int32]) -> NDArray[np.int64]:
    """Of every row, how many of the same user come after it; rows are sorted by user and time."""
    ends = np.searchsorted(user, user, side="right")
    return np.asarray(ends - 1 - np.arange(len(user)))


def parts_of(one: Part) -> Mapping[tuple[str, float], Scores]:
    """(users, items) of every part of the attraction, by name and by the constant it has."""
    nothing = Weights(0, 0, 0, 0)
    wanted = {("model", 0.0): replace(nothing, model=1)}
    wanted |= {("steps", fading): replace(nothing, steps=1, fading=fading) for fading in FADING}
    wanted |= {("attributes", near): replace(nothing, attributes=1, near=near) for near in NEAR}
    return {
        name: np.stack([attraction(one.live, one.transitions, seeds.tolist(), weights) for seeds in one.seeds])
        for name, weights in wanted.items()
    }


def mixtures() -> Iterator[Weights]:
    """What is tried."""
    steps = [(0.0, FADING[0]), *product(SIZES, FADING)]
    attributes = [(0.0, NEAR[0]), *product(SIZES, NEAR)]
    for (size, fading), (other, near) in product(steps, attributes):
        yield Weights(1.0, size, WEIGHTS.contents, other, fading, near)


def mixed(parts: Mapping[tuple[str, float], Scores], weights: Weights) -> Scores:
    """(users, items) by these weights."""
    found = parts["model", 0.0] * np.float32(weights.model)
    found = found + np.float32(weights.steps) * parts["steps", weights.fading]
    return np.asarray(found + np.float32(weights.attributes) * parts["attributes", weights.near], np.float32)


def baselines(one: Part) -> dict[str, Scores]:
    """(users, items) of the simple rivals."""
    live = one.live
    matrix = csr_matrix(
        (np.ones(len(live.index.known.columns), np.float32), live.index.known.columns, live.index.known.indptr),
        shape=(live.index.num_users, live.index.num_items),
    )
    popularity = np.maximum(1, np.asarray(matrix.sum(axis=0)).ravel())
    scale = 1 / np.sqrt(popularity)
    cosine = (matrix.T @ matrix).toarray() * scale[:, None] * scale[None]
    np.fill_diagonal(cosine, 0)
    return {
        "popularity": np.tile(appeal(live), (len(one.users), 1)),
        "cosine, last item": np.stack([cosine[seeds[-1]] for seeds in one.seeds]).astype(np.float32),
        "cosine, all items": np.stack([cosine[seeds].sum(axis=0) for seeds in one.seeds]).astype(np.float32),
        "user's list (EASE)": np.stack(
            [all_scores(live, user, seeds) for user, seeds in zip(one.users, one.seeds, strict=True)]
        ),
    }


def measured(one: Part, scores: Scores, among: NDArray[np.bool_] | None = None) -> Mapping[str, NDArray[np.float64]]:
    """hr, ndcg and recall at 10 by user; the seeds are out, ties go against the hidden items. `among`: who may come."""
    found = scores.astype(np.float64)
    for row, seeds in enumerate(one.seeds):
        found[row, seeds] = -np.inf
    if among is not None:
        found[~among] = -np.inf
    cells = one.relevant.tocoo()
    found[cells.row, cells.col] -= 1e-9
    ranking = np.argsort(-found, axis=1, kind="stable")[:, :10].astype(np.int32)
    return per_user(ranking, one.relevant, (10,))


def candidates(one: Part, snapshot: Snapshot, file: Path) -> NDArray[np.bool_]:
    """(users, items): the hidden items and the fixed negatives."""
    mask: NDArray[np.bool_] = one.relevant.toarray() > 0
    places = {name.partition(":")[2]: place for place, name in enumerate(snapshot.items.ids)}
    rows = {snapshot.users.ids[user].partition(":")[2]: row for row, user in enumerate(one.users)}
    for line in file.read_text(encoding="ascii").splitlines():
        user, *items = line.split()
        if user in rows:
            mask[rows[user], [places[item] for item in items if item in places]] = True
    return mask


def report(task: str, one: Part, scores: Mapping[str, Scores], among: NDArray[np.bool_] | None) -> None:
    """A line a method, the playlist against each."""
    found = {name: measured(one, values, among) for name, values in scores.items()}
    mine = found.pop("playlist")
    print(json.dumps({"task": task, "method": "playlist", **{name: float(v.mean()) for name, v in mine.items()}}))
    for name in mine:
        tests = compare_all(mine[name], {other: values[name] for other, values in found.items()})
        for other, test in tests.items():
            told = {"difference": test.difference, "low": test.low, "high": test.high, "adjusted": test.adjusted}
            print(json.dumps({"task": task, "method": other, name: float(found[other][name].mean()), **told}))


def lists(one: Part, weights: Weights) -> None:
    """Smoothness of whole playlists and their CPU time."""
    live, columns, rng = one.live, ColumnsHolder().get(one.live), np.random.default_rng(1)
    visitor = Visitor(live, columns, nobody(), time.time())
    found, chance, took = [], [], 0.0
    for seeds in one.seeds[:LISTS]:
        wish = PlaylistWish(Seeds(tuple(live.id(place) for place in seeds.tolist())), n=LENGTH)
        began = time.process_time()
        found.append(playlist(visitor, one.transitions, wish))
        took += time.process_time() - began
        items = np.array(found[-1].items, np.int64)
        chance.append(smoothness(pairwise(live, one.transitions, items), rng.permutation(len(items)).tolist()))
    told = {name: float(np.mean([getattr(one, name) for one in found])) for name in ("ordered", "unordered")}
    print(json.dumps({"lists": len(found), "items": LENGTH, **told, "by chance": float(np.mean(chance)),
                      "cpu_ms": 1000 * took / len(found), "served weights": weights == WEIGHTS}))  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--negatives", type=Path)
    given = options.parse_args()
    snapshot = read_folder(given.folder).snapshot
    with tempfile.TemporaryDirectory() as home:
        validation, test = part(snapshot, Path(home) / "validation", HIDDEN), part(snapshot, Path(home) / "test", 0)
        made = parts_of(validation)
        tried = {one: float(measured(validation, mixed(made, one))["ndcg@10"].mean()) for one in mixtures()}
        chosen = max(tried, key=lambda one: tried[one])
        alone = tried[Weights(1.0, 0.0, WEIGHTS.contents, 0.0, FADING[0], NEAR[0])]
        print(json.dumps({"validation ndcg@10": tried[chosen], "model alone": alone, "chosen": asdict(chosen),
                          "tried": len(tried), "users": len(test.users)}))  # fmt: skip
        scores = {"playlist": mixed(parts_of(test), chosen), **baselines(test)}
        report("full", test, scores, None)
        if given.negatives:
            report("99", test, scores, candidates(test, snapshot, given.negatives))
        lists(test, chosen)


if __name__ == "__main__":
    main()
