"""What a model sees: histories, side information and, for early stopping, held-out items. Never the test part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.schema import KINDS
from graph.snapshot import EmbeddingTable, Triples
from training.links import Links

IMPRESSED = KINDS.index("impressed")
UNKNOWN = -1
"""User position of somebody the model was not fitted on."""


@dataclass(frozen=True)
class Feedback:
    """Everything that users are known to have done, likings or not: row u is `indptr[u]:indptr[u + 1]` of the columns.

    `kind` indexes `graph.schema.KINDS`; `value` NaN where there is none.
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    kind: NDArray[np.int8]
    value: NDArray[np.float32]

    def take(self, rows: NDArray[np.integer]) -> Feedback:
        """The given rows, in the given order."""
        indptr, source = _taken(self.indptr, rows)
        return Feedback(indptr, self.items[source], self.kind[source], self.value[source])

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row of each entry."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))


def _taken(indptr: NDArray[np.int64], rows: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`indptr` of these rows alone, and where their entries are."""
    lengths = np.diff(indptr)[rows]
    taken = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return taken, np.repeat(indptr[:-1][rows] - taken[:-1], lengths) + np.arange(taken[-1])


@dataclass(frozen=True)
class Histories:
    """Each user's items, oldest first, repeats kept: row u is `items[indptr[u]:indptr[u + 1]]`.

    `sure`, beside `items`: how likely it was this user and this item (`training.links`); None: certain. `said`: all
    that these users did, what is no liking too; None where only likings are known.
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    times: NDArray[np.int64]
    num_items: int
    sure: NDArray[np.float32] | None = None
    said: Feedback | None = None

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @cached_property
    def matrix(self) -> csr_matrix:
        """Binary float32 (rows x num_items), repeats once, indices sorted."""
        ones = np.ones(len(self.items), dtype=np.float32)
        matrix = csr_matrix((ones, self.items, self.indptr), shape=(len(self), self.num_items))
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.data[:] = 1.0
        return matrix

    @property
    def seen(self) -> csr_matrix:
        """As `matrix`, with all that was done with an item but to be shown it."""
        if self.said is None:
            return self.matrix
        met = self.said.kind != IMPRESSED
        rows = self.said.rows[met], self.said.items[met]
        more = csr_matrix((np.ones(len(rows[0]), np.float32), rows), shape=self.matrix.shape)
        found = csr_matrix(self.matrix + more)
        found.data[:] = 1.0
        return found

    @cached_property
    def expected(self) -> csr_matrix:
        """As `matrix`, each entry as likely as its likeliest repeat."""
        if self.sure is None:
            return self.matrix
        order = np.lexsort((self.sure, self.items, np.repeat(np.arange(len(self)), np.diff(self.indptr))))
        rows, items = np.repeat(np.arange(len(self)), np.diff(self.indptr))[order], self.items[order]
        last = np.ones(len(order), np.bool_)
        last[:-1] = (np.diff(rows) != 0) | (np.diff(items) != 0)
        kept = (self.sure[order][last], (rows[last], items[last]))
        return csr_matrix(kept, shape=(len(self), self.num_items), dtype=np.float32)

    def take(self, rows: NDArray[np.integer]) -> Histories:
        """The given rows, in the given order."""
        indptr, source = _taken(self.indptr, rows)
        sure = None if self.sure is None else self.sure[source]
        said = None if self.said is None else self.said.take(rows)
        return Histories(indptr, self.items[source], self.times[source], self.num_items, sure, said)

    def keep(self, mask: NDArray[np.bool_]) -> Histories:
        """The interactions of the mask (one for each of `items`), in their rows; rows may become empty."""
        ends = np.concatenate([[0], np.cumsum(mask)])[self.indptr].astype(np.int64)
        return Histories(ends, self.items[mask], self.times[mask], self.num_items)

    def newest(self, last: int) -> Histories:
        """The `last` newest interactions of each row."""
        left = np.repeat(self.indptr[1:], np.diff(self.indptr)) - np.arange(len(self.items))
        return self.keep(left <= last)


@dataclass(frozen=True)
class UserBatch:
    """Users to score: `index` is their position at fit time (`UNKNOWN` for newcomers), `histories` what they did.

    `persons`: the position of somebody who was not fitted on, but has a profile; None: as `index`.
    """

    index: NDArray[np.int64]
    histories: Histories
    persons: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def people(self) -> NDArray[np.int64]:
        """Whose profile each has: positions in `SideInformation.profiles`, `UNKNOWN` for nobody's."""
        return self.index if self.persons is None else self.persons

    @property
    def matrix(self) -> csr_matrix:
        """Binary history (len, num_items)."""
        return self.histories.matrix

    @property
    def expected(self) -> csr_matrix:
        """The same, each entry as likely as it is: what models read that weigh what is not certain."""
        return self.histories.expected


@dataclass(frozen=True)
class HeldOut:
    """Relevant items of some users that were kept from the fit: `relevant` is (len(users), num_items), binary.

    `excluded` (same shape) may not be ranked: what the user has seen already. `histories`: what a model may read
    about each of these users when it scores them. `candidates` (same shape; None: the whole catalogue): only these are
    ranked, as where a protocol gives each relevant item a list of irrelevant ones. `only` (num_items,): the items that
    may be ranked for anybody, as where only new ones are. `newcomers`: nothing was fitted on these users; `histories`
    and profiles are all that is known of them.
    """

    users: NDArray[np.int64]
    relevant: csr_matrix
    excluded: csr_matrix
    histories: Histories
    candidates: csr_matrix | None = None
    only: NDArray[np.bool_] | None = None
    newcomers: bool = False

    def __len__(self) -> int:
        return len(self.users)

    @property
    def limited(self) -> bool:
        """Is less than the whole catalogue ranked."""
        return self.candidates is not None or self.only is not None

    def batch(self, rows: slice) -> UserBatch:
        """The users of these rows as a scoring batch."""
        positions = np.arange(len(self))[rows]
        histories, users = self.histories.take(positions), self.users[rows]
        if self.newcomers:
            return UserBatch(np.full(len(users), UNKNOWN), histories, users)
        return UserBatch(users, histories)

    def take(self, rows: NDArray[np.integer]) -> HeldOut:
        """The given rows, in the given order."""
        candidates = None if self.candidates is None else self.candidates[rows]
        return replace(
            self,
            users=self.users[rows],
            relevant=self.relevant[rows],
            excluded=self.excluded[rows],
            histories=self.histories.take(rows),
            candidates=candidates,
        )

    def mask(self, scores: NDArray[np.float32], rows: slice = slice(None)) -> None:
        """Sets the scores of what may not be ranked to -inf, in place; `scores` (len(rows), num_items)."""
        if self.candidates is not None:
            allowed = self.candidates[rows].tocoo()
            kept = scores[allowed.row, allowed.col]
            scores[:] = -np.inf
            scores[allowed.row, allowed.col] = kept
        if self.only is not None:
            scores[:, ~self.only] = -np.inf
        excluded = self.excluded[rows].tocoo()
        scores[excluded.row, excluded.col] = -np.inf


@dataclass(frozen=True)
class SideInformation:
    """Everything about items and users that is not an interaction; empty parts are absent parts.

    `profiles` (num_users, features): see `training.profiles`. `links`: accounts of one person and items that are
    the same across platforms, None where there are none.
    """

    num_nodes: int
    relations: tuple[str, ...]
    triples: Triples
    friendships: NDArray[np.int32]
    embeddings: Mapping[str, EmbeddingTable] = field(default_factory=dict)
    profiles: csr_matrix | None = None
    links: Links | None = None

    def without(self, part: str) -> SideInformation:
        """The same without `triples`, `friendships`, `profiles`, `links` or one modality: for leave-one-out tables."""
        if part == "triples":
            empty = Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32))
            return replace(self, triples=empty)
        if part == "profiles":
            return replace(self, profiles=None)
        if part == "links":
            return replace(self, links=None)
        if part == "friendships":
            return replace(self, friendships=np.empty((0, 2), np.int32))
        return replace(self, embeddings={name: table for name, table in self.embeddings.items() if name != part})


@dataclass(frozen=True)
class TrainingData:
    """Input of `Recommender.fit`. Users 0..num_users-1 are the rows of `histories` (train part, positives only)."""

    histories: Histories
    side: SideInformation
    validation: HeldOut | None = None
    seed: int = 42

    @property
    def num_users(self) -> int:
        return len(self.histories)

    @property
    def num_items(self) -> int:
        return self.histories.num_items

    @property
    def matrix(self) -> csr_matrix:
        """Binary float32 (num_users, num_items)."""
        return self.histories.matrix

    @property
    def edges(self) -> csr_matrix:
        """(num_users, num_items): the graph of users and items, what links say in it by its probability."""
        links = self.side.links
        return self.histories.expected if links is None else links.edges(self.histories.expected)

    @property
    def rows(self) -> csr_matrix:
        """(rows, num_items): of what co-occurrences are counted; users, or with links people (`training.links`)."""
        links = self.side.links
        return self.histories.expected if links is None else links.rows(self.histories.expected)
