"""Does the hour say what is popular: the gain in held-out likelihood, over popularity at all times.

    python -m benchmarks.hours FOLDER [--min-value 4] [--seeds 5]

FOLDER is a dataset folder whose interactions have times. With n_ic the likings of item i in cell c of a way to tell
times apart (UTC) and p_i its share of all likings, P(i | c) = (n_ic + strength p_i) / (n_c + strength): a cell of few
likings says what all say. Way and strength are chosen by the likelihood of a fifth of the people, mean over people, and
judged by another fifth; the others are learned from. Prints one JSON object a seed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph.snapshot import NO_TIME
from graph.snapshot_read import read_folder
from training.data import Histories
from training.prepare import known_histories

WAYS = {"hour": 24, "part of the day": 4, "weekend": 2, "part and weekend": 8}
STRENGTHS = (100.0, 1_000.0, 10_000.0, 100_000.0)
PARTS = 5


def cells(times: NDArray[np.int64], way: str) -> NDArray[np.int64]:
    """(n,) the cell of each time (Unix seconds); parts of the day begin at 0, 6, 12 and 18 o'clock."""
    hour = times // 3_600 % 24
    weekend = np.isin((times // 86_400 + 3) % 7, (5, 6)).astype(np.int64)  # 1 January 1970 was a Thursday
    found = {
        "hour": hour,
        "part of the day": hour // 6,
        "weekend": weekend,
        "part and weekend": hour // 6 + 4 * weekend,
    }
    return np.asarray(found[way], np.int64)


def lift(
    items: NDArray[np.int32], cell: NDArray[np.int64], size: tuple[int, int], strength: float
) -> NDArray[np.float64]:
    """(cells, items) = `size`: the logarithm of P(i | c) over p_i."""
    share = np.bincount(items, minlength=size[1]) + 0.5
    share = share / share.sum()
    counts = np.bincount(cell * size[1] + items, minlength=size[0] * size[1]).reshape(size)
    return np.asarray(np.log((counts + strength * share) / (counts.sum(1, keepdims=True) + strength) / share))


def judged(known: Histories, seed: int) -> dict[str, float | str]:
    """The best way and strength, and the gain in nats a liking with its standard error over the judging people."""
    user = np.repeat(np.arange(len(known)), np.diff(known.indptr))
    timed = known.times != NO_TIME
    user, items, times = user[timed], known.items[timed], known.times[timed]
    part = np.random.default_rng(seed).permutation(len(known))[user] % PARTS
    learns, chooses, judges = part > 1, part == 0, part == 1

    def gains(mask: NDArray[np.bool_], way: str, strength: float) -> NDArray[np.float64]:
        cell = cells(times, way)
        learned = lift(items[learns], cell[learns], (WAYS[way], known.num_items), strength)
        _, place = np.unique(user[mask], return_inverse=True)
        return np.asarray(np.bincount(place, learned[cell[mask], items[mask]]) / np.bincount(place))

    tried = [(way, strength) for way in WAYS for strength in STRENGTHS]
    way, strength = max(tried, key=lambda one: float(gains(chooses, *one).mean()))
    found = gains(judges, way, strength)
    error = float(found.std() / np.sqrt(len(found)))
    return {"way": way, "strength": strength, "gain": float(found.mean()), "standard error": error}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--min-value", type=float, default=None)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    known = known_histories(read_folder(options.folder).snapshot, options.min_value)
    share = np.bincount(known.items, minlength=known.num_items) / len(known.items)
    needed = float(-np.log(share[known.items]).mean())
    for seed in range(options.seeds):
        head = {"seed": seed, "likings": len(known.items), "nats without the hour": needed}
        print(json.dumps({**head, **judged(known, seed)}), flush=True)


if __name__ == "__main__":
    main()
