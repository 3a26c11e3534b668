"""A target platform, and what its people did elsewhere: from a data set of several platforms to `Pair`.

Users with one identity are one row. The target's items keep their places in `Pair.alone`; the others' items follow
them in joint rows (`Pair.lift`). What somebody did elsewhere is as likely as it is that it was they (`training.links`),
and an item elsewhere that is one of the target's counts as that one too, by the probability of both. Nothing of another
platform's test part is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.errors import InvalidData, NotFound
from graph.snapshot import EmbeddingTable, Interactions, SameItems, Snapshot, Triples
from graph.snapshot_read import FolderData
from training.data import HeldOut, Histories, SideInformation, TrainingData
from training.links import surest
from training.prepare import Prepared, histories, prepare_parts
from training.split import TEST, How, first_of_each_pair, make_split, ordered_positives
from training.tasks import with_negatives


@dataclass(frozen=True)
class Pair:
    """`alone`: the target as if there were no other platform. `source` (people, other items): what people did there.

    `twins` (people, the target's items): what of it is an item of the target too, by its probability; None: nothing.
    `side`: side information of the joint items, the target's first. `linked`: people with something on both.
    """

    target: str
    sources: tuple[str, ...]
    alone: Prepared
    source: Histories
    side: SideInformation
    split: str
    linked: int
    twins: Histories | None = None

    @property
    def num_items(self) -> int:
        """Of the target."""
        return self.alone.data.num_items

    def lift(self, data: TrainingData) -> TrainingData:
        """The target's data with what its people did elsewhere."""
        everyone = np.arange(data.num_users)
        validation = None if data.validation is None else self._lift_held_out(data.validation)
        return TrainingData(self.joined(data.histories, everyone), self.side, validation, data.seed)

    def joined(self, known: Histories, people: NDArray[np.int64]) -> Histories:
        """Rows of joint items: what `people` did elsewhere, then what is `known` of them here."""
        rows = np.maximum(people, 0)
        twins = () if self.twins is None else (self.twins.take(rows),)
        total = self.num_items + self.source.num_items
        return join_rows((*twins, _moved(self.source.take(rows), self.num_items), known), total)

    def _lift_held_out(self, held_out: HeldOut) -> HeldOut:
        total = self.num_items + self.source.num_items
        only = np.zeros(total, bool)
        only[: self.num_items] = True
        candidates = None if held_out.candidates is None else _widen(held_out.candidates, total)
        return replace(
            held_out,
            relevant=_widen(held_out.relevant, total),
            excluded=_widen(held_out.excluded, total),
            histories=self.joined(held_out.histories, held_out.users),
            candidates=candidates,
            only=None if candidates is not None else only,
        )


def join_rows(parts: Sequence[Histories], num_items: int) -> Histories:
    """Each row's items of all parts, one part after the other."""
    lengths = [np.diff(one.indptr) for one in parts]
    indptr = np.concatenate([[0], np.cumsum(np.sum(lengths, axis=0))]).astype(np.int64)
    items, times = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.int64)
    sure = None if all(one.sure is None for one in parts) else np.ones(indptr[-1], np.float32)
    starts = indptr[:-1].copy()
    for part, size in zip(parts, lengths, strict=True):
        places = np.repeat(starts - part.indptr[:-1], size) + np.arange(len(part.items))
        items[places], times[places] = part.items, part.times
        if sure is not None and part.sure is not None:
            sure[places] = part.sure
        starts += size
    return Histories(indptr, items, times, num_items, sure)


def _moved(known: Histories, offset: int) -> Histories:
    return replace(known, items=(known.items + offset).astype(np.int32))


def _widen(matrix: csr_matrix, columns: int) -> csr_matrix:
    return csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], columns))


def pair_of(folder: FolderData, target: str, *, min_value: float | None = None, seed: int = 42) -> Pair:
    """The data set as seen from the platform `target`.

    Errors: `NotFound` for a platform that is not there, `InvalidData` where nobody is on two platforms.
    """
    snapshot = folder.snapshot
    platform = np.array([name.partition(":")[0] for name in snapshot.items.ids])
    names = platforms(folder)
    if target not in names:
        raise NotFound(f"no platform {target!r} in this data", valid=", ".join(names), remedy="choose one of these")
    people, number = people_of(snapshot)
    mine = np.flatnonzero(platform == target)
    others = np.flatnonzero(platform != target)
    rows = replace(snapshot.interactions, user=people[snapshot.interactions.user])
    here = np.flatnonzero(platform[rows.item] == target)
    split = make_split(
        _numbered(rows.take(here), mine, len(platform)),
        how=_how(folder, rows.take(here)),
        min_value=min_value,
        seed=seed,
        part=None if folder.part is None else folder.part[here],
        order=folder.order[here],
    )
    alone = prepare_parts(split, (number, len(mine)), _side(snapshot, mine, people), seed)
    how = split.how
    if folder.negatives:
        alone = with_negatives(alone, _negatives(folder, people, mine, target), seed)
        how += "; given negatives"
    sure = _sure(snapshot, people, target)[snapshot.interactions.user]
    source, twins = _elsewhere(folder, rows, (mine, others), number, sure, min_value)
    linked = int(((np.diff(source.indptr) > 0) & (np.diff(alone.data.histories.indptr) > 0)).sum())
    if not linked:
        raise InvalidData(
            "nobody is on two of these platforms",
            valid="`identities` of each platform that name the same people",
            remedy="give --same-users if equal user ids are the same people, or run `interlace link`",
        )
    side = _side(snapshot, np.concatenate([mine, others]), people)
    return Pair(target, tuple(name for name in names if name != target), alone, source, side, how, linked, twins)


