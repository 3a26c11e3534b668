"""The gate: may a new model take the champion's place. Only if it is better, user by user, beyond luck.

Before promotion. And it may not pay for that with what the guards watch. Both models must have been measured on the
same test part of the same snapshot. A champion of an older snapshot cannot be compared (and cannot serve the new one):
then the challenger must beat popularity on its own data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from graph.errors import InvalidData
from training.evaluate import Evaluation
from training.metrics import TARGET
from training.model_files import read_card, read_tested
from training.significance import Comparison, paired_test


@dataclass(frozen=True)
class Verdict:
    """`better`: may it be promoted. `why` in words; `comparison` where there was one."""

    better: bool
    why: str
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Guards:
    """How much worse than the champion a model may be, though more accurate.

    `coverage`: share of the champion's coverage@10 that may be lost. `gini`: rise of gini@10. `gap`: rise of the gap in
    ndcg@10 between the best and the worst served group of users, in any grouping, and not less than half of that gap's
    interval: small groups differ by chance. `latency_ms`: rise of the milliseconds that ranking a user's list takes.
    """

    coverage: float = 0.25
    gini: float = 0.05
    gap: float = 0.05
    latency_ms: float = 10.0

    @classmethod
    def of(cls, changes: Mapping[str, Any], base: Guards | None = None) -> Guards:
        """`base` (the defaults) with some changed; raises `InvalidData` for a guard that does not exist."""
        known = [one.name for one in fields(cls)]
        for name, value in changes.items():
            if name not in known or isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise InvalidData(f"no guard {name}={value!r}", valid=f"a number from 0 for {', '.join(known)}",
                                  remedy="for example --guard coverage=0.5")  # fmt: skip
        return cls(**{**vars(base or cls()), **changes})

    def broken(self, mine: Mapping[str, float], theirs: Mapping[str, float]) -> Iterator[str]:
        """What is worse than allowed, in words; what one of them did not measure is not judged."""
        for name in sorted(set(mine) & set(theirs)):
            now, before = mine[name], theirs[name]
            if name == _COVERAGE and now < before * (1 - self.coverage):
                yield f"{name} fell from {before:.4f} to {now:.4f} (guard coverage={self.coverage:g})"
            if name == _GINI and now > before + self.gini:
                yield f"{name} rose from {before:.4f} to {now:.4f} (guard gini={self.gini:g})"
            noise = mine.get(_NOISE + name.removeprefix(_GAP), 0.0)
            if name.startswith(_GAP) and now > before + max(self.gap, noise):
                yield f"the {name.removeprefix(_GAP)} gap rose from {before:.4f} to {now:.4f} (guard gap={self.gap:g})"
            if name == _LATENCY and now > before + self.latency_ms:
                yield f"ranking takes {now:.1f} ms a user, not {before:.1f} (guard latency_ms={self.latency_ms:g})"


_COVERAGE, _GINI, _GAP, _NOISE = "coverage@10", "gini@10", "gap/", "gap_noise/"
_LATENCY = "rank_ms_a_user"
LATENCY = f"beyond/cost/{_LATENCY}"
"""The run's metric that the guard on latency reads. No model file holds it: a time is never the same twice."""


def guarded(evaluation: Evaluation, report: Mapping[str, Any]) -> dict[str, float]:
    """What the guards look at, of one evaluation, less its latency (`LATENCY`): kept in the model card."""
    found = {name: evaluation.metrics[name] for name in (_COVERAGE, _GINI) if name in evaluation.metrics}
    gaps = {name: one["gap"] for name, one in report["users"].items() if one["gap"] is not None}
    found |= {_GAP + name: gap["value"] for name, gap in gaps.items()}
    return found | {_NOISE + name: (gap["high"] - gap["low"]) / 2 for name, gap in gaps.items()}


def judge(
    challenger: Path,
    champion: Path | None,
    guards: Guards | None = None,
    *,
    latencies: tuple[float | None, float | None] = (None, None),
) -> Verdict:
    """Compares two saved models (`training.model_files`); `champion` None: there is none yet.

    `latencies`: milliseconds a user of both, as their runs measured them.
    """
    card, tested = read_card(challenger), read_tested(challenger)
    if champion is None:
        return Verdict(better=True, why="the first champion")
    theirs, their_tested = read_card(champion), read_tested(champion)
    if tested is None or TARGET not in tested.measures:
        return Verdict(better=False, why="it was never measured on a test part")
    if (card.snapshot, card.split) != (theirs.snapshot, theirs.split) or their_tested is None:
        return _against_popularity(card.metrics.get(TARGET, 0.0), card.popularity.get(TARGET, 0.0))
    if not np.array_equal(tested.users, their_tested.users):
        return _against_popularity(card.metrics.get(TARGET, 0.0), card.popularity.get(TARGET, 0.0))
    found = paired_test(tested.measures[TARGET], their_tested.measures[TARGET])
    better = "significantly better than" if found.better else "not significantly better than"
    why = (
        f"{better} the champion: {TARGET} {found.difference:+.4f} "
        f"[{found.low:+.4f}, {found.high:+.4f}], p = {found.p_value:.4f}, {len(tested.users)} users"
    )
    mine, before = (
        {**one.guards, **({} if latency is None else {_LATENCY: latency})}
        for one, latency in zip((card, theirs), latencies, strict=True)
    )
    broken = list((guards or Guards()).broken(mine, before)) if found.better else []
    if broken:
        why = f"{why}; but {'; '.join(broken)}"
    return Verdict(found.better and not broken, why, found)


def _against_popularity(mine: float, popularity: float) -> Verdict:
    better = mine > popularity
    word = "better" if better else "no better"
    why = (
        f"the champion was measured on other data; it is {word} than popularity ({TARGET} {mine:.4f}, {popularity:.4f})"
    )
    return Verdict(better, why)
