"""A home of any size without a graph store: a synthetic snapshot, a fitted blend and the index that is published of it.

Popularity of items and activity of users have long tails; items lie in clusters, and each user draws from a few. What
was drawn and fitted is kept in the folder, so a second call publishes at once what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.schema import KINDS
from graph.snapshot import EmbeddingTable, IdMap, Interactions, Snapshot, Triples
from serving.index import FOLDER, ModelInfo
from serving.publish import publish
from training.blend import Blend, BlendConfig, MemberConfig
from training.data import Histories
from training.fitted import everything

GENRES = 40
CLUSTERS_A_USER = 3
BEGIN, END = 1_600_000_000, 1_700_000_000
BLEND = (
    MemberConfig("ials", 0.6, {"embedding_size": 64, "epochs": 4, "unobserved_weight": 0.003, "regularization": 0.05}),
    MemberConfig("item-knn", 0.4, {"neighbours": 50}),
)
PLATFORM_KINDS = ("movie", "track", "article")


@dataclass(frozen=True)
class LargeSize:
    """How many there are; `dim` > 0 gives items clustered unit vectors as their `text` embedding."""

    users: int
    items: int
    per_user: int = 20
    dim: int = 0
    seed: int = 42

    @property
    def clusters(self) -> int:
        return max(4, self.items // 400)


def large_home(folder: Path, size: LargeSize, say: Callable[[str], None]) -> Path:
    """The home in `folder`, published when it is not there yet."""
    home = folder / "home"
    if (home / FOLDER / "current").exists():
        return home
    begun = time.perf_counter()

    def tell(text: str) -> None:
        say(f"{time.perf_counter() - begun:.0f} s: {text}")

    tell("drawing the snapshot")
    snapshot = draw(size)
    training = everything(snapshot, None)
    tell(f"{len(snapshot.interactions):,} interactions; fitting")
    model = fitted(folder / "model.npz", training.histories, training, tell)
    publish(
        snapshot, model, home=home, model=ModelInfo("auto", "large"), snapshot_hash="synthetic",
        histories=training.histories, progress=tell,
    )  # fmt: skip
    tell("published")
    return home


def fitted(path: Path, histories: Histories, training: object, tell: Callable[[str], None]) -> Blend:
    """The blend, from `path` where it was kept."""
    blend = Blend(BlendConfig(BLEND))
    if path.exists():
        with np.load(path) as state:
            return blend.load_state(dict(state))
    for member in blend.members:
        member.fit(training)  # type: ignore[arg-type]
        tell(f"fitted {member.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **blend.state())
    del histories
    return blend


def draw(size: LargeSize) -> Snapshot:
    """The snapshot of this size; equal for equal sizes."""
    random = np.random.default_rng(size.seed)
    users, items = ids("u", size.users), ids("i", size.items)
    cluster = np.sort(random.integers(0, size.clusters, size.items))  # items of a cluster stand together
    entities = tuple(sorted(f"Genre:Genre:g{number:02d}" for number in range(GENRES)))
    genre = (cluster % GENRES).astype(np.int32)
    triples = Triples(
        np.arange(size.items, dtype=np.int32), np.zeros(size.items, np.int16), size.items + genre
    )  # fmt: skip
    return Snapshot(
        users=IdMap(users, "user"),
        items=IdMap(items, "item"),
        entities=IdMap(entities, "entity"),
        relations=("HAS_GENRE",),
        interactions=_interactions(random, size, cluster),
        triples=triples,
        friendships=np.empty((0, 2), np.int32),
        identities={},
        item_properties=_item_properties(random, items, size.items),
        user_properties=pa.table({"age": pa.array(random.integers(15, 90, size.users))}),
        embeddings=_embeddings(random, cluster, size),
    )


def ids(letter: str, count: int) -> tuple[str, ...]:
    """Sorted ids."""
    width = len(str(count))
    return tuple(f"synthetic:{letter}{number:0{width}d}" for number in range(count))


def _interactions(random: np.random.Generator, size: LargeSize, cluster: NDArray[np.int64]) -> Interactions:
    """Each user picks popular items of a few clusters; one in ten is from anywhere."""
    lengths = np.clip(random.lognormal(np.log(size.per_user) - 0.32, 0.8, size.users), 1, 500).astype(np.int64)
    user = np.repeat(np.arange(size.users, dtype=np.int32), lengths)
    favourite = (size.clusters * random.random((size.users, CLUSTERS_A_USER)) ** 1.5).astype(np.int32)
    chosen = favourite[user, random.integers(0, CLUSTERS_A_USER, len(user))]
    anywhere = random.random(len(user)) < 0.1
    chosen[anywhere] = random.integers(0, size.clusters, int(anywhere.sum()))
    first = np.searchsorted(cluster, np.arange(size.clusters + 1))
    width = np.maximum(1, first[chosen + 1] - first[chosen])
    item = np.minimum(first[chosen] + (width * random.random(len(user)) ** 3).astype(np.int64), size.items - 1)
    pairs = np.unique(user.astype(np.int64) * size.items + item)
    user, item = (pairs // size.items).astype(np.int32), (pairs % size.items).astype(np.int32)
    time_of = random.integers(BEGIN, END, len(user))
    order = np.lexsort((time_of, user))
    rated = np.full(len(user), KINDS.index("liked"), np.int8)
    return Interactions(user[order], item[order], rated, np.full(len(user), np.nan, np.float32), time_of[order])


def _item_properties(random: np.random.Generator, items: tuple[str, ...], count: int) -> pa.Table:
    kinds = np.array(PLATFORM_KINDS, object)[random.choice(3, count, p=(0.7, 0.25, 0.05))]
    return pa.table({
        "title": [f"Item {name.partition(':')[2]}" for name in items],
        "kind": pa.array(kinds, pa.string()),
        "year": pa.array(1950 + random.integers(0, 75, count)),
    })  # fmt: skip


def _embeddings(random: np.random.Generator, cluster: NDArray[np.int64], size: LargeSize) -> dict[str, EmbeddingTable]:
    if not size.dim:
        return {}
    vectors = clustered_vectors(random, cluster, size.dim)
    return {"text": EmbeddingTable(vectors, np.ones(size.items, bool), "synthetic", "1")}


def clustered_vectors(
    random: np.random.Generator, cluster: NDArray[np.int64], dim: int, inner: int = 24
) -> NDArray[np.float32]:
    """Unit vectors: a centre a cluster, and about it a cloud of `inner` dimensions, as text embeddings have it."""
    centres = random.standard_normal((int(cluster.max()) + 1, dim), np.float32) / np.float32(dim**0.5)
    basis = random.standard_normal((inner, dim), np.float32) / np.float32(dim**0.5)
    found = np.empty((len(cluster), dim), np.float32)
    for start in range(0, len(cluster), 1 << 16):
        rows = slice(start, start + (1 << 16))
        cloud = random.standard_normal((len(cluster[rows]), inner), np.float32)
        noise = random.standard_normal((len(cluster[rows]), dim), np.float32) * np.float32(0.3 / dim**0.5)
        found[rows] = centres[cluster[rows]] + cloud @ basis * np.float32(1 / inner**0.5) + noise
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found
