"""People you may know: how likely two users are joined, from the friendships there are and from what both like.

A logistic blend of measures of link prediction, learned by hiding a fifth of the links and asking for them again:
common friends weighed by Adamic and Adar (2003) and by resource allocation (Zhou et al. 2009), degree-normalised paths
of length three, personalised PageRank (Liben-Nowell & Kleinberg 2007), a spectral embedding of the graph, the cosine of
tastes, the taste of a candidate against that of one's friends, and how many friends a candidate has.

p(u, v joined) = sigmoid(w . z(u, v)), z: the measures, logarithmic and standardised. Rows are made a batch of users at
a time, so memory is batch x users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import svds

from graph.errors import InvalidData
from training.rows import unit_rows

Floats = NDArray[np.float64]
HIDDEN = 0.2
RESTART = 0.15
STEPS = 15
EMBEDDING_SIZE = 64
NEGATIVES = 100
"""Pairs that are not joined, beside each hidden link."""
REGULARIZATION = 1e-4
LEAST = 20
"""Links below which nothing can be learned."""


def adjacency(links: NDArray[np.integer], num_users: int) -> csr_matrix:
    """(num_users, num_users) symmetric 0/1 of (m, 2) pairs."""
    ends = np.concatenate([links, links[:, ::-1]])
    matrix = csr_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(num_users, num_users))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return matrix


class Measures:
    """What is measured between users; each measure gives (batch, num_users) for a batch of users.

    `links`: adjacency. `taste`: users x items, weights of what they like; None where nothing is known.
    """

    def __init__(self, links: csr_matrix, taste: csr_matrix | None, *, seed: int = 42) -> None:
        self.links = links
        degree = np.asarray(links.sum(axis=1)).ravel()
        self.degree = degree
        shared = np.maximum(degree, 2)
        self._rare = links.multiply(np.where(degree > 1, 1 / np.log(shared), 0.0)).tocsr()
        self._allocated = links.multiply(1 / np.maximum(degree, 1)).tocsr()
        root = diags(1 / np.sqrt(np.maximum(degree, 1)))
        self._even = csr_matrix(root @ links @ root)
        self._walk = csr_matrix((diags(1 / np.maximum(degree, 1)) @ links).T)
        self._spectral = _spectral(self._even, seed)
        self._taste = None if taste is None else _weighed(taste)
        self._friends_taste = None if self._taste is None else csr_matrix(self._walk.T @ self._taste)

    def names(self) -> tuple[str, ...]:
        """The measures that this data allows."""
        return tuple(name for name in MEASURES if self._taste is not None or name not in OF_TASTE)

    def rows(self, name: str, users: NDArray[np.integer]) -> Floats:
        """One measure."""
        return np.asarray(MEASURES[name](self, users), np.float64)

    def common_friends(self, users: NDArray[np.integer]) -> Floats:
        return np.asarray((self.links[users] @ self.links).toarray())

    def adamic_adar(self, users: NDArray[np.integer]) -> Floats:
        return np.asarray((self._rare[users] @ self.links).toarray())

    def allocation(self, users: NDArray[np.integer]) -> Floats:
        return np.asarray((self._allocated[users] @ self.links).toarray())

    def three_steps(self, users: NDArray[np.integer]) -> Floats:
        return np.asarray((self._even[users] @ self._even @ self._even).toarray())

    def pagerank(self, users: NDArray[np.integer]) -> Floats:
        """Where a walk from the user is, that goes home at each step with probability `RESTART`."""
        state = np.zeros((len(self.degree), len(users)))
        state[users, np.arange(len(users))] = 1.0
        total = np.zeros_like(state)
        for step in range(1, STEPS + 1):
            state = self._walk @ state
            total += (1 - RESTART) ** step * state
        return np.asarray(total.T)

    def spectral(self, users: NDArray[np.integer]) -> Floats:
        left, right = self._spectral
        return np.asarray(left[users] @ right.T)

    def taste(self, users: NDArray[np.integer]) -> Floats:
        assert self._taste is not None
        return np.asarray((self._taste[users] @ self._taste.T).toarray())

    def fits_friends(self, users: NDArray[np.integer]) -> Floats:
        """The candidate's taste against that of the user's friends."""
        assert self._friends_taste is not None
        assert self._taste is not None
        return np.asarray((self._friends_taste[users] @ self._taste.T).toarray())

    def fits_theirs(self, users: NDArray[np.integer]) -> Floats:
        """The user's taste against that of the candidate's friends."""
        assert self._friends_taste is not None
        assert self._taste is not None
        return np.asarray((self._taste[users] @ self._friends_taste.T).toarray())

    def popularity(self, users: NDArray[np.integer]) -> Floats:
        return np.broadcast_to(self.degree, (len(users), len(self.degree)))


MEASURES: Mapping[str, Callable[[Measures, NDArray[np.integer]], Floats]] = MappingProxyType(
    {
        "adamic-adar": Measures.adamic_adar,
        "allocation": Measures.allocation,
        "three-steps": Measures.three_steps,
        "pagerank": Measures.pagerank,
        "spectral": Measures.spectral,
        "popularity": Measures.popularity,
        "taste": Measures.taste,
        "fits-friends": Measures.fits_friends,
        "fits-theirs": Measures.fits_theirs,
    }
)
OF_TASTE = frozenset({"taste", "fits-friends", "fits-theirs"})
BASELINES: Mapping[str, Callable[[Measures, NDArray[np.integer]], Floats]] = MappingProxyType(
    {
        "common-friends": Measures.common_friends,
        "adamic-adar": Measures.adamic_adar,
        "popularity": Measures.popularity,
    }
)
"""What the blend has to beat."""


@dataclass(frozen=True)
class Friends:
    """The fitted blend: `score` gives log-odds. `scale`, `mean`, `deviation`, `weights` by measure of `names`."""

    measures: Measures
    names: tuple[str, ...]
    scale: Floats
    mean: Floats
    deviation: Floats
    weights: Floats

    def score(self, users: NDArray[np.integer]) -> NDArray[np.float32]:
        """(batch, num_users); friends and the users themselves are scored too: leave them out."""
        total = np.zeros((len(users), len(self.measures.degree)))
        for place, name in enumerate(self.names):
            rows = _bent(self.measures.rows(name, users), self.scale[place])
            total += self.weights[place] / self.deviation[place] * (rows - self.mean[place])
        return total.astype(np.float32)


def fit_friends(
    links: NDArray[np.integer], num_users: int, taste: csr_matrix | None = None, *, seed: int = 42
) -> Friends:
    """Learns the weights with a fifth of the (m, 2) links hidden, then measures with all of them.

    `taste` (num_users, num_items): how much users like items. Raises `InvalidData` for too few links.
    """
    if len(links) < LEAST:
        raise InvalidData(
            f"{len(links)} friendships", valid=f"at least {LEAST}", remedy="ingest a friends.csv with more"
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(links))
    size = int(HIDDEN * len(links))
    hidden, rest = links[order[:size]], links[order[size:]]
    measures = Measures(adjacency(rest, num_users), taste, seed=seed)
    names = measures.names()
    pairs, joined = _pairs(hidden, adjacency(links, num_users), rng)
    raw = np.stack([_of_pairs(measures, name, pairs) for name in names], axis=1)
    scale = np.maximum(np.abs(raw).mean(axis=0), 1e-12)
    bent = _bent(raw, scale)
    mean, deviation = bent.mean(axis=0), np.maximum(bent.std(axis=0), 1e-9)
    weights = _logistic((bent - mean) / deviation, joined)
    return Friends(Measures(adjacency(links, num_users), taste, seed=seed), names, scale, mean, deviation, weights)


def _bent(values: Floats, scale: Floats | np.float64) -> Floats:
    """Logarithmic in size, keeping the sign: counts and walks have long tails."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values) / scale))


