"""Wrong links between accounts: what they cost transfer, and what weighing links by their probability saves.

    python -m benchmarks.identity_noise DATA/amazon-cross [--target cell_electronic] [--seed 42]

For each rate that share of people is linked to somebody else's account on the other platform. Right links have a
probability drawn from Beta(8, 2), wrong ones from Beta(2, 4), as of a linkage that mostly knows what it does not know.
EASE over people (`training.cross.kernel`), the other platform's weight chosen on validation from 0.25, 1 and 4, once
with every link taken for certain and once weighed. Printed: validation ndcg@10 of all, the paired difference that
weighing makes, and that of transfer to the target alone. The test part is not read.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.snapshot import Snapshot
from graph.snapshot_read import FolderData, read_folder
from training.cross.data import Pair, pair_of
from training.cross.kernel import Kernel, KernelConfig
from training.evaluate import evaluate
from training.metrics import TARGET
from training.significance import paired_test

RATES = (0.0, 0.1, 0.3, 0.5)
WEIGHTS = (0.25, 1.0, 4.0)
RIGHT, WRONG = (8.0, 2.0), (2.0, 4.0)


def mistaken(snapshot: Snapshot, target: str, rate: float, seed: int) -> Snapshot:
    """With `rate` of the accounts on other platforms linked to another person, and every such link in doubt."""
    rng = np.random.default_rng(seed)
    others = np.array([user for user in sorted(snapshot.identities)
                       if snapshot.users.ids[user].partition(":")[0] != target])  # fmt: skip
    wrong = rng.choice(others, round(rate * len(others)), replace=False)
    people = dict(snapshot.identities)
    for user, other in zip(wrong.tolist(), np.roll(wrong, 1).tolist(), strict=True):
        people[user] = snapshot.identities[other]
    of_wrong = np.isin(others, wrong)
    sure = np.where(of_wrong, rng.beta(*WRONG, len(others)), rng.beta(*RIGHT, len(others)))
    return replace(snapshot, identities=people, doubts=dict(zip(others.tolist(), sure.tolist(), strict=True)))


def measured(pair: Pair, weights: tuple[float, ...]) -> tuple[NDArray[np.float64], float]:
    """(users,) validation ndcg@10 with the best of these weights of the other platform, and which it is."""
    held_out = pair.alone.data.validation
    assert held_out is not None  # every split has one
    best: tuple[NDArray[np.float64], float] | None = None
    for weight in weights:
        model = Kernel(KernelConfig(source_weight=weight), pair.source, pair.twins).fit(pair.alone.data)
        found = evaluate(model, held_out, ks=(10,)).per_user[TARGET]
        if best is None or found.mean() > best[0].mean():
            best = found, weight
    assert best is not None
    return best


def at_rate(folder: FolderData, target: str, rate: float, seed: int) -> dict[str, Any]:
    """Both ways at one rate, and the target alone."""
    snapshot = mistaken(folder.snapshot, target, rate, seed)
    unsure = pair_of(replace(folder, snapshot=snapshot), target, seed=seed)
    certain = pair_of(replace(folder, snapshot=replace(snapshot, doubts={})), target, seed=seed)
    alone, _ = measured(certain, (0.0,))
    taken, weight = measured(certain, WEIGHTS)
    weighed, weight_of_weighed = measured(unsure, WEIGHTS)
    return {
        "rate": rate,
        "alone": float(alone.mean()),
        "certain": float(taken.mean()),
        "weighed": float(weighed.mean()),
        "weights": {"certain": weight, "weighed": weight_of_weighed},
        "weighing brings": asdict(paired_test(weighed, taken, seed=seed)),
        "transfer brings, certain": asdict(paired_test(taken, alone, seed=seed)),
        "transfer brings, weighed": asdict(paired_test(weighed, alone, seed=seed)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="cell_electronic")
    parser.add_argument("--seed", type=int, default=42)
    asked = parser.parse_args()
    folder = read_folder(asked.folder)
    for rate in RATES:
        json.dump(at_rate(folder, asked.target, rate, asked.seed), sys.stdout)
        sys.stdout.write("\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
