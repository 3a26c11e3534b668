"""Builds `serving.approximate` when a large index is published, and measures how far each search must look.

Reads what `serving.publish` has written, block by block, so memory is the searches' own. How many cells are read
and how fine the codes are is not a setting: it is doubled until queries that were drawn for this (users' own questions;
vectors of items, and mixtures of two) find the share `RECALL` of what exact search finds, so that the promise holds on
any data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.approximate import FILE, Approximate, Cells, Codes, ScoreSearch, Spread, library
from serving.foldin import Viewer
from serving.forms import ItemWeights, Member
from serving.index import Index, Vectors
from serving.index_files import write_array
from serving.inherit import Floats
from serving.retrieve import WIDTH, asked, stacked
from serving.search_near import WIDTH as VECTORS_WIDTH

SCORES_FROM = 20_000
"""Items from which a user's best are retrieved rather than found among all scores."""
VECTORS_FROM = 200_000
"""Vectors of a modality from which they are searched approximately."""
RECALL = 0.985
"""Of the exact best `TOP`: above what is promised, .98, since other queries are asked later."""
TOP = 100
QUERIES = 256
HEAD = 4_096
"""Items with the longest vectors, which every user's search compares: cells by direction do not find them."""
BLOCK = 16_384
LEARNT_FROM = 50_000
"""Vectors that the codes are learnt from, evenly spaced."""
POINTS_A_CELL = 40
"""That the centres are learnt from."""
ITERATIONS = 8


def write_approximate(folder: Path, index: Index) -> dict[str, Any] | None:
    """Writes the searches of an index whose other files are in `folder`; returns what the manifest says of them."""
    scores = _write_scores(folder, index) if index.num_items >= SCORES_FROM else None
    vectors = {
        name: write_vector_codes(folder, name, table)
        for name, table in sorted(index.vectors.items())
        if int(table.present.sum()) >= VECTORS_FROM
    }
    return {"scores": scores, "vectors": vectors} if scores or vectors else None


