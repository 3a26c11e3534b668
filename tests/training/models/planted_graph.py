"""Groups of users who like their own group's items; attributes, vectors and friends that follow the groups too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.snapshot import EmbeddingTable, Triples
from training.data import HeldOut, Histories, SideInformation, TrainingData
from training.metrics import per_user
from training.recommender import Recommender

GROUPS, USERS, ITEMS = 4, 120, 80
GENRE, MAKER = 0, 1


@dataclass(frozen=True)
class Planted:
    """`data`: train with validation. `test`: held out among warm items. `cold`: among items never seen in train."""

    data: TrainingData
    test: HeldOut
    cold: HeldOut
    groups: NDArray[np.int64]


def planted(seed: int = 0, num_cold: int = 16) -> Planted:
    """The last `num_cold` items have no train interaction; their attributes and vectors say their group."""
    rng = np.random.default_rng(seed)
    groups = np.arange(ITEMS) % GROUPS
    same = np.equal.outer(np.arange(USERS) % GROUPS, groups)
    liked = rng.random((USERS, ITEMS)) < np.where(same, 0.6, 0.03)
    part = rng.choice(3, size=liked.shape, p=(0.7, 0.15, 0.15))
    is_cold = np.arange(ITEMS) >= ITEMS - num_cold
    train = histories(liked & (part == 0) & ~is_cold)
    everything_else = np.broadcast_to(~is_cold, liked.shape)
    return Planted(
        TrainingData(train, side(groups, rng), held_out(liked & (part == 1) & ~is_cold, train), seed),
        held_out(liked & (part == 2) & ~is_cold, train),
        held_out(liked & is_cold, train, excluded=everything_else),
        groups,
    )


def histories(liked: NDArray[np.bool_]) -> Histories:
    user, item = liked.nonzero()
    indptr = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(liked)))]).astype(np.int64)
    return Histories(indptr, item.astype(np.int32), np.arange(len(item), dtype=np.int64), liked.shape[1])


def held_out(liked: NDArray[np.bool_], seen: Histories, excluded: NDArray[np.bool_] | None = None) -> HeldOut:
    users = np.flatnonzero(liked.any(axis=1)).astype(np.int64)
    known = seen.take(users)
    hidden = known.matrix if excluded is None else csr_matrix(excluded[users].astype(np.float32))
    return HeldOut(users, csr_matrix(liked[users].astype(np.float32)), hidden, known)


def side(groups: NDArray[np.int64], rng: np.random.Generator) -> SideInformation:
    """A genre an item (its group), a maker shared by two items of one group, vectors around the group's centre."""
    genre = len(groups) + groups
    maker = len(groups) + GROUPS + np.arange(len(groups)) % (len(groups) // 2)
    triples = Triples(
        np.tile(np.arange(len(groups)), 2).astype(np.int32),
        np.repeat([GENRE, MAKER], len(groups)).astype(np.int16),
        np.concatenate([genre, maker]).astype(np.int32),
    )
    vectors = np.eye(GROUPS, 12)[groups] + 0.1 * rng.standard_normal((len(groups), 12))
    present = rng.random(len(groups)) < 0.9
    table = EmbeddingTable((vectors * present[:, None]).astype(np.float32), present, "planted", "1")
    friends = np.array([(user, user + GROUPS) for user in range(USERS - GROUPS)], np.int32)
    return SideInformation(int(maker.max()) + 1, ("HAS_GENRE", "MADE_BY"), triples, friends, {"text": table})


def bare(data: TrainingData) -> TrainingData:
    """The same without any side information."""
    nothing = data.side.without("triples").without("friendships").without("text")
    return replace(data, side=nothing)


def ndcg(model: Recommender, held: HeldOut) -> float:
    """Mean ndcg@10 of the model's scores over the held-out users."""
    scores = np.where(held.excluded.toarray() > 0, -np.inf, model.score(held.batch(slice(None))))
    ranking = np.argsort(-scores, axis=1, kind="stable")[:, :10].astype(np.int32)
    ranking[np.take_along_axis(scores, ranking, 1) == -np.inf] = -1
    return float(per_user(ranking, held.relevant, (10,))["ndcg@10"].mean())


def popularity_ndcg(planted: Planted) -> float:
    """What ranking by train counts alone reaches on the warm test."""
    counts = np.asarray(planted.data.matrix.sum(axis=0)).ravel()
    scores = np.where(planted.test.excluded.toarray() > 0, -np.inf, counts[None])
    ranking = np.argsort(-scores, axis=1, kind="stable")[:, :10].astype(np.int32)
    return float(per_user(ranking, planted.test.relevant, (10,))["ndcg@10"].mean())
