"""Knowledge paths: items joined by typed paths in the knowledge graph, each with a weight learned from who met what.

After HeteRec (Yu et al. 2014, «Personalized Entity Recommendation», WSDM 2014: weights of meta-paths) and content whose
features are weighted (Bernardis, Ferrari Dacrema, Cremonesi 2018, «A novel graph-based model for hybrid recommendations
in cold-start scenarios»). With b_ie the TF-IDF weight, of unit length by item, of the entity e that item i reaches by a
path type (`training.paths`),

    S_ij = sum_e w_e b_ie b_je,    score(u, j) = sum_{i in u} decay^age_i S_ij + beta log(1 + interactions of j),

S_ij kept for each j's `neighbours` largest. w_e >= 0 and beta >= 0 maximise log softmax(score) of an item left out of a
history, less regularization * sum_e (w_e - mean of the w of e's path type)^2: a convex problem, solved by L-BFGS-B.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Self, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.sparse import csr_matrix, diags_array

from graph.errors import InvalidData
from training.data import Histories, TrainingData, UserBatch
from training.models.linear_sequence import decayed
from training.neighbours import nearest
from training.paths import Paths, paths
from training.recommender import SILENT, Enough, Form, ItemForm, Monitor, StaticForm
from training.space import Float, Int, Space
from training.sparse import csr_from_state, csr_state

PLACES = 3
"""Items left out of one history."""
EXAMPLES = 6000
CANDIDATES = 4096
"""Items, at most, that an item left out is held against."""
COMMON, LEAST_COMMON = 50, 32
"""An entity of more than one in so many candidates is common, and of more than so many."""
CELLS = 8_000_000
"""Scores held at once: 32 MB."""

Sparse: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
"""`indptr`, `indices`, `data`."""


@dataclass(frozen=True)
class KnowledgePathsConfig:
    """`decay` 1: order means nothing, an item left out is any; below 1 it is one of the newest, after those before it.

    `iterations` of L-BFGS-B at most.
    """

    decay: float = 1.0
    neighbours: int = 400
    regularization: float = 3e-5
    iterations: int = 60
    seed: int = 42


GRID = (KnowledgePathsConfig(), KnowledgePathsConfig(decay=0.9), KnowledgePathsConfig(decay=0.7))

SPACE: Space = {
    "decay": Float(0.3, 1.0),
    "neighbours": Int(20, 2000, log=True),
    "regularization": Float(1e-7, 1e-2, log=True),
}


class KnowledgePaths:
    """`weights` CSR (num_items, num_items), row = item in the history; `prior` (num_items,).

    After `fit`, `path_weights` says what each path type weighs: the mean over its entities.
    """

    name = "knowledge-paths"

    def __init__(self, config: KnowledgePathsConfig | None = None) -> None:
        self.config = config or KnowledgePathsConfig()
        self.weights = csr_matrix((0, 0), dtype=np.float32)
        self.prior = np.empty(0, np.float32)
        self.path_weights: Mapping[str, float] = {}

    def fit(self, data: TrainingData, monitor: Monitor = SILENT) -> Self:
        found = paths(data.side, data.num_items)
        if not found.names:
            raise InvalidData(
                "knowledge paths on data whose triples join no two items",
                valid="triples of two items or more with one entity",
                remedy="add triples.csv, or choose another model",
            )
        counts = np.bincount(data.matrix.indices, minlength=data.num_items)
        rng = np.random.default_rng([self.config.seed, data.seed])
        solution = problem(data, found, self.config.decay, rng).solve(found.kinds, self.config, monitor)
        weights, beta = solution[:-1].astype(np.float32), np.float32(solution[-1])
        scaled, items = csr_matrix(found.items @ diags_array(weights)), csr_matrix(found.items.T)

        def similarities(rows: slice) -> NDArray[np.float32]:
            return np.asarray((scaled[rows] @ items).todense(), np.float32)

        self.weights = nearest(similarities, data.num_items, self.config.neighbours)
        self.prior = beta * np.log1p(counts).astype(np.float32)
        sums, sizes = (np.bincount(found.kinds, part, len(found.names)) for part in (weights, None))
        self.path_weights = dict(zip(found.names, (sums / sizes).tolist(), strict=True))
        return self

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        history = decayed(users.histories, self.config.decay, max(1, len(users.histories.items)))
        return np.asarray((history @ self.weights).todense(), np.float32) + self.prior

    def forms(self) -> Sequence[Form]:
        return ItemForm(self.weights, decay=self.config.decay), StaticForm(self.prior)

    def state(self) -> dict[str, NDArray[np.generic]]:
        return {**csr_state(self.weights), "prior": self.prior}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> Self:
        self.weights, self.prior = csr_from_state(state), np.asarray(state["prior"], np.float32)
        return self


@dataclass(frozen=True)
class Problem:
    """Examples: an item left out, and what its user had beside it.

    `history` (n, known): decay ** age of the items beside it, among those known from any example; `linked` (known,
    entities): their TF-IDF rows, `items` (candidates, entities) those of the candidates. `own` (n, entities): the
    decayed sum of the rows in the history times the row of the item left out. `popularity` (candidates,) and
    `own_popularity` (n,): log(1 + interactions), without the example itself. `met` (n, candidates): which of them the
    user met, so that they are none for that user.
    """

    history: csr_matrix
    linked: csr_matrix
    items: csr_matrix
    own: csr_matrix
    popularity: NDArray[np.float32]
    own_popularity: NDArray[np.float32]
    met: csr_matrix

    def solve(
        self, kinds: NDArray[np.int64], config: KnowledgePathsConfig, monitor: Monitor = SILENT
    ) -> NDArray[np.float64]:
        """(entities + 1,): the w, then beta. `monitor` is told of each iteration and may end it there."""
        sizes, iterations = np.bincount(kinds), count(1)

        def objective(solution: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights = solution[:-1]
            apart = weights - (np.bincount(kinds, weights, len(sizes)) / sizes)[kinds]
            loss, gradient = self.loss(weights.astype(np.float32), np.float32(solution[-1]))
            gradient[:-1] += 2 * config.regularization * apart
            return loss + config.regularization * float(apart @ apart), gradient

        def told(intermediate_result: OptimizeResult) -> None:
            try:
                monitor.epoch(next(iterations), config.iterations, {"loss": float(intermediate_result.fun)})
            except Enough:
                raise StopIteration from None  # SciPy's word for: return what there is

        start = np.append(np.ones(len(kinds)), 0.5)
        bounds, options = [(0, None)] * len(start), {"maxiter": config.iterations}
        solution = minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options, callback=told
        )
        return np.asarray(solution.x)

    @cached_property
    def _common(self) -> NDArray[np.bool_]:
        """(entities,): those that many items have, such as a genre; their pairs are most of S, and dense work."""
        having = np.bincount(self.items.indices, minlength=self.items.shape[1])
        return np.asarray(having > max(LEAST_COMMON, self.items.shape[0] // COMMON))

    @cached_property
    def _dense(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.linked[:, self._common].toarray(), self.items[:, self._common].toarray()

    @cached_property
    def _rare(self) -> tuple[Sparse, Sparse]:
        rare = diags_array((~self._common).astype(np.float32))
        linked, by_entity = csr_matrix(self.linked @ rare), (self.items @ rare).tocsc()
        linked.eliminate_zeros()
        by_entity.eliminate_zeros()
        return (linked.indptr, linked.indices, linked.data), (by_entity.indptr, by_entity.indices, by_entity.data)

    def _similar(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """S (known, candidates)."""
        linked, items = self._dense
        similar = (linked * weights[self._common]) @ items.T
        _fill(*self._rare, weights, similar)
        return np.asarray(similar, np.float32)

    def _gather(self, by_similar: NDArray[np.float32], gradient: NDArray[np.float64]) -> None:
        """Adds to `gradient` by w what the loss's gradient by S says."""
        linked, items = self._dense
        gradient[:-1][self._common] += np.einsum("ke,ke->e", linked, by_similar @ items)
        _gather(*self._rare, by_similar, gradient)

    def loss(self, weights: NDArray[np.float32], beta: np.float32) -> tuple[float, NDArray[np.float64]]:
        """Mean of -log softmax of what was left out, and its gradient by w and beta.

        By way of S between known items and candidates: thousands of examples share it.
        """
        similar = self._similar(weights)
        by_similar = np.zeros_like(similar)
        loss, gradient, count = 0.0, np.zeros(len(weights) + 1), len(self.own_popularity)
        step = max(1, CELLS // max(1, len(self.popularity)))
        for first in range(0, count, step):
            part = slice(first, min(count, first + step))
            loss += self._add(part, similar, by_similar, weights, beta, gradient)
        self._gather(by_similar, gradient)
        return loss / max(1, count), gradient / max(1, count)

    def _add(
        self,
        part: slice,
        similar: NDArray[np.float32],
        by_similar: NDArray[np.float32],
        weights: NDArray[np.float32],
        beta: np.float32,
        gradient: NDArray[np.float64],
    ) -> float:
        """One block of examples: its loss; its gradient is added in place."""
        history, own_entities = self.history[part], self.own[part]
        scores = history @ similar + beta * self.popularity
        met = self.met[part].tocoo()
        scores[met.row, met.col] = -np.inf
        own = own_entities @ weights + beta * self.own_popularity[part]
        top = np.maximum(scores.max(1), own)
        chances, mine = np.exp(scores - top[:, None]), np.exp(own - top)
        total = chances.sum(1) + mine
        chances, missing = chances / total[:, None], 1 - mine / total
        by_similar += history.T @ chances
        gradient[:-1] -= missing @ own_entities
        gradient[-1] += float(chances.sum(0) @ self.popularity - missing @ self.own_popularity[part])
        return float((np.log(total) + top - own).sum())


@njit(cache=True)
def _fill(linked, by_entity, weights, similar):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """S_ij += w_e b_ie b_je over the entities that known item i and candidate j share."""
    indptr, entities, values = linked
    starts, items, theirs = by_entity
    for item in range(len(indptr) - 1):
        line = similar[item]
        for place in range(indptr[item], indptr[item + 1]):
            entity = entities[place]
            factor = values[place] * weights[entity]
            if factor != 0:
                for other in range(starts[entity], starts[entity + 1]):
                    line[items[other]] += factor * theirs[other]


@njit(cache=True)
def _gather(linked, by_entity, by_similar, gradient):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The loss's gradient by S -> by each w_e, added to `gradient`."""
    indptr, entities, values = linked
    starts, items, theirs = by_entity
    for item in range(len(indptr) - 1):
        line = by_similar[item]
        for place in range(indptr[item], indptr[item + 1]):
            entity, found = entities[place], 0.0
            for other in range(starts[entity], starts[entity + 1]):
                found += line[items[other]] * theirs[other]
            gradient[entity] += values[place] * found


def problem(data: TrainingData, found: Paths, decay: float, rng: np.random.Generator) -> Problem:
    """What `solve` learns from; `CANDIDATES` items, drawn once, are held against what is left out."""
    users, targets, before = left_out(data.histories, ordered=decay < 1, rng=rng)
    history = decayed(before, decay, max(1, len(before.items)))
    known = np.unique(history.indices)
    own = csr_matrix(history @ found.items).multiply(found.items[targets])
    candidates = np.sort(rng.permutation(data.num_items)[:CANDIDATES])
    counts = np.bincount(data.matrix.indices, minlength=data.num_items)
    return Problem(
        csr_matrix(history[:, known]),
        csr_matrix(found.items[known]),
        csr_matrix(found.items[candidates]),
        csr_matrix(own),
        np.log1p(counts[candidates]).astype(np.float32),
        np.log(counts[targets]).astype(np.float32),
        csr_matrix(data.matrix[users][:, candidates]),
    )


def left_out(
    histories: Histories, *, ordered: bool, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int32], Histories]:
    """(n,) users, (n,) items left out and what stood beside them: all else, or, `ordered`, what came before.

    Up to `PLACES` of a history and `EXAMPLES` in all; at random, or, `ordered`, the newest.
    """
    users = rng.permutation(np.flatnonzero(np.diff(histories.indptr) > 1))[: EXAMPLES // PLACES]
    lengths = np.repeat(np.diff(histories.indptr)[users], PLACES)
    users = np.repeat(users, PLACES)
    newest = lengths - 1 - np.arange(len(users)) % PLACES
    places = newest if ordered else rng.integers(lengths)
    users, places = users[places > 0 if ordered else places >= 0], places[places > 0 if ordered else places >= 0]
    beside = histories.take(users)
    targets = beside.items[beside.indptr[:-1] + places]
    rows = np.repeat(np.arange(len(users)), np.diff(beside.indptr))
    kept = beside.items != targets[rows]
    if ordered:
        kept &= np.arange(len(rows)) - beside.indptr[rows] < places[rows]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=len(users)))]).astype(np.int64)
    return users, targets, Histories(indptr, beside.items[kept], beside.times[kept], histories.num_items)