def _pairs(
    hidden: NDArray[np.integer], known: csr_matrix, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """Hidden links both ways, then pairs that are not joined; and which are."""
    drawn = rng.integers(0, known.shape[0], (NEGATIVES * len(hidden), 2))
    apart = (drawn[:, 0] != drawn[:, 1]) & (np.asarray(known[drawn[:, 0], drawn[:, 1]]).ravel() == 0)
    drawn = drawn[apart]
    joined = np.concatenate([np.ones(2 * len(hidden)), np.zeros(len(drawn))])
    return np.concatenate([hidden, hidden[:, ::-1], drawn]), joined


def _of_pairs(measures: Measures, name: str, pairs: NDArray[np.int64], batch: int = 512) -> Floats:
    """A measure of (m, 2) pairs, by batches of the users they begin with."""
    found = np.empty(len(pairs))
    order = np.argsort(pairs[:, 0], kind="stable")
    users, starts = np.unique(pairs[order, 0], return_index=True)
    ends = np.append(starts[1:], len(pairs))
    for first in range(0, len(users), batch):
        some = users[first : first + batch]
        rows = measures.rows(name, some)
        mine = order[starts[first] : ends[first + len(some) - 1]]
        found[mine] = rows[np.searchsorted(some, pairs[mine, 0]), pairs[mine, 1]]
    return found


def _logistic(features: Floats, joined: Floats) -> Floats:
    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = features @ weights[1:] + weights[0]
        chance = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        error = chance - joined
        cost = float(np.mean(np.logaddexp(0, logits) - joined * logits)) + REGULARIZATION * float(
            weights[1:] @ weights[1:]
        )
        slope = np.concatenate([[error.mean()], features.T @ error / len(joined) + 2 * REGULARIZATION * weights[1:]])
        return cost, slope

    found = minimize(loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B")
    return np.asarray(found.x[1:])


def _spectral(even: csr_matrix, seed: int) -> tuple[Floats, Floats]:
    size = min(EMBEDDING_SIZE, even.shape[0] - 2)
    if size < 1 or not even.nnz:
        return np.zeros((even.shape[0], 1)), np.zeros((even.shape[0], 1))
    left, values, right = svds(even, size, random_state=seed)
    return left * values, right.T


def _weighed(taste: csr_matrix) -> csr_matrix:
    """Rows of unit length: weights logarithmic, items by their rarity among users."""
    found = csr_matrix(taste, dtype=np.float64, copy=True)
    found.data = np.log1p(np.maximum(found.data, 0))
    users = np.maximum(1, found.getnnz(axis=0))
    found = csr_matrix(found @ diags(np.log(max(2, found.shape[0]) / users)))
    return unit_rows(found)
