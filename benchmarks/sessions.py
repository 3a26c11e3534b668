"""What comes next in the session of somebody nobody knows: each user's newest items as a session, their last item held.

    python -m benchmarks.sessions lastfm DATA [--model sasrec] [--last 5 10] [--set epochs=…]
    python -m benchmarks.sessions beauty|sports DATA [--model ease]

DATA holds the published files. Leave-one-out: the last item is the test, the last but one validation; LastFM ranks its
99 published negatives (validation as many drawn ones), the others the whole catalogue. Nothing of a user but the
session's newest `--last` items is told to anybody. All is chosen on validation (the weights of `training.sessions`
too), fitted again on train and validation, and the test is read once. Prints one JSON object a line, differences in
ndcg@10 by a paired test.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.convert import SEQUENCES
from graph.schema import KINDS
from graph.snapshot import Interactions, Triples
from training.auto import choose
from training.data import HeldOut, SideInformation, TrainingData
from training.evaluate import Evaluation, evaluate
from training.metrics import TARGET
from training.models.item_knn import ItemKNN, ItemKNNConfig
from training.prepare import prepare_parts
from training.recommender import Recommender, Scorer
from training.refit import fit_again
from training.sessions import Mixed, held_sessions, learn_sessions, members
from training.significance import compare_all
from training.split import make_split
from training.tasks import among
from training.zoo import find

COSINE = ItemKNNConfig(user_power=0.0, alpha=0.5, neighbours=1_000_000)


def read_sequences(path: Path) -> tuple[Interactions, dict[str, int], dict[str, int]]:
    """Interactions in order (place in the line as the time), and the positions of users and items by their names."""
    lines = [line.split() for line in path.read_text().splitlines()]
    users = {line[0]: place for place, line in enumerate(lines)}
    items = {name: place for place, name in enumerate(sorted({one for _, *rest in lines for one in rest}, key=int))}
    rows = [(users[user], items[item], at) for user, *rest in lines for at, item in enumerate(rest)]
    user, item, at = (np.array(column) for column in zip(*rows, strict=True))
    kind = np.full(len(user), KINDS.index("purchased"), np.int8)
    values = np.full(len(user), np.nan, np.float32)
    return Interactions(user.astype(np.int32), item.astype(np.int32), kind, values, at.astype(np.int64)), users, items


def negatives(path: Path, users: dict[str, int], items: dict[str, int], relevant: HeldOut) -> csr_matrix:
    """(held-out users, items): what is ranked for each: the published negatives and the held-out item."""
    rows = {int(user): place for place, user in enumerate(relevant.users)}
    found = [(rows[users[line[0]]], items[item]) for line in map(str.split, path.read_text().splitlines())
             if users[line[0]] in rows for item in line[1:]]  # fmt: skip
    row, item = np.array(found).T
    matrix = csr_matrix((np.ones(len(row), np.float32), (row, item)), shape=relevant.relevant.shape) + relevant.relevant
    matrix.data[:] = 1
    return csr_matrix(matrix)


def cut(held_out: HeldOut, last: int) -> HeldOut:
    """Nobody's past, and of the session the newest items alone."""
    return replace(held_out, histories=held_out.histories.newest(last), newcomers=True)


def measure(parts: list[Scorer], held_out: HeldOut) -> dict[str, Evaluation]:
    return {one.name: evaluate(one, held_out, ks=(5, 10)) for one in parts}


class Named:
    """A model under another name."""

    def __init__(self, name: str, model: Scorer) -> None:
        self.name, self._model = name, model

    def score(self, users: Any) -> Any:
        return self._model.score(users)


def rivals(data: TrainingData, model: Recommender, decay: float) -> list[Scorer]:
    """Item-to-item cosine over the session, the last item's transitions alone, and the members of the blend."""
    parts = members(model, data, decay)
    return [Named("cosine", ItemKNN(COSINE).fit(data)), replace(parts[2], name="markov", decay=1e-6), *parts]


def run(name: str, folder: Path, model: str, overrides: dict[str, Any], lasts: list[int]) -> None:
    """See above."""
    rows, users, items = read_sequences(folder / f"{SEQUENCES[name]}.txt")
    split = make_split(rows, how="last-out")
    shape = (len(users), len(items))
    side = SideInformation(shape[1], (), Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32)),
                           np.empty((0, 2), np.int32))  # fmt: skip
    prepared = prepare_parts(split, shape, side, 42)
    began = time.perf_counter()
    chosen = choose(find(model), prepared.data, overrides=overrides)
    fitted = time.perf_counter() - began
    sessions = held_sessions(split.train, split.validation, shape[1])
    if name == "lastfm":  # what is chosen is chosen for what is measured
        sessions = among(sessions, [np.empty(0, np.int32)] * len(sessions), np.random.default_rng(42))
    learned = learn_sessions(chosen.recommender, prepared.data, sessions)
    assert learned is not None
    spent = {"fit_s": round(fitted, 1), "learn_s": round(time.perf_counter() - began - fitted, 1)}
    about = {"data": name, "model": model, "settings": dict(chosen.best.settings)}
    print(json.dumps({**about, **spent, **learned.json()}), flush=True)
    final = fit_again(chosen.recommender, chosen.config, prepared.everything)
    test = prepared.test
    if name == "lastfm":
        test = replace(test, candidates=negatives(folder / "lastfm-seq/LastFM_sample.txt", users, items, test))
    parts = rivals(prepared.everything, final, learned.decay)
    for last in lasts:
        found = measure([*parts, Mixed(parts, learned.weights)], cut(test, last))
        tests = compare_all(found["session"].per_user[TARGET],
                            {one: row.per_user[TARGET] for one, row in found.items() if one != "session"})  # fmt: skip
        for one, row in found.items():
            print(json.dumps({"last": last, "who": one, "hr@10": round(row.metrics["hr@10"], 4),
                              TARGET: round(row.metrics[TARGET], 4)}), flush=True)  # fmt: skip
        for one, difference in tests.items():
            print(json.dumps({"last": last, "session over": one,
                              **{k: round(v, 4) for k, v in asdict(difference).items()}}), flush=True)  # fmt: skip


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=tuple(SEQUENCES))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="ease")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--last", type=int, nargs="*", default=[5, 10])
    options = parser.parse_args()
    overrides = {key: json.loads(value) for key, _, value in (one.partition("=") for one in options.set)}
    run(options.name, options.folder, options.model, overrides, options.last)


if __name__ == "__main__":
    main()