def platforms(folder: FolderData) -> tuple[str, ...]:
    """Names of the platforms whose items the data holds."""
    return tuple(sorted({name.partition(":")[0] for name in folder.snapshot.items.ids}))


def people_of(snapshot: Snapshot) -> tuple[NDArray[np.int32], int]:
    """(num_users,) each user's person, and how many people there are; without an identity a user is one alone."""
    known = snapshot.identities
    names = [f"person {known[place]}" if place in known else f"user {name}"
             for place, name in enumerate(snapshot.users.ids)]  # fmt: skip
    unique, places = np.unique(np.array(names), return_inverse=True)
    return places.astype(np.int32), len(unique)


def _how(folder: FolderData, rows: Interactions) -> How:
    if folder.part is not None:
        return "fixed"
    timed = len(rows) and bool((rows.time > np.iinfo(np.int64).min).all())
    return "last-out" if timed else "random"


def _numbered(rows: Interactions, items: NDArray[np.int64], number: int) -> Interactions:
    places = np.full(number, -1, np.int32)
    places[items] = np.arange(len(items), dtype=np.int32)
    return replace(rows, item=places[rows.item])


def _elsewhere(
    folder: FolderData,
    rows: Interactions,
    items: tuple[NDArray[np.int64], NDArray[np.int64]],
    number: int,
    sure: NDArray[np.float32],
    min_value: float | None,
) -> tuple[Histories, Histories | None]:
    """What `number` people did on the other platforms. Of `items` (the target's, the others') the latter, and those of
    the target that are the same as one of them; None where there are none.
    """
    mine, others = items
    here = np.zeros(mine.size + others.size, np.bool_)
    here[mine] = True
    there = ~here[rows.item]
    if folder.part is not None:
        there &= folder.part != TEST
    kept = ordered_positives(rows, min_value, folder.order)
    kept = kept[there[kept]]
    kept = kept[first_of_each_pair(rows, kept)]
    found, sure = rows.take(kept), sure[kept]
    source = _likely(_numbered(found, others, len(here)), (number, len(others)), sure)
    same = _same_here(folder.snapshot.same_items, here)[found.item]
    if not same.nnz:
        return source, None
    act = np.repeat(np.arange(len(found)), np.diff(same.indptr))
    twins = replace(found.take(act), item=same.indices.astype(np.int32))
    return source, _likely(_numbered(twins, mine, len(here)), (number, len(mine)), sure[act] * same.data)


def _same_here(links: SameItems, here: NDArray[np.bool_]) -> csr_matrix:
    """(items, items): rows are items elsewhere, columns those of the target that are the same, by probability."""
    one, two = links.pairs.T
    across = here[one] != here[two]
    ends = np.where(here[one], two, one)[across], np.where(here[one], one, two)[across]
    return csr_matrix((links.probability[across], ends), shape=(len(here), len(here)))


def _likely(rows: Interactions, shape: tuple[int, int], sure: NDArray[np.float32]) -> Histories:
    """Rows are in order of their users."""
    found = histories(rows, shape)
    return found if (sure == 1).all() else replace(found, sure=sure.astype(np.float32))


def _sure(snapshot: Snapshot, people: NDArray[np.int32], target: str) -> NDArray[np.float32]:
    """(users,) how likely each is the same person as the account on the target that is served."""
    sure = surest(snapshot)
    here = np.array([name.partition(":")[0] == target for name in snapshot.users.ids], np.bool_)
    served = np.zeros(int(people.max(initial=-1)) + 1, np.float32)
    np.maximum.at(served, people[here], sure[here])
    served[served == 0] = 1  # no account here: there is nobody else whom it could be
    return np.where(here, np.float32(1), sure * served[people])


def _negatives(
    folder: FolderData, people: NDArray[np.int32], mine: NDArray[np.int64], target: str
) -> dict[int, NDArray[np.int32]]:
    users = folder.snapshot.users.ids
    found = {}
    for user, items in folder.negatives.items():
        if users[user].partition(":")[0] == target:
            found[int(people[user])] = np.searchsorted(mine, items).astype(np.int32)
    return found


def _side(snapshot: Snapshot, items: NDArray[np.int64], people: NDArray[np.int32]) -> SideInformation:
    """Of these items, in this order; friendships of people."""
    nodes = np.full(snapshot.num_nodes, -1, np.int64)
    nodes[items] = np.arange(len(items))
    entities = snapshot.num_nodes - len(snapshot.items)
    nodes[len(snapshot.items) :] = len(items) + np.arange(entities)
    facts = snapshot.triples
    head, tail = nodes[facts.head], nodes[facts.tail]
    kept = (head >= 0) & (tail >= 0)
    triples = Triples(head[kept].astype(np.int32), facts.relation[kept], tail[kept].astype(np.int32))
    tables = {
        name: EmbeddingTable(table.vectors[items], table.present[items], table.encoder, table.version)
        for name, table in snapshot.embeddings.items()
    }
    friends = people[snapshot.friendships]
    return SideInformation(len(items) + entities, snapshot.relations, triples, friends, tables)
