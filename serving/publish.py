"""From a snapshot and a fitted model to a published index: written aside, synced, renamed, then made current.

Fourth arrow of the flow. Not part of the request path: this file may import `training`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.explain_tell import FEWEST_PEOPLE
from graph.schema import KINDS
from graph.snapshot import Interactions, Snapshot
from graph.snapshot_files import content_hash
from serving import catalogue
from serving.consent import ARRAY
from serving.consent_graph import marks_of
from serving.experiment_runs import ExperimentRuns
from serving.index import FOLDER, ModelInfo, mapped
from serving.index_files import write_array, write_blobs, write_names, write_rows
from serving.neighbours import attribute_vectors, crowd, unit
from serving.publish_approximate import write_approximate
from serving.publish_events import write_events
from serving.publish_forms import write_members
from serving.publish_inherit import write_inheritance
from serving.publish_lists import check_shape, complete_lists, write_lists
from serving.publish_newcomers import write_newcomers
from serving.publish_people import write_people
from serving.publish_related import write_related
from serving.publish_sessions import write_sessions
from serving.publish_version import finish, make_current, prune
from training.data import Histories
from training.prepare import known_histories
from training.recommender import Recommender

__all__ = ["ModelInfo", "publish"]

CROWD_SIZE = 100


def publish(  # noqa: PLR0913  what an index is made of
    snapshot: Snapshot,
    recommender: Recommender,
    *,
    home: Path,
    model: ModelInfo,
    snapshot_hash: str = "",
    histories: Histories | None = None,
    seen: csr_matrix | None = None,
    min_value: float | None = None,
    k_anonymity: int = FEWEST_PEOPLE,
    sessions: Mapping[str, Any] | None = None,
    learn_events: bool = True,
    created: str = "",
    current: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Writes `HOME/index/VERSION/`, makes it current and returns it. Safe while servers read older versions.

    `current` False: beside the current one, for experiments and shadows; nothing is pruned.

    `histories`: what the model may read about each user, oldest first; by default every positive interaction.
    `seen` (users x items): what is never recommended; by default every interaction but a mere impression. `min_value`:
    only values of at least this are likes, in `histories` and in what people do from now on. `k_anonymity`: the fewest
    people by whom two items are alike. `sessions`: what was learned of sessions (`training.sessions`), if anything was.
    `learn_events`: not beside a model with a privacy promise, which what answers to events teach would undo.
    `created`: the time that the manifest names, by default now.
    Raises `InvalidData` for scores that are not finite, `Conflict` for a model of another snapshot.
    """
    shape = (len(snapshot.users), len(snapshot.items))
    rows = snapshot.interactions
    known = histories if histories is not None else known_histories(snapshot, min_value)
    check_shape((len(known), known.num_items), shape)
    seen = _seen(rows, shape) if seen is None else seen
    root = home / FOLDER
    root.mkdir(parents=True, exist_ok=True)
    temporary = Path(mkdtemp(prefix=".new-", dir=root))
    try:
        tell = progress or (lambda _: None)
        entries = _write(temporary, snapshot, recommender, known, seen, tell)
        _write_crowd(temporary, known, k_anonymity)
        tell("what belongs to what")
        entries["related"] = write_related(temporary, snapshot, known, k_anonymity)
        entries["sessions"] = write_sessions(temporary, snapshot, known, sessions or {})
        entries["events"] = write_events(temporary, snapshot, min_value, tell) if learn_events else None
        entries |= {"snapshot": snapshot_hash or content_hash(snapshot), "model": model.json(), "created": created}
        entries |= {"min_value": min_value, "k_anonymity": k_anonymity}
        _write_retrieval(temporary, entries, tell)
        folder = finish(temporary, root, entries)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if current:
        make_current(root, folder.name)
        with closing(ExperimentRuns(home)) as runs:
            prune(root, folder.name, runs.pinned())
    return folder


def _write_retrieval(folder: Path, entries: dict[str, Any], tell: Callable[[str], None]) -> None:
    """What is made by searching the index itself; `entries` come to say of the search what the manifest will."""
    tell("approximate search")
    entries["approximate"] = write_approximate(folder, mapped(folder, {**entries, "version": ""}))
    complete_lists(folder, mapped(folder, {**entries, "version": ""}), tell)


