"""Who else a user is, and what else an item is: the one place from which anything that was done on one platform reaches
another, in models (`SideInformation.links`), across platforms (`training.cross`) and in an index's lists for people of
whom nothing else is known (`serving.publish_newcomers`).

A link holds with a probability. X the binary interactions, S the likeness of items and p_u how likely user u is the
person they are linked to, what models count is the expectation over links that hold or do not:

    edges   X S' with S' = I + S, at most 1, and p_u p_v times the rows of the other accounts v of u's person
    rows    for each person sum_u p_u (X S')_u, and for each account sqrt(1 - p_u^2) (X S')_u,

so that rows^T rows has every account's own pairs whole, and pairs across accounts by p_u p_v. A given identity (p = 1)
makes accounts one row; without links both are X.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, eye, vstack

from graph.snapshot import Snapshot


@dataclass(frozen=True)
class Links:
    """`member` (users, people): how likely each is the person; people of one account alone are left out. `same`
    (items, items), symmetric: how likely two items are the same; nothing on its diagonal.
    """

    member: csr_matrix
    same: csr_matrix

    @property
    def accounts(self) -> csr_matrix:
        """(users, users): how likely two accounts are of one person; nothing on the diagonal."""
        found = csr_matrix(self.member @ self.member.T)
        found.setdiag(0)
        found.eliminate_zeros()
        return found

    def widened(self, matrix: csr_matrix) -> csr_matrix:
        """(rows, items): each row's items, and those that are the same by their probability."""
        if not self.same.nnz:
            return matrix
        return _at_most_one(matrix @ (self.same + eye(matrix.shape[1], format="csr", dtype=np.float32)))

    def edges(self, matrix: csr_matrix) -> csr_matrix:
        """(users, items): what each did, and by probability what their other accounts did."""
        wide = self.widened(matrix)
        return _at_most_one(wide + self.accounts @ wide) if self.member.nnz else wide

    def rows(self, matrix: csr_matrix) -> csr_matrix:
        """(people and accounts, items), whose product with itself is the expected co-occurrence."""
        wide = self.widened(matrix)
        if not self.member.nnz:
            return wide
        sure = np.asarray(self.member.sum(axis=1)).ravel()
        left = np.sqrt(np.maximum(0, 1 - sure**2)).astype(np.float32)
        alone = np.flatnonzero(left > 0)
        return _at_most_one(vstack([self.member.T @ wide, diags(left[alone]) @ wide[alone]]))


def links_of(snapshot: Snapshot) -> Links | None:
    """None where nobody has two accounts and no item is another one too."""
    member = _members(snapshot)
    same = _same(snapshot)
    return Links(member, same) if member.nnz or same.nnz else None


def _members(snapshot: Snapshot) -> csr_matrix:
    users = np.array(sorted(snapshot.identities), np.int64)
    people, places, counts = np.unique(
        np.array([snapshot.identities[user] for user in users.tolist()], object).astype(str),
        return_inverse=True,
        return_counts=True,
    )
    several = counts[places] > 1 if len(users) else np.zeros(0, np.bool_)
    sure = np.array([snapshot.doubts.get(user, 1.0) for user in users.tolist()], np.float32)
    kept = (sure[several], (users[several], places[several]))
    return csr_matrix(kept, shape=(len(snapshot.users), max(1, len(people))), dtype=np.float32)


def _same(snapshot: Snapshot) -> csr_matrix:
    one, two = snapshot.same_items.pairs.T.astype(np.int64)
    sure, size = snapshot.same_items.probability, len(snapshot.items)
    both = (np.concatenate([sure, sure]), (np.concatenate([one, two]), np.concatenate([two, one])))
    return csr_matrix(both, shape=(size, size), dtype=np.float32)


def surest(snapshot: Snapshot) -> NDArray[np.float32]:
    """(users,) how likely each user is the person they are linked to; one where nothing is in doubt."""
    found = np.ones(len(snapshot.users), np.float32)
    for user, probability in snapshot.doubts.items():
        found[user] = probability
    return found


def _at_most_one(matrix: csr_matrix) -> csr_matrix:
    found = csr_matrix(matrix, dtype=np.float32)
    found.sum_duplicates()
    found.sort_indices()
    np.minimum(found.data, 1, out=found.data)
    return found
