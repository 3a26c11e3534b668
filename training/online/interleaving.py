"""Which of two rankers people prefer, from lists that hold both: credit for clicks, and the test.

An answer's items come from two teams (`serving.interleave` drafts them). A click is credited to the team that gave the
item; items that both rankers had at the same places from the top on belong to neither (Chapelle, Joachims, Radlinski &
Yue 2012, «Large-scale validation and analysis of interleaved search evaluation»: they only add noise). An answer is won
by the team with more credit; equal credit is half a win each. The preference is (wins of the second - wins of the
first) / answers with credit, from -1 to 1; users, not answers, are the independent units.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from training.online.assess import LOOKS, Look, Split, split_of
from training.online.attribution import latest
from training.online.log import Ints, Log, take_acts
from training.online.plan import Plan
from training.online.ratios import Floats, influence, variance
from training.online.sequential import LEAST, half_width, p_value, rho_for
from training.online.users import entrants

CREDITED = ("clicked", "purchased")


@dataclass(frozen=True)
class Preference:
    """`value` > 0: people prefer the second ranker. The interval and p-value hold at any look."""

    first: str
    second: str
    value: float
    low: float
    high: float
    p_value: float
    wins: tuple[int, int]
    ties: int
    users: int
    split: Split
    path: tuple[Look, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"split": asdict(self.split) | {"good": self.split.good}, "verdict": self.verdict}

    @property
    def verdict(self) -> str:
        """What to do."""
        if self.low > 0 or self.high < 0:
            return f"people prefer {self.second if self.low > 0 else self.first}: it may be ended"
        return "undecided: go on"


def credit(log: Log, window: int) -> tuple[Ints, Floats, Floats]:
    """Answers with credit, and by answer the credit of either team: items clicked or bought, each once."""
    shown = log.shown
    found = latest(take_acts(log.acts, log.acts.of(*CREDITED)), shown, window)
    rows = np.unique(found[found >= 0])
    rows = rows[shown.team[rows] >= 0]
    answers, place = np.unique(shown.answer[rows], return_inverse=True)
    teams = [np.bincount(place, shown.team[rows] == team, len(answers)).astype(np.float64) for team in (0, 1)]
    return answers, teams[0], teams[1]


def prefer(log: Log, plan: Plan) -> Preference:
    """Of the two arms of an interleaving."""
    # One pseudo-arm: everybody sees both, so entry alone is read from the exposures.
    people = entrants(log, replace(plan, arms={"both": 1.0}))
    answers, one, two = credit(log, plan.window)
    rows = np.unique(log.shown.answer, return_index=True)
    first = rows[1][np.searchsorted(rows[0], answers)]
    user = log.shown.user[first]
    inside = (people.arm[user] >= 0) & (log.shown.at[first] < people.entry[user] + plan.horizon)
    won = np.sign(two - one)[inside]
    user = user[inside]
    mine = np.flatnonzero((people.arm >= 0) & (people.entry + plan.horizon <= log.end))
    ready = people.entry[mine] + plan.horizon
    mine, ready = mine[np.argsort(ready, kind="stable")], np.sort(ready)
    above = np.bincount(user, won, len(log.users)).astype(np.float64)[mine]
    below = np.bincount(user, minlength=len(log.users))[mine].astype(np.float64)
    return _tested(plan, above, below, ready, won, _teams(log, plan))


def _teams(log: Log, plan: Plan) -> Split:
    """A fair coin gives both teams as many items: counted over items with a team."""
    counts = np.bincount(log.shown.team[log.shown.team >= 0], minlength=2).astype(np.float64)
    return split_of(counts, 0, replace(plan, arms=dict.fromkeys(plan.arms, 1.0)))


def _tested(plan: Plan, above: Floats, below: Floats, ready: Ints, won: Floats, split: Split) -> Preference:
    rho = rho_for(plan.expected, plan.alpha)
    with_credit = np.cumsum(below > 0)
    enough = np.flatnonzero(with_credit >= LEAST)
    counts = np.unique(np.geomspace(enough[0] + 1, len(above), LOOKS).astype(int)) if len(enough) else np.empty(0, int)
    values = np.array([above[:count].sum() / below[:count].sum() for count in counts])
    # 1 / n: while all wins agree, their variance is 0, and that is no certainty.
    spread = np.array([np.sqrt(variance(influence(above[:n], below[:n])) + 1 / n**2) for n in counts.tolist()])
    t = counts.astype(np.float64)
    wide = half_width(t, spread, plan.alpha, rho)
    path = tuple(
        Look(int(count), int(ready[count - 1]), float(value), float(value - half), float(value + half))
        for count, value, half in zip(counts, values, wide, strict=True)
    )
    last = path[-1] if path else Look(len(above), 0, float("nan"), -1.0, 1.0)
    names = list(plan.arms)
    p = float(p_value(t, values / spread, rho)[-1]) if len(counts) else 1.0
    wins = (int((won < 0).sum()), int((won > 0).sum()))
    return Preference(names[0], names[1], last.value, last.low, last.high, p, wins, int((won == 0).sum()), len(above),
                      split, path)  # fmt: skip
