"""What is taken together, instead, and beside: does it say what comes next, and are the relations told apart?

    python -m benchmarks.related beauty|sports DATA [--fewest 5]

DATA holds the published files. Three parts, one JSON object a line:

- *next*: leave-one-out. From a user's last item alone, the held-out next one among all they have not had: hit rate and
  ndcg at 10 of *together* beside raw counts, cosine and popularity. Reach and, for raw counts, the fewest people are
  chosen on validation (the last but one), all is counted again with it, and the test is read once.
- *apart*: users are parted 80/10/10. From the first part the relations are made; on the others it is counted how many
  people take both of a pair one right after the other, over how many would by chance. What counts as the same category
  (`SAME`) is chosen on the second part, and the third is read once.
- *shuffled*: pairs that pass the test in the data, and in a copy whose items are shuffled among the places.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from benchmarks.convert import SEQUENCES
from benchmarks.sessions import read_sequences
from serving.categories import alike, alternatives, vectors_of
from serving.together import SIGNIFICANT, Pairs, taken_together
from training.data import Histories
from training.near import near
from training.prepare import histories
from training.significance import compare_all
from training.split import make_split

REACHES = (1, 3, 5, 10, 20)
SAMES = (0.3, 0.5, 0.7)
DEEP, LENGTH = 300, 10
"""Of an item's list how much is kept, so that ten are left when what a user had is out; and how much is measured."""

Found = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Next:
    """Of each user what they had (`known`), and what came next."""

    known: Histories
    target: NDArray[np.int32]

    def measure(self, pairs: Pairs) -> Found:
        """(users,) hit, gain and whether there was anything to show, of lists from the last item."""
        best = pairs.best(DEEP)
        starts = np.searchsorted(best.row, np.arange(self.known.num_items + 1))
        found = {name: np.zeros(len(self.known)) for name in ("hr@10", "ndcg@10", "covered")}
        for user, (low, high) in enumerate(zip(self.known.indptr, self.known.indptr[1:], strict=False)):
            had = self.known.items[low:high]
            shown = best.column[starts[had[-1]] : starts[had[-1] + 1]]
            shown = shown[~np.isin(shown, had)][:LENGTH]
            place = np.flatnonzero(shown == self.target[user])
            found["covered"][user] = len(shown) > 0
            found["hr@10"][user] = len(place) > 0
            found["ndcg@10"][user] = 1 / np.log2(place[0] + 2) if len(place) else 0
        return found


def counted(known: Histories, reach: int, fewest: int) -> Pairs:
    """Raw counts: people who have both near, as they are."""
    counts = near(known, np.ones(reach), both=True, people=True, fewest=fewest).counts
    return _pairs(counts)


def cosine(known: Histories) -> Pairs:
    """Item-kNN from one item: people who have both, over the root of those who have either."""
    matrix = known.matrix
    scale = diags(1 / np.sqrt(np.maximum(1, np.asarray(matrix.sum(axis=0)).ravel())))
    found = csr_matrix(scale @ (matrix.T @ matrix) @ scale)
    found.setdiag(0)
    found.eliminate_zeros()
    return _pairs(found)


def popular(known: Histories) -> Pairs:
    """The same for every item."""
    counts = np.bincount(known.items, minlength=known.num_items)
    best = np.argsort(-counts, kind="stable")[:DEEP].astype(np.int32)
    row = np.repeat(np.arange(known.num_items, dtype=np.int32), DEEP)
    column = np.tile(best, known.num_items)
    worth = counts[column].astype(np.float64)
    return Pairs(row, column, worth, worth, worth)


def _pairs(matrix: csr_matrix) -> Pairs:
    row = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
    worth = matrix.data.astype(np.float64)
    return Pairs(row, matrix.indices, worth, worth, worth)


def what_comes_next(train: Next, test: Next, fewest: int) -> None:
    """Part *next*."""
    grids = {
        "together": lambda known, reach: taken_together(known, fewest, reach=reach).significant,
        "together, one person is enough": lambda known, reach: taken_together(known, 1, reach=reach).significant,
        f"raw counts, {fewest} people": lambda known, reach: counted(known, reach, fewest),
        "raw counts": lambda known, reach: counted(known, reach, 1),
    }
    found = {}
    for name, made in grids.items():
        scores = {reach: float(train.measure(made(train.known, reach))["ndcg@10"].mean()) for reach in REACHES}
        reach = max(REACHES, key=lambda one: scores[one])
        rounded = {str(one): round(score, 4) for one, score in scores.items()}
        print(json.dumps({"part": "next", "who": name, "validation ndcg@10 by reach": rounded}), flush=True)
        found[f"{name} (reach {reach})"] = test.measure(made(test.known, reach))
    for name, simple in (("cosine", cosine), ("popularity", popular)):
        found[name] = test.measure(simple(test.known))
    for name, one in found.items():
        print(json.dumps({"part": "next", "who": name, **{key: round(float(values.mean()), 4)
                          for key, values in one.items()}}), flush=True)  # fmt: skip
    first = next(iter(found))
    tests = compare_all(found[first]["ndcg@10"], {name: one["ndcg@10"] for name, one in found.items() if name != first})
    for name, difference in tests.items():
        rounded = {key: round(value, 4) for key, value in asdict(difference).items()}
        print(json.dumps({"part": "next", f"{first} over": name, **rounded}), flush=True)


