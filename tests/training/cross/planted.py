"""Two platforms over the same people: a taste of each person shows on both, and little is known on one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_paired(root: Path, *, people: int = 300, items: int = 60, shared: bool = True, seed: int = 3) -> Path:
    """The form of `graph.sources.paired`: `big` with long histories, `small` with short ones.

    With `shared`, what somebody likes on `big` tells what they like on `small`.
    """
    rng = np.random.default_rng(seed)
    taste = rng.integers(0, 5, people)
    for name, length in (("big", 14), ("small", 6)):
        (root / name).mkdir(parents=True)
        mine = taste if shared or name == "big" else rng.integers(0, 5, people)
        rows, test, negatives = [], [], []
        for user in range(people):
            weights = np.where(np.arange(items) % 5 == mine[user], 8.0, 1.0)
            met = rng.choice(items, length, replace=False, p=weights / weights.sum())
            rows += [f"{user}\t{item}\t1" for item in met[1:]]
            test.append(f"{user}\t{met[0]}\t1")
            others = np.setdiff1d(np.arange(items), met)
            drawn = rng.choice(others, 30, replace=False)
            negatives.append(f"({user}, {met[0]})\t" + "\t".join(map(str, drawn)) + "\t")
        for file, lines in (("train", rows), ("test", test), ("test_neg", negatives)):
            (root / name / f"{file}.txt").write_text("\n".join(lines) + "\n")
    return root
