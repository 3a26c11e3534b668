"""Which items are of the same category, and alternatives among those. Publish alone: not part of the request path.

An item's category is a vector over the attribute nodes that say what it is: those of the labels in `CATEGORIES` where
the catalogue has one, else all of its attributes. Each node weighs log(items / items that have it), so that what nearly
everything is says nothing; two items are of one category when the cosine is at least `SAME`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import Snapshot
from serving.neighbours import joined
from training.rows import unit_rows

CATEGORIES = ("category", "subcategory", "genre", "producttype", "type", "department", "section", "topic")
SAME = 0.7
COMPARED = 500
"""Of one category, the nearest that are compared by content; of equally near ones, those that most people took."""
MET = 5_000
"""Items of one category that are looked at for an item, its rarest attributes first, what most people took first."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Alternatives:
    """Of item i those at `columns[indptr[i]:indptr[i + 1]]`, best first; beside: how alike, from 0 to 1."""

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    likeness: Floats


def category_labels(snapshot: Snapshot) -> tuple[str, ...]:
    """Labels of `CATEGORIES` that attributes of this catalogue have; empty where it has none of them."""
    labels = {name.split(":", 1)[0] for name in snapshot.entities.ids}
    return tuple(sorted(one for one in labels if one.replace("_", "").casefold() in CATEGORIES))


def category_vectors(snapshot: Snapshot, labels: tuple[str, ...]) -> csr_matrix:
    """(items, entities) float32 of unit rows; empty rows for items of no category. `labels`: those that say one, empty
    where all do.
    """
    counted = [not labels or name.split(":", 1)[0] in labels for name in snapshot.entities.ids]
    return vectors_of(joined(snapshot), np.array(counted, np.bool_))


def vectors_of(matrix: csr_matrix, counted: NDArray[np.bool_] | bool = True) -> csr_matrix:
    """The same from which item has which node; `counted`: the nodes that say a category."""
    frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weight = np.log(max(1, matrix.shape[0]) / np.maximum(1, frequency)) * counted
    matrix.data = weight[matrix.indices].astype(np.float32)
    matrix.eliminate_zeros()
    found = unit_rows(matrix)
    found.sort_indices()
    return found


def alike(vectors: csr_matrix, one: NDArray[np.integer], other: NDArray[np.integer]) -> Floats:
    """Cosine of each pair's categories; NaN where one of them has none."""
    found = np.empty(len(one), np.float32)
    for start in range(0, len(one), 1 << 18):
        part = slice(start, start + (1 << 18))
        found[part] = np.asarray(vectors[one[part]].multiply(vectors[other[part]]).sum(axis=1)).ravel()
    known = np.diff(vectors.indptr) > 0
    found[~(known[one] & known[other])] = np.nan
    return found


def alternatives(
    vectors: csr_matrix,
    contents: Mapping[str, tuple[Floats, NDArray[np.bool_]]],
    popularity: NDArray[np.integer],
    together: csr_matrix,
    k: int,
    *,
    same: float = SAME,
) -> Alternatives:
    """Each item's k best of the same category, by the mean of their category's cosine and their content's.

    `contents`: by modality unit rows and which are there; what both have counts, on average. `together` (items, items):
    entries are pairs that people take together more often than by chance, which are no alternatives. `same`: least
    cosine of one category.
    """
    found, worth = [], []
    for item, (near, cosine) in enumerate(_same_category(vectors, popularity, same)):
        likeness = _with_content(item, near, cosine, contents)
        order = np.argsort(-likeness, kind="stable")
        taken = together.indices[together.indptr[item] : together.indptr[item + 1]]
        best = order[~np.isin(near[order], taken)][:k]
        found.append(near[best])
        worth.append(likeness[best])
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in found])]).astype(np.int64)
    nothing = np.empty(0, np.int32)
    return Alternatives(indptr, np.concatenate([nothing, *found]), np.concatenate([nothing.astype(np.float32), *worth]))


def _same_category(
    vectors: csr_matrix, popularity: NDArray[np.integer], same: float
) -> Iterator[tuple[NDArray[np.int32], Floats]]:
    """Of each item the nearest of its category with their cosines, best first."""
    num_items = vectors.shape[0]
    order = np.lexsort((np.arange(num_items), -popularity))
    ranked = csr_matrix(vectors[order]).tocsc()  # of a node, what most people took comes first
    sizes = np.diff(ranked.indptr)
    seen, met, mine = np.zeros(num_items, np.bool_), np.empty(MET, np.int32), np.zeros(vectors.shape[1], np.float32)
    place = np.empty(num_items, np.int32)
    place[order] = np.arange(num_items, dtype=np.int32)
    rows = (vectors.indptr, vectors.indices, vectors.data)
    for item in range(num_items):
        nodes = vectors.indices[vectors.indptr[item] : vectors.indptr[item + 1]]
        nodes = nodes[np.argsort(sizes[nodes], kind="stable")]
        size = _meet(ranked.indptr, ranked.indices, nodes, place[item], seen, met)
        near = order[np.sort(met[:size])].astype(np.int32)
        cosine = _cosines(rows, item, near, mine)
        kept = cosine >= same
        near, cosine = near[kept], cosine[kept]
        best = np.argsort(-cosine, kind="stable")[:COMPARED]
        yield near[best], cosine[best]


@njit(cache=True)
def _meet(indptr, indices, nodes, own, seen, met):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Fills `met` with different items that have one of these nodes; returns how many."""
    size = 0
    for node in nodes:
        for other in indices[indptr[node] : indptr[node + 1]]:
            if size == len(met):
                break
            if not seen[other] and other != own:
                seen[other] = True
                met[size] = other
                size += 1
    seen[met[:size]] = False
    return size


@njit(cache=True)
def _cosines(rows, item, others, mine):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(len(others),) dot products of an item's row with those of others; `mine` is scratch, zeros before and after."""
    indptr, indices, data = rows
    found = np.zeros(len(others), np.float32)
    for at in range(indptr[item], indptr[item + 1]):
        mine[indices[at]] = data[at]
    for place, other in enumerate(others):
        for at in range(indptr[other], indptr[other + 1]):
            found[place] += mine[indices[at]] * data[at]
    for at in range(indptr[item], indptr[item + 1]):
        mine[indices[at]] = 0
    return found


def _with_content(
    item: int, near: NDArray[np.int32], cosine: Floats, contents: Mapping[str, tuple[Floats, NDArray[np.bool_]]]
) -> Floats:
    """The mean of the category's cosine and the content's; the category's alone where both have no content."""
    total, ways = np.zeros(len(near), np.float32), np.zeros(len(near), np.float32)
    for unit, present in contents.values():
        if present[item]:
            there = present[near]
            total += np.where(there, unit[near] @ unit[item], 0)
            ways += there
    content = total / np.maximum(ways, 1)
    return np.where(ways > 0, (cosine + content) / 2, cosine).astype(np.float32)
