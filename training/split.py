"""Which interactions a model may learn from, which choose it, and which measure it once.

After the snapshot, before `training.prepare`. Ways: `random` (80/10/10 of each user's items), `last-out` (last item is
the test, the one before validation), `global-time` (80/10/10 by time over everybody), or parts fixed by the data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from graph.schema import KINDS, NEGATIVE_KINDS
from graph.snapshot import NO_TIME, Interactions, Snapshot

How = Literal["random", "last-out", "global-time", "stable", "fixed"]
WAYS: tuple[How, ...] = ("random", "last-out", "global-time", "stable", "fixed")

TRAIN, VALIDATION, TEST = 0, 1, 2
MIN_ITEMS_RANDOM = 5
"""Users with fewer items stay wholly in train: a tenth of so few says nothing about a model."""
MIN_ITEMS_LAST_OUT = 3


@dataclass(frozen=True)
class Split:
    """Train, validation and test interactions, each sorted by user and time, and how they were made.

    `said`: all that is known of users when train is, what is no liking too; `said_later`: when validation is as well.
    """

    train: Interactions
    validation: Interactions
    test: Interactions
    how: str
    said: Interactions | None = None
    said_later: Interactions | None = None


def positives(interactions: Interactions, min_value: float | None) -> NDArray[np.bool_]:
    """Mask of the rows that say «likes»: not skipped, hidden or impressed, and a value of at least `min_value`.

    A row without a value counts by its kind; `min_value` None takes every value.
    """
    kinds = np.array([kind not in NEGATIVE_KINDS for kind in KINDS])
    mask: NDArray[np.bool_] = kinds[interactions.kind]
    if min_value is not None:
        mask &= ~(interactions.value < min_value)
    return mask


def make_split(
    interactions: Interactions,
    *,
    how: How = "random",
    min_value: float | None = None,
    seed: int = 42,
    part: NDArray[np.int8] | None = None,
    order: NDArray[np.int64] | None = None,
) -> Split:
    """Splits the positives of `interactions`.

    `part` (0 train, 1 validation, 2 test) is needed by, and only by, `fixed` and `stable`. `order` breaks ties of time
    (row number in the file). Raises `InvalidData` when a part comes out empty.
    """
    kept = ordered_positives(interactions, min_value, order)
    if how != "last-out":
        kept = kept[first_of_each_pair(interactions, kept, None if part is None else part[kept])]
    rows = interactions.take(kept)
    rng = np.random.default_rng(seed)
    labels, made = _labels(rows, how, rng, None if part is None else part[kept])
    train, validation, test = (rows.take(labels == name) for name in (TRAIN, VALIDATION, TEST))
    split = Split(train, validation, test, made)
    _refuse_empty(split, how, min_value)
    if not varied(interactions):
        return split
    said = said_before(interactions, split, (VALIDATION, TEST), part)
    return replace(split, said=said, said_later=said_before(interactions, split, (TEST,), part))


def varied(interactions: Interactions) -> bool:
    """Are there several kinds of interactions, or several values: else each says the same."""
    several = len(interactions) > 0 and bool(np.ptp(interactions.kind))
    return several or len(np.unique(interactions.value[~np.isnan(interactions.value)])) > 1


def said_before(
    interactions: Interactions, split: Split, hidden: tuple[int, ...], part: NDArray[np.int8] | None
) -> Interactions:
    """All rows but what tells of the `hidden` parts: their pairs, rows that the data puts there, and where the split
    goes by time, what is not older than the first that its user (or anybody) has in them.
    """
    known = np.ones(len(interactions), np.bool_) if part is None else ~np.isin(part, hidden)
    later = [one for name, one in ((VALIDATION, split.validation), (TEST, split.test)) if name in hidden]
    pair = _pairs(interactions)
    for one in later:
        known &= ~np.isin(pair, _pairs(one))
    if split.how.startswith(("last-out", "global-time")):
        first = np.full(int(interactions.user.max(initial=-1)) + 1, np.iinfo(np.int64).max)
        if split.how.startswith("global-time"):
            first[:] = min(int(one.time.min()) for one in later)
        for one in later:
            np.minimum.at(first, one.user, one.time)
        until = first[interactions.user]
        of_train = np.isin(pair, _pairs(split.train))  # may be of the same second as what is hidden
        known &= (interactions.time < until) | (of_train & (interactions.time == until))
    return interactions.take(known)


def _pairs(rows: Interactions) -> NDArray[np.int64]:
    return rows.user.astype(np.int64) << 32 | rows.item


def split_of(snapshot: Snapshot, *, how: How, min_value: float | None, seed: int) -> Split:
    """`make_split` of a snapshot; the one way to a `stable` split, which goes by ids."""
    part = stable_parts(snapshot, seed) if how == "stable" else None
    return make_split(snapshot.interactions, how=how, min_value=min_value, seed=seed, part=part)


def stable_parts(snapshot: Snapshot, seed: int) -> NDArray[np.int8]:
    """The part of each interaction by a hash of its user's id, its item's id and the seed: 80/10/10.

    A pair keeps its part whatever comes or goes beside it, so a model fitted on the train part of an older snapshot has
    never seen the test part of a newer one.
    """
    users, items = (_hashes(ids, seed) for ids in (snapshot.users.ids, snapshot.items.ids))
    mixed = users[snapshot.interactions.user] * np.uint64(0x9E3779B97F4A7C15) ^ items[snapshot.interactions.item]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ mixed >> np.uint64(shift)) * np.uint64(factor)
    tenth = (mixed ^ mixed >> np.uint64(31)) % np.uint64(10)
    return np.where(tenth == 0, TEST, np.where(tenth == 1, VALIDATION, TRAIN)).astype(np.int8)


def _hashes(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    digests = (blake2b(f"{seed} {name}".encode(), digest_size=8).digest() for name in ids)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def ordered_positives(
    interactions: Interactions, min_value: float | None, order: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Positions of the positives by user and time; `order` breaks ties."""
    rows = np.flatnonzero(positives(interactions, min_value))
    tie = rows if order is None else order[rows]
    return rows[np.lexsort((tie, interactions.time[rows], interactions.user[rows]))]


