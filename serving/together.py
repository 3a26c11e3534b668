"""What people take together, more often than chance would have it. Publish alone: not part of the request path.

Two items are near when one history has them at most `REACH` places and `WITHIN` seconds apart (`training.near`). With
c_ij the people whose history has i and j near, r_i the sum of row i and N the sum of all,

    chance_ij = r_i r_j / N,    worth_ij = G^2 of the 2 x 2 table (c_ij, r_i - c_ij, r_j - c_ij, the rest of N),

G^2 being Dunning's log-likelihood ratio (1993, «Accurate Methods for the Statistics of Surprise and Coincidence»). It
is about chi-squared with one degree of freedom, so that two items that are merely popular come to little: both are in
r. c is in steps of `fewest` people, downwards, as in `serving.neighbours.crowd`; r in steps of as many people's pairs,
upwards, and N to two digits, downwards: one person changes nothing, unless a count passes a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data import Histories
from training.near import near

Floats = NDArray[np.float64]

REACH = 10
WITHIN = 30 * 24 * 3600
SIGNIFICANT = 10.83
"""Chi-squared of one degree of freedom passes it once in a thousand."""


@dataclass(frozen=True)
class Pairs:
    """Pairs that at least `fewest` people have near each other, more than by chance; both (i, j) and (j, i), by row.

    `people` and `chance`: how many have both near, in steps, and how many would by chance; `worth`: G^2.
    """

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    people: Floats
    chance: Floats
    worth: Floats

    def take(self, kept: NDArray[np.bool_] | NDArray[np.integer]) -> Pairs:
        """Those of a mask, or at these places in this order."""
        return Pairs(self.row[kept], self.column[kept], self.people[kept], self.chance[kept], self.worth[kept])

    def best(self, k: int) -> Pairs:
        """The k of each row that are worth most, best first; among equals the smaller column."""
        found = self.take(np.lexsort((self.column, -self.worth, self.row)))
        first = np.searchsorted(found.row, found.row)
        return found.take(np.arange(len(found.row)) - first < k)

    @property
    def significant(self) -> Pairs:
        return self.take(self.worth >= SIGNIFICANT)


def taken_together(known: Histories, fewest: int, *, reach: int = REACH, within: int = WITHIN) -> Pairs:
    """All such pairs in these histories."""
    found = near(known, np.ones(reach), both=True, people=True, fewest=fewest, within=within)
    column = found.counts.indices
    row = np.repeat(np.arange(known.num_items, dtype=np.int32), np.diff(found.counts.indptr))
    people = found.counts.data.astype(np.float64) // fewest * fewest
    totals, everything = _told(found.totals, fewest, reach)
    rows, columns = totals[row], totals[column]
    chance = rows * columns / everything
    pairs = Pairs(row, column, people, chance, log_likelihood_ratio(people, rows, columns, everything))
    return pairs.take(people > chance)


def _told(totals: Floats, fewest: int, reach: int) -> tuple[Floats, float]:
    """The sums of rows and of all, in steps wider than what one person adds to them; both towards more by chance."""
    everything = max(1.0, float(totals.sum()))
    if fewest <= 1:
        return totals, everything
    step = fewest * 2 * reach
    digits = 10.0 ** (np.floor(np.log10(everything)) - 1)
    return np.ceil(totals / step) * step, float(everything // digits * digits)


def log_likelihood_ratio(both: Floats, rows: Floats, columns: Floats, everything: float) -> Floats:
    """G^2 of 2 x 2 tables by their first cell, the sums of its row and its column, and the sum of all cells."""
    rest = np.maximum(0.0, everything - rows - columns + both)
    cells = (both, rows - both, columns - both, rest)
    margins = (rows, np.maximum(0.0, everything - rows), columns, np.maximum(0.0, everything - columns))
    inside = np.sum([_entropy(one) for one in cells], axis=0)
    total = inside - np.sum([_entropy(one) for one in margins], axis=0) + everything * np.log(everything)
    return np.asarray(np.maximum(0.0, 2 * total))


def _entropy(counts: Floats) -> Floats:
    """x log x, 0 at 0."""
    return np.asarray(counts * np.log(np.maximum(counts, 1e-300)))