def write_vector_codes(folder: Path, name: str, table: Vectors) -> dict[str, Any]:
    """The search of one modality; returns its entry in the manifest."""
    places = np.flatnonzero(table.present)
    random = np.random.default_rng(0)
    one, two = (table.unit[np.sort(random.choice(places, QUERIES, replace=False))] for _ in range(2))
    mixed = one + random.permutation(two)
    queries = np.concatenate([one[: QUERIES // 2], mixed[QUERIES // 2 :] / _lengths(mixed[QUERIES // 2 :])])
    best, values = np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0), np.float32)
    for rows, vectors in _blocks(table, places):
        best, values = _merge(best, values, rows, queries @ vectors.T)
    path = folder / f"search.vectors.{name}{FILE}"
    for parts in _pieces(queries.shape[1]):
        _write_codes(path, table, places, parts)
        found = Codes(path, parts, 0.0, len(places))
        near = [found.near(query, VECTORS_WIDTH) for query in queries]
        recall = float(np.mean([np.isin(one, two).mean() for one, two in zip(best, near, strict=True)]))
        if recall >= RECALL:
            break
    return {"parts": parts, "recall": round(recall, 4), "size": len(places)}


def _pieces(dim: int) -> list[int]:
    """Into how many pieces a vector is cut, coarsest first: four, two or one of its numbers each."""
    return [dim // size for size in (4, 2, 1) if dim % size == 0]


def _blocks(table: Vectors, places: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    for start in range(0, len(places), BLOCK):
        rows = places[start : start + BLOCK]
        yield rows, np.asarray(table.unit[rows])


def _write_codes(path: Path, table: Vectors, places: NDArray[np.int64], parts: int) -> None:
    faiss = library()
    index = faiss.IndexIDMap(faiss.IndexPQFastScan(table.unit.shape[1], parts, 4, faiss.METRIC_INNER_PRODUCT))
    index.train(np.asarray(table.unit[places[:: max(1, len(places) // LEARNT_FROM)]]))
    for rows, vectors in _blocks(table, places):
        index.add_with_ids(vectors, rows)
    faiss.write_index(index, str(path))


def _lengths(rows: Floats) -> Floats:
    return np.asarray(np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


def _write_scores(folder: Path, index: Index) -> dict[str, Any] | None:
    """None where a member's item weights are dense: then all items have to be scored."""
    forms = [form for member in index.members for form in member.forms]
    if any(isinstance(form, ItemWeights) and form.rows is None for form in forms):
        return None
    spreads = tuple(_spread(member) for member in index.members)
    for place, spread in enumerate(spreads):
        if spread is not None:
            write_array(folder, f"search.mean{place}", spread.mean)
            write_array(folder, f"search.root{place}", spread.root)
    dense = [spread is not None for spread in spreads]
    return {"dense": dense, "cells": _write_cells(folder, index, spreads) if any(dense) else None}


def _write_cells(folder: Path, index: Index, spreads: tuple[Spread | None, ...]) -> dict[str, Any]:
    parts = zip(index.members, spreads, strict=True)
    dense = np.concatenate([_whitened(member, spread) for member, spread in parts if spread is not None], axis=1)
    _give_cold(index, dense)
    lengths = np.einsum("ij,ij->i", dense, dense)
    head = np.sort(np.argsort(-lengths, kind="stable")[: min(HEAD, len(dense) // 8)])
    write_array(folder, "search.head", head.astype(np.int32))
    write_array(folder, "search.head_vectors", dense[head])
    others = np.setdiff1d(np.arange(len(dense)), head)

    def blocks() -> Iterator[tuple[NDArray[np.int64], Floats]]:
        for start in range(0, len(others), BLOCK):
            rows = others[start : start + BLOCK]
            yield rows, dense[rows]

    return _build(folder, blocks, len(others), _users_queries(index, spreads))


def _whitened(member: Member, spread: Spread) -> Floats:
    """Times the inverse root: a score is the inner product with root v, whose length is the deviation of the scores."""
    values, vectors = np.linalg.eigh(spread.root.astype(np.float64))
    inverse = np.where(values > 1e-6 * values[-1], 1 / np.maximum(values, 1e-30), 0)
    return np.asarray((_rows(member) - spread.mean) @ ((vectors * inverse) @ vectors.T), np.float32)


def _give_cold(index: Index, dense: Floats) -> None:
    """A score is linear in an item's vector: so what nobody met has the vector that it inherits, in place."""
    inherit = index.inherit
    if inherit is None:
        return
    marks = dense[inherit.landmarks]
    mean = marks.mean(axis=0)
    rows = np.searchsorted(inherit.landmarks, inherit.cold_from.places)
    for place, item in enumerate(inherit.cold.tolist()):
        weights = inherit.cold_from.weights[place]
        dense[item] = mean + np.float32(inherit.stretch) * (weights @ (marks[rows[place]] - mean))


def _users_queries(index: Index, spreads: tuple[Spread | None, ...]) -> Floats:
    """What some users ask: the queries that count."""
    whole = replace(index, approximate=Approximate(ScoreSearch(spreads)))
    some = np.flatnonzero(np.diff(index.known.indptr) > 0)
    users = (
        some[np.unique(np.linspace(0, len(some) - 1, min(QUERIES, len(some))).astype(np.int64))] if len(some) else some
    )
    found = [asked(whole, Viewer("", user, index.known[user])).query for user in users.tolist()]
    return np.stack([query for query in found if query is not None])


def _spread(member: Member) -> Spread | None:
    """Moments of a member's dense part over all items, in blocks."""
    if all(isinstance(form, ItemWeights) for form in member.forms):
        return None
    rows = _rows(member)
    mean = rows.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), BLOCK):
        centred = rows[start : start + BLOCK] - mean
        covariance += centred.T @ centred
    values, vectors = np.linalg.eigh(covariance / len(rows))
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return Spread(mean.astype(np.float32), root.astype(np.float32))


def _rows(member: Member) -> Floats:
    """(num_items, d) of all dense forms side by side."""
    parts = [np.asarray(stacked(form), np.float32) for form in member.forms if not isinstance(form, ItemWeights)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _build(
    folder: Path, blocks: Callable[[], Iterator[tuple[NDArray[np.int64], Floats]]], size: int, queries: Floats
) -> dict[str, Any]:
    """One inverted file of the rows that `blocks` yields, and the probes that it needs."""
    faiss = library()
    dim, cells = queries.shape[1], min(4096, 1 << max(0, round(np.log2(2 * size**0.5))))
    index = faiss.index_factory(dim, f"IVF{cells},SQfp16", faiss.METRIC_INNER_PRODUCT)
    index.by_residual = False
    index.cp.niter, index.cp.max_points_per_centroid = ITERATIONS, POINTS_A_CELL
    share = min(1.0, POINTS_A_CELL * cells / size)
    index.train(np.concatenate([rows[:: max(1, int(1 / share))] for _, rows in blocks()]))
    best = np.full((len(queries), 0), 0, np.int64)
    values = np.zeros((len(queries), 0), np.float32)
    for places, rows in blocks():
        index.add_with_ids(np.ascontiguousarray(rows, np.float32), places)
        best, values = _merge(best, values, places, queries @ rows.T)
    path = folder / f"search.scores{FILE}"
    faiss.write_index(index, str(path))
    probes, recall = _tune(Cells(path, cells, 1, 0.0, size), queries, best)
    return {"cells": cells, "probes": probes, "recall": round(recall, 4), "size": size}


def _merge(
    best: NDArray[np.int64], values: Floats, places: NDArray[np.int64], scores: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """The exact `TOP` of what was best before and of a new block."""
    best = np.concatenate([best, np.broadcast_to(places, scores.shape)], axis=1)
    values = np.concatenate([values, scores], axis=1)
    if values.shape[1] > TOP:
        kept = np.argpartition(-values, TOP - 1, axis=1)[:, :TOP]
        best, values = np.take_along_axis(best, kept, axis=1), np.take_along_axis(values, kept, axis=1)
    return best, values


def _tune(found: Cells, queries: Floats, best: NDArray[np.int64]) -> tuple[int, float]:
    """The fewest probes, a power of two, that are enough, and their recall."""
    probes = 1
    while True:
        nearest, _ = replace(found, probes=probes).nearest(queries, WIDTH)
        pairs = zip(best, nearest, strict=True)
        recall = float(np.mean([np.isin(one, two).mean() for one, two in pairs]))
        if recall >= RECALL or probes >= found.cells:
            return probes, recall
        probes *= 2
