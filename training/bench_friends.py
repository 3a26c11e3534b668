"""`interlace bench friends`: a fifth of the friendships hidden, found again among everybody who is no friend.

Beside common friends, Adamic-Adar and the number of friends. AUC: the chance that a hidden friendship scores higher
than a pair that is none (ties count half); recall@k: of a user's hidden friends, those among their k best, mean over
users.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import Unsupported
from graph.snapshot import Snapshot
from graph.snapshot_read import read_folder
from training.friends import BASELINES, HIDDEN, Friends, adjacency, fit_friends
from training.significance import paired_test
from training.split import positives

Scores = Callable[[NDArray[np.integer]], NDArray[np.floating]]
KS = (5, 10, 20)
BATCH = 256
PAIRS = 5
"""Pairs that are no friendship, beside each hidden one."""


@dataclass(frozen=True)
class FriendsResult:
    """`metrics` by model: `auc`, `recall@10` and others; `beats`: recall@10 against each baseline, paired by user."""

    metrics: Mapping[str, Mapping[str, float]]
    beats: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, float]
    users: int
    friendships: int
    hidden: int
    seconds: Mapping[str, float]
    model: str = "friends"
    task: str = "friends"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def bench_friends(path: Path, *, seed: int = 42, progress: Callable[[str], None] = lambda _: None) -> FriendsResult:
    """Measures on the data set at `path`. Raises `Unsupported` for one without friends."""
    began = time.perf_counter()
    snapshot = read_folder(path).snapshot
    links = snapshot.friendships
    if not len(links):
        raise Unsupported(f"{str(path)!r} has no friends", valid="a folder with friends.csv", remedy="add the file")
    read = time.perf_counter()
    order = np.random.default_rng(seed).permutation(len(links))
    hidden, known = (links[part] for part in np.split(order, [int(HIDDEN * len(links))]))
    progress("learning what joins people")
    users = len(snapshot.users)
    model = fit_friends(known, users, taste_of(snapshot), seed=seed)
    fitted = time.perf_counter()
    progress("ranking everybody for everybody")
    found = {name: _measured(score, model, hidden, seed) for name, score in _candidates(model).items()}
    recall = {name: per_user for name, (_, per_user) in found.items()}
    return FriendsResult(
        metrics={name: metrics for name, (metrics, _) in found.items()},
        beats={name: asdict(paired_test(recall["friends"], recall[name])) for name in BASELINES},
        weights=dict(zip(model.names, (round(float(one), 4) for one in model.weights), strict=True)),
        users=users,
        friendships=len(links),
        hidden=len(hidden),
        seconds={"read": read - began, "fit": fitted - read, "rank": time.perf_counter() - fitted},
    )


def taste_of(snapshot: Snapshot) -> csr_matrix | None:
    """(users, items) of what users like, values (plays, stars) where there are any; None without interactions."""
    rows = snapshot.interactions.take(positives(snapshot.interactions, None))
    if not len(rows):
        return None
    value = np.where(np.isfinite(rows.value) & (rows.value > 0), rows.value, 1.0).astype(np.float64)
    return csr_matrix((value, (rows.user, rows.item)), shape=(len(snapshot.users), len(snapshot.items)))


def _candidates(model: Friends) -> dict[str, Scores]:
    baselines: dict[str, Scores] = {name: partial(measure, model.measures) for name, measure in BASELINES.items()}
    return {"friends": model.score, **baselines}


def _measured(
    score: Scores, model: Friends, hidden: NDArray[np.integer], seed: int
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """The measures of one ranking, and recall@10 by user."""
    known, users = model.measures.links, len(model.measures.degree)
    wanted = adjacency(hidden, users)
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, users, (PAIRS * len(hidden), 2))
    both = np.asarray((known + wanted)[pairs[:, 0], pairs[:, 1]]).ravel()
    pairs = pairs[(pairs[:, 0] != pairs[:, 1]) & (both == 0)]
    true, false = np.zeros(len(hidden)), np.zeros(len(pairs))
    some = np.flatnonzero(np.diff(wanted.indptr))
    recall = {k: np.zeros(len(some)) for k in KS}
    for start in range(0, users, BATCH):
        batch = np.arange(start, min(start + BATCH, users))
        rows = np.array(score(batch), np.float64)
        for found, ends in ((true, hidden), (false, pairs)):
            for one, other in ((0, 1), (1, 0)):
                mine = np.flatnonzero((ends[:, one] >= start) & (ends[:, one] <= batch[-1]))
                found[mine] += rows[ends[mine, one] - start, ends[mine, other]] / 2
        _recall(rows, batch, known, wanted, rng, some, recall)
    metrics = {"auc": _auc(true, false), **{f"recall@{k}": float(values.mean()) for k, values in recall.items()}}
    return metrics, recall[10]


def _recall(
    rows: NDArray[np.float64], batch: NDArray[np.integer], known: csr_matrix, wanted: csr_matrix,
    rng: np.random.Generator, some: NDArray[np.integer], recall: Mapping[int, NDArray[np.float64]],
) -> None:  # fmt: skip
    """Fills in the recall of the batch's users; ties are broken by chance, the same for every ranking."""
    rows[known[batch].nonzero()] = -np.inf
    rows[np.arange(len(batch)), batch] = -np.inf
    shuffled = rng.permutation(rows.shape[1])
    best = shuffled[np.argsort(-rows[:, shuffled], axis=1, kind="stable")[:, : max(KS)]]
    for place in np.flatnonzero(np.isin(some, batch)):
        user = some[place]
        friends = wanted.indices[wanted.indptr[user] : wanted.indptr[user + 1]]
        hits = np.isin(best[user - batch[0]], friends)
        for k, values in recall.items():
            values[place] = hits[:k].sum() / len(friends)


def _auc(true: NDArray[np.float64], false: NDArray[np.float64]) -> float:
    ordered = np.sort(false)
    below, upto = np.searchsorted(ordered, true, "left"), np.searchsorted(ordered, true, "right")
    return float(((below + upto) / 2 / len(ordered)).mean())
