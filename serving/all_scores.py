"""Many users' scores at once: `serving.rank` in blocks, for `serving.all_lists`.

Not part of the request path: products are compiled or go through SciPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from serving.forms import Form, ItemWeights, Told
from serving.index import Index
from serving.inherit import Floats, inherited
from serving.live import Live
from serving.rank import Read, dense_vector, history_scale, read_of
from serving.retrieve import stacked

History = NDArray[np.int32]


@dataclass(frozen=True)
class Askers:
    """Users of one block: a position each, `MISSING` for somebody whom the model is not to know, and what they did."""

    users: Sequence[int]
    histories: Sequence[History]
    seen: Sequence[History]
    told: Sequence[Told | None]
    """All that each did, None where only likings are to be read."""

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: NDArray[np.int64]) -> Askers:
        """Some of them."""
        parts = (self.users, self.histories, self.seen, self.told)
        return Askers(*([part[row] for row in rows.tolist()] for part in parts))

    def parts(self) -> list[Read]:
        """What models read of each history."""
        return [read_of(history, None, told) for history, told in zip(self.histories, self.told, strict=True)]


def vectors_of(form: Form, askers: Askers, parts: Sequence[Read]) -> Floats:
    """(askers, d): the users' vectors of a dense form."""
    rows = zip(askers.users, parts, askers.histories, strict=True)
    return np.stack([dense_vector(form, user, read, history) for user, read, history in rows])


def sparse_of(form: ItemWeights, parts: Sequence[Read], num_items: int) -> csr_matrix:
    """(askers, num_items): what of each history the form reads, each item at what it counts."""
    read = [history_scale(form, one) for one in parts]
    indptr = np.concatenate([[0], np.cumsum([len(items) for items, _ in read])])
    columns = np.concatenate([items for items, _ in read]) if read else np.empty(0, np.int32)
    weights = np.concatenate([scale for _, scale in read]) if read else np.empty(0, np.float32)
    return csr_matrix((weights.astype(np.float32), columns, indptr), shape=(len(parts), num_items))


def weights_of(form: ItemWeights) -> csr_matrix | Floats:
    """The form's weights as a matrix, nothing copied."""
    if form.rows is None:
        return form.weights
    size = len(form.rows)
    return csr_matrix((form.weights, form.rows.columns, form.rows.indptr), shape=(size, size), copy=False)


def block_scores(live: Live, askers: Askers) -> Floats:
    """(askers, num_items) exact scores, as `serving.candidates.all_scores` gives them one by one; seen ones -inf."""
    index, parts = live.index, askers.parts()
    total = np.zeros((len(askers), index.num_items), np.float32)
    for member in index.members:
        scores = np.zeros_like(total)
        for form in member.forms:
            scores += _form_scores(index, form, askers, parts)
        total += scores if member.weight is None else np.float32(member.weight) * _standardised(scores)
    if index.inherit is not None and len(index.inherit.cold):
        inherit = index.inherit
        total[:, inherit.cold] = inherited(total, inherit.landmarks, inherit.cold_from, inherit.stretch)
    whole = total if live.plain else np.stack([live.extend(row) for row in total])
    for row, seen in zip(whole, askers.seen, strict=True):
        row[seen] = -np.inf
    return whole


def _form_scores(index: Index, form: Form, askers: Askers, parts: Sequence[Read]) -> Floats:
    if isinstance(form, ItemWeights):
        found = sparse_of(form, parts, index.num_items) @ weights_of(form)
        return np.asarray(found if isinstance(found, np.ndarray) else found.toarray(), np.float32)
    return np.asarray(vectors_of(form, askers, parts) @ stacked(form).T, np.float32)


def _standardised(scores: Floats) -> Floats:
    """`serving.rank.standardise` of each row."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.einsum("ij,ij->i", centred, centred) / max(1, scores.shape[1]))
    spread[spread < 1e-12] = np.inf
    return np.asarray(centred / spread[:, None], np.float32)