def told_apart(known: Histories, vectors: csr_matrix, fewest: int) -> None:
    """Part *apart*."""
    users = np.random.default_rng(42).permutation(len(known))
    first, second = int(0.8 * len(users)), int(0.9 * len(users))
    fitted, validation, test = (known.take(np.sort(users[part])) for part in
                                (slice(0, first), slice(first, second), slice(second, None)))  # fmt: skip
    ratios = {}
    for same in SAMES:
        measured = _measured(relations(fitted, vectors, fewest, same), validation, vectors, same)
        ratios[same] = measured["complements"]["next to each other"] / measured["alternatives"]["next to each other"]
        print(json.dumps({"part": "apart", "on": "validation", "same": same, **measured}), flush=True)
    same = max(SAMES, key=lambda one: ratios[one])
    for name, one in _measured(relations(fitted, vectors, fewest, same), test, vectors, same).items():
        print(json.dumps({"part": "apart", "on": "test", "same": same, "who": name, **one}), flush=True)


def relations(known: Histories, vectors: csr_matrix, fewest: int, same: float) -> Mapping[str, Pairs]:
    """Lists of ten: the relations, and beside them the nearest by category and by who had both, whatever is taken."""
    taken = taken_together(known, fewest)
    popularity = np.bincount(known.items, minlength=known.num_items)
    both = csr_matrix((np.ones(len(taken.row)), (taken.row, taken.column)), shape=(known.num_items,) * 2)
    nothing = csr_matrix(both.shape)
    lists = {name: alternatives(vectors, {}, popularity, out, LENGTH, same=same)
             for name, out in (("alternatives", both), ("nearest by category", nothing))}  # fmt: skip
    found = {name: _pairs(csr_matrix((one.likeness, one.columns, one.indptr), shape=both.shape))
             for name, one in lists.items()}  # fmt: skip
    likeness = alike(vectors, taken.row, taken.column)
    passing = taken.worth >= SIGNIFICANT
    found["complements"] = taken.take(passing & (likeness < same)).best(LENGTH)
    found["together"] = taken.significant.best(LENGTH)
    found["nearest by who had both"] = cosine(known).best(LENGTH)
    return found


def _measured(
    lists: Mapping[str, Pairs], held: Histories, vectors: csr_matrix, same: float
) -> dict[str, dict[str, Any]]:
    """Of each list: pairs, their likeness, and on other people how often both are taken over how often by chance."""
    ways = {"next to each other": near(held, np.ones(1), both=True, people=True),
            "at most ten apart": near(held, np.ones(10), both=True, people=True)}  # fmt: skip
    found = {}
    for name, pairs in lists.items():
        likeness = alike(vectors, pairs.row, pairs.column)
        one: dict[str, Any] = {"pairs": len(pairs.row), "category cosine": round(float(np.nanmean(likeness)), 3)}
        one["same category"] = round(float(np.nanmean(likeness >= same)), 3)
        for way, counts in ways.items():
            chance = counts.totals[pairs.row] * counts.totals[pairs.column] / counts.totals.sum()
            people = np.asarray(counts.counts[pairs.row, pairs.column]).ravel()
            one[way] = round(float(people.sum() / max(chance.sum(), 1e-12)), 2)
            one[f"people {way}"] = int(people.sum())
        found[name] = one
    return found


def chance_alone(known: Histories, fewest: int) -> None:
    """Part *shuffled*."""
    shuffled = replace(known, items=np.random.default_rng(42).permutation(known.items))
    for name, one in (("as it is", known), ("shuffled", shuffled)):
        pairs = taken_together(one, fewest)
        print(json.dumps({"part": "shuffled", "who": name, "pairs": len(pairs.row) // 2,
                          "significant": len(pairs.significant.row) // 2}), flush=True)  # fmt: skip


def attributes(path: Path, items: Mapping[str, int]) -> csr_matrix:
    """(items, attributes) vectors of the categories that the file tells."""
    listed = json.loads(path.read_text())
    rows = [(place, one) for name, place in items.items() for one in listed.get(name, ())]
    row, column = np.array(rows).T
    return vectors_of(csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(len(items), column.max() + 1)))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("beauty", "sports"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fewest", type=int, default=5)
    options = parser.parse_args()
    stem = options.folder / SEQUENCES[options.name]
    rows, users, items = read_sequences(stem.with_suffix(".txt"))
    split, shape = make_split(rows, how="last-out"), (len(users), len(items))
    train = histories(split.train, shape, None)
    later = histories(rows.take(np.isin(np.arange(len(rows)), _but_last(rows.user))), shape, None)
    what_comes_next(Next(train, split.validation.item), Next(later, split.test.item), options.fewest)
    told_apart(histories(rows, shape, None), attributes(Path(f"{stem}_item2attributes.json"), items), options.fewest)
    chance_alone(train, options.fewest)


def _but_last(user: NDArray[np.int32]) -> NDArray[np.int64]:
    """Places of all interactions but each user's last one; sorted by user and time."""
    return np.flatnonzero(np.append(user[1:] == user[:-1], False))


if __name__ == "__main__":
    main()
