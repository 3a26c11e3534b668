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
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, diags_array

from graph.errors import InvalidData
from training.data import Histories, TrainingData, UserBatch
from training.models.linear_sequence import decayed
from training.neighbours import nearest
from training.paths import Paths, paths
from training.recommender import SILENT, Form, ItemForm, Monitor, StaticForm
from training.space import Float, Int, Space
from training.sparse import csr_from_state, csr_state

PLACES = 3
"""Items left out of one history."""
EXAMPLES = 6000
CANDIDATES = 4096
"""Items, at most, that an item left out is held against."""
CELLS = 8_000_000
"""Scores held at once: 32 MB."""


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
        del monitor  # a convex problem, solved at once
        found = paths(data.side, data.num_items)
        if not found.names:
            raise InvalidData(
                "knowledge paths on data whose triples join no two items",
                valid="triples of two items or more with one entity",
                remedy="add triples.csv, or choose another model",
            )
        counts = np.bincount(data.matrix.indices, minlength=data.num_items)
        rng = np.random.default_rng([self.config.seed, data.seed])
        solution = problem(data, found, self.config.decay, rng).solve(found.kinds, self.config)
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

    `profiles` (n, entities): the decayed sum of the items' TF-IDF rows. `own` (n, entities): the same, times the row of
    the item left out. `own_popularity` (n,): its, but for the example itself. `items`, `popularity`: of the candidates.
    `met` (n, candidates): which of them the user met, so that they are none for that user.
    """

    profiles: csr_matrix
    own: csr_matrix
    own_popularity: NDArray[np.float32]
    items: csr_matrix
    popularity: NDArray[np.float32]
    met: csr_matrix

    def solve(self, kinds: NDArray[np.int64], config: KnowledgePathsConfig) -> NDArray[np.float64]:
        """(entities + 1,): the w, then beta."""
        sizes = np.bincount(kinds)

        def objective(solution: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights = solution[:-1]
            apart = weights - (np.bincount(kinds, weights, len(sizes)) / sizes)[kinds]
            loss, gradient = self.loss(weights.astype(np.float32), np.float32(solution[-1]))
            gradient[:-1] += 2 * config.regularization * apart
            return loss + config.regularization * float(apart @ apart), gradient

        start = np.append(np.ones(len(kinds)), 0.5)
        bounds, options = [(0, None)] * len(start), {"maxiter": config.iterations}
        return np.asarray(minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x)

    def loss(self, weights: NDArray[np.float32], beta: np.float32) -> tuple[float, NDArray[np.float64]]:
        """Mean of -log softmax of what was left out, and its gradient by w and beta."""
        loss, gradient, count = 0.0, np.zeros(len(weights) + 1), len(self.own_popularity)
        step = max(1, CELLS // max(1, *self.items.shape))
        for first in range(0, count, step):
            part = slice(first, min(count, first + step))
            loss += self._add(part, weights, beta, gradient)
        return loss / max(1, count), gradient / max(1, count)

    def _add(self, part: slice, weights: NDArray[np.float32], beta: np.float32, gradient: NDArray[np.float64]) -> float:
        """One block of examples, as columns: its loss; its gradient is added in place."""
        profiles = self.profiles[part].T.toarray()
        scores = self.items @ (profiles * weights[:, None]) + beta * self.popularity[:, None]
        met = self.met[part].tocoo()
        scores[met.col, met.row] = -np.inf
        own = self.own[part] @ weights + beta * self.own_popularity[part]
        top = np.maximum(scores.max(0), own)
        chances, mine = np.exp(scores - top), np.exp(own - top)
        total = chances.sum(0) + mine
        chances, missing = chances / total, 1 - mine / total
        gradient[:-1] += np.einsum("en,en->e", profiles, self.items.T @ chances) - missing @ self.own[part]
        gradient[-1] += float(self.popularity @ chances.sum(1) - missing @ self.own_popularity[part])
        return float((np.log(total) + top - own).sum())


def problem(data: TrainingData, found: Paths, decay: float, rng: np.random.Generator) -> Problem:
    """What `solve` learns from; `CANDIDATES` items, drawn once, are held against what is left out."""
    users, targets, before = left_out(data.histories, ordered=decay < 1, rng=rng)
    profiles = csr_matrix(decayed(before, decay, max(1, len(before.items))) @ found.items)
    candidates = np.sort(rng.permutation(data.num_items)[:CANDIDATES])
    counts = np.bincount(data.matrix.indices, minlength=data.num_items)
    return Problem(
        profiles,
        csr_matrix(profiles.multiply(found.items[targets])),
        np.log(counts[targets]).astype(np.float32),
        csr_matrix(found.items[candidates]),
        np.log1p(counts[candidates]).astype(np.float32),
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
