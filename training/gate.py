"""The gate: may a new model take the champion's place. Only if it is better, user by user, beyond luck.

Before promotion. Both models must have been measured on the same test part of the same snapshot. A champion of an older
snapshot cannot be compared (and cannot serve the new one): then the challenger must beat popularity on its own data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.model_files import read_card, read_tested
from training.significance import Comparison, paired_test

METRIC = "ndcg@10"


@dataclass(frozen=True)
class Verdict:
    """`better`: may it be promoted. `why` in words; `comparison` where there was one."""

    better: bool
    why: str
    comparison: Comparison | None = None


def judge(challenger: Path, champion: Path | None) -> Verdict:
    """Compares two saved models (`training.model_files`); `champion` None: there is none yet."""
    card, tested = read_card(challenger), read_tested(challenger)
    if champion is None:
        return Verdict(better=True, why="the first champion")
    theirs, their_tested = read_card(champion), read_tested(champion)
    if tested is None or METRIC not in tested.measures:
        return Verdict(better=False, why="it was never measured on a test part")
    if (card.snapshot, card.split) != (theirs.snapshot, theirs.split) or their_tested is None:
        return _against_popularity(card.metrics.get(METRIC, 0.0), card.popularity.get(METRIC, 0.0))
    if not np.array_equal(tested.users, their_tested.users):
        return _against_popularity(card.metrics.get(METRIC, 0.0), card.popularity.get(METRIC, 0.0))
    found = paired_test(tested.measures[METRIC], their_tested.measures[METRIC])
    better = "significantly better than" if found.better else "not significantly better than"
    why = (
        f"{better} the champion: {METRIC} {found.difference:+.4f} "
        f"[{found.low:+.4f}, {found.high:+.4f}], p = {found.p_value:.4f}, {len(tested.users)} users"
    )
    return Verdict(found.better, why, found)


def _against_popularity(mine: float, popularity: float) -> Verdict:
    better = mine > popularity
    word = "better" if better else "no better"
    why = (
        f"the champion was measured on other data; it is {word} than popularity ({METRIC} {mine:.4f}, {popularity:.4f})"
    )
    return Verdict(better, why)