def _write(
    folder: Path,
    snapshot: Snapshot,
    recommender: Recommender,
    known: Histories,
    seen: csr_matrix,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """All files but the manifest; returns what the manifest says beside their hashes."""
    tell("items and users")
    counts = np.bincount(snapshot.interactions.item, minlength=len(snapshot.items)).astype(np.float32)
    popular = np.lexsort((np.arange(len(counts)), -counts)).astype(np.int32)
    write_array(folder, "popularity", counts)
    write_array(folder, "popular", popular)
    kinds = _write_items(folder, snapshot, popular)
    _write_users(folder, snapshot)
    write_array(folder, ARRAY, marks_of(snapshot))
    _write_history(folder, snapshot.interactions, len(snapshot.users))
    write_rows(folder, "known", known.indptr, known.items)
    write_rows(folder, "seen", *_sorted_rows(seen))
    tell("similar items")
    _write_similarity(folder, snapshot)
    tell("what newcomers are asked and told")
    profile = write_newcomers(folder, snapshot, known)
    tell("people who may know each other")
    people = write_people(folder, snapshot)
    tell("what new items inherit")
    inherit, fill = write_inheritance(folder, snapshot, recommender, known)
    tell("lists of every user")
    members = write_members(folder, recommender)
    write_lists(folder, recommender, known, seen, fill)
    encoders = {name: [table.encoder, table.version] for name, table in sorted(snapshot.embeddings.items())}
    modalities = sorted(snapshot.embeddings)
    return {"kinds": kinds, "members": members, "modalities": modalities, "encoders": encoders, "inherit": inherit,
            "profile": profile, "people": people, "consent": True}  # fmt: skip


def _write_items(folder: Path, snapshot: Snapshot, popular: NDArray[np.int32]) -> tuple[str, ...]:
    attributes = catalogue.attributes_by_item(snapshot)
    values = list(catalogue.rows(snapshot.item_properties)) or [{} for _ in snapshot.items.ids]
    cards = [
        catalogue.item_card(identity, row, named)
        for identity, row, named in zip(snapshot.items.ids, values, attributes, strict=True)
    ]
    kinds, codes = catalogue.kind_codes([card["kind"] for card in cards])
    write_blobs(folder, "item_ids", (identity.encode() for identity in snapshot.items.ids))
    write_blobs(folder, "item_cards", map(catalogue.dumps, cards))
    pages = (catalogue.item_page(card, row) for card, row in zip(cards, values, strict=True))
    write_blobs(folder, "item_pages", map(catalogue.dumps, pages))
    write_names(folder, "item_names", catalogue.searchable(snapshot.items, cards), popular)
    write_array(folder, "item_kind", codes)
    return kinds


def _write_users(folder: Path, snapshot: Snapshot) -> None:
    ids = snapshot.users.ids
    counts = np.bincount(snapshot.interactions.user, minlength=len(ids))
    values = list(catalogue.rows(snapshot.user_properties)) or [{} for _ in ids]
    cards = (catalogue.user_card(*row) for row in zip(ids, values, counts.tolist(), strict=True))
    write_blobs(folder, "user_ids", (identity.encode() for identity in ids))
    write_blobs(folder, "user_cards", map(catalogue.dumps, cards))
    names = [f"{identity} {row.get('name', '')}" for identity, row in zip(ids, values, strict=True)]
    write_names(folder, "user_names", names, np.arange(len(ids)))


def _write_history(folder: Path, rows: Interactions, num_users: int) -> None:
    """Newest first within each user."""
    order = np.lexsort((-np.arange(len(rows)), -rows.time.astype(np.float64), rows.user))
    newest = rows.take(order)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows.user, minlength=num_users))])
    write_rows(folder, "history", indptr, newest.item)
    for name in ("kind", "value", "time"):
        write_array(folder, f"history.{name}", getattr(newest, name))


def _write_similarity(folder: Path, snapshot: Snapshot) -> None:
    for name, table in snapshot.embeddings.items():
        write_array(folder, f"vectors.{name}.unit", unit(table))
        write_array(folder, f"vectors.{name}.present", table.present)
    vectors, rarity, damping = attribute_vectors(snapshot)
    write_array(folder, "attributes.rarity", rarity)
    write_array(folder, "attributes.damping", np.array([damping], np.float32))
    for name, matrix in (("attributes", vectors), ("attribute_items", csr_matrix(vectors.T))):
        weights = "attributes.weights" if name == "attributes" else "attribute_items.weights"
        write_rows(folder, name, matrix.indptr, matrix.indices)
        write_array(folder, weights, matrix.data)


def _write_crowd(folder: Path, known: Histories, k_anonymity: int) -> None:
    items, scores = crowd(known.matrix, CROWD_SIZE, k_anonymity)
    write_array(folder, "crowd.items", items)
    write_array(folder, "crowd.scores", scores)


def _seen(rows: Interactions, shape: tuple[int, int]) -> csr_matrix:
    kept = rows.take(rows.kind != KINDS.index("impressed"))
    return csr_matrix((np.ones(len(kept), np.float32), (kept.user, kept.item)), shape=shape)


def _sorted_rows(matrix: csr_matrix) -> tuple[NDArray[Any], NDArray[Any]]:
    matrix.sum_duplicates()
    return matrix.indptr, matrix.indices