def first_of_each_pair(
    interactions: Interactions, rows: NDArray[np.int64], part: NDArray[np.int8] | None = None
) -> NDArray[np.int64]:
    """A user's second click on an item is no new relevant item, and must not sit in two parts at once."""
    pair = interactions.user[rows].astype(np.int64) << 32 | interactions.item[rows]
    if part is not None:
        pair = pair << 2 | part
    return np.sort(np.unique(pair, return_index=True)[1])


def _labels(
    rows: Interactions, how: How, rng: np.random.Generator, part: NDArray[np.int8] | None
) -> tuple[NDArray[np.int8], str]:
    if how == "stable" and part is not None:
        return part, "stable 80/10/10 by pair"
    if how in ("fixed", "stable"):
        if part is None:
            raise InvalidData("a fixed split was asked for, but the data has no train and test parts",
                              valid=f"one of {', '.join(WAYS[:-1])}", remedy="name another way to split")  # fmt: skip
        return _with_validation(rows, part.copy(), rng)
    ways = {"random": _random, "last-out": _last_out, "global-time": _global_time}
    if how not in ways:
        raise InvalidData(f"unknown split {how!r}", valid=", ".join(WAYS), remedy="name one of these")
    return ways[how](rows, rng), f"{how}, seed-free" if how != "random" else "random 80/10/10 per user"


def _random(rows: Interactions, rng: np.random.Generator) -> NDArray[np.int8]:
    """A tenth (at least one) of each user's items to validation and to test."""
    position, size = _shuffled_positions(rows.user, rng)
    held = np.maximum(1, np.rint(0.1 * size).astype(np.int64))
    labels = np.where(position < held, TEST, np.where(position < 2 * held, VALIDATION, TRAIN))
    labels[size < MIN_ITEMS_RANDOM] = TRAIN
    return labels.astype(np.int8)


def _shuffled_positions(
    user: NDArray[np.int32], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per row: its place in a random order of its user's rows, and how many rows that user has."""
    order = np.lexsort((rng.random(len(user)), user))
    counts = np.bincount(user, minlength=1)
    starts = np.cumsum(counts) - counts
    position = np.empty(len(user), np.int64)
    position[order] = np.arange(len(user)) - starts[user[order]]
    return position, counts[user]


def _last_out(rows: Interactions, rng: np.random.Generator) -> NDArray[np.int8]:  # noqa: ARG001 - one signature
    counts = np.bincount(rows.user, minlength=1)
    from_end = np.cumsum(counts)[rows.user] - 1 - np.arange(len(rows))
    labels = np.where(from_end == 0, TEST, np.where(from_end == 1, VALIDATION, TRAIN))
    labels[counts[rows.user] < MIN_ITEMS_LAST_OUT] = TRAIN
    return labels.astype(np.int8)


def _global_time(rows: Interactions, rng: np.random.Generator) -> NDArray[np.int8]:  # noqa: ARG001 - one signature
    if not len(rows) or (rows.time == NO_TIME).any():
        raise InvalidData("a split by global time needs a time on every interaction",
                          valid="a `time` column without gaps", remedy="choose --split random")  # fmt: skip
    late, later = np.quantile(rows.time, (0.8, 0.9))
    return np.where(rows.time > later, TEST, np.where(rows.time > late, VALIDATION, TRAIN)).astype(np.int8)


def _with_validation(
    rows: Interactions, part: NDArray[np.int8], rng: np.random.Generator
) -> tuple[NDArray[np.int8], str]:
    """The fixed parts; where validation is absent, the latest tenth of train by time, else a random tenth."""
    if (part == VALIDATION).any():
        return part, "fixed train/validation/test"
    train = np.flatnonzero(part == TRAIN)
    timed = len(train) > 0 and bool((rows.time[train] != NO_TIME).all()) and np.ptp(rows.time[train]) > 0
    rank = rows.time[train] if timed else rng.random(len(train))
    latest = train[np.argsort(rank, kind="stable")[len(train) - len(train) // 10 :]]
    part[latest] = VALIDATION
    return part, f"fixed train/test, validation is the {'latest' if timed else 'random'} tenth of train"


def _refuse_empty(split: Split, how: str, min_value: float | None) -> None:
    for name in ("train", "validation", "test"):
        if not len(getattr(split, name)):
            raise InvalidData(
                f"the {how} split left no {name} interaction"
                + (f" (only values of at least {min_value} count)" if min_value is not None else ""),
                valid="users with several positive interactions each",
                remedy="give more data, a lower --min-value, or a fixed split",
            )
