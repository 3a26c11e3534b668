"""What `interlace train-encoder` learns from beside pictures and texts: sounds and words, and what people liked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph.errors import InvalidData
from serving.cli.session import Session, require

if TYPE_CHECKING:
    from encoders.base import Modality
    from encoders.contrast import ContrastTraining, PairsReport
    from graph.snapshot import EmbeddingTable, Snapshot

AS_LIKED = 10
"""Partners of an item that it is drawn to, those worth most."""


@dataclass(frozen=True)
class Liked:
    """`modalities`: none for each that the items have. `audio`: encoder of a folder's sounds."""

    modalities: tuple[str, ...]
    min_value: float | None
    audio: str | None


def train_audio_tags(
    session: Session, folder: Path | None, chosen: dict[str, Any], *, labels: list[str] | None, encoder: str | None
) -> tuple[ContrastTraining, PairsReport]:
    """Sounds and the words for them."""
    from encoders.train_sounds import TRAINING, train_sounds
    from serving.progress import parts

    training = replace(TRAINING, **chosen)
    snapshot = _catalogue(session, folder)
    described = words_of(snapshot, labels)
    table = _tables(session, snapshot, folder, ("audio",), encoder)["audio"]
    with session.reporter.step("training sounds and words") as step:
        report = train_sounds(table, described, home=session.home, kind=usual_kind(snapshot), training=training,
                              progress=parts(step))  # fmt: skip
    return training, report


def train_liked_together(
    session: Session, folder: Path | None, chosen: dict[str, Any], wanted: Liked
) -> tuple[ContrastTraining, PairsReport]:
    """Items that the same people liked; pairs as `serving.together` counts them, of at least k-anonymity's people."""
    import numpy as np

    from encoders.train_liked import TRAINING, train_liked
    from serving.progress import parts
    from serving.together import taken_together
    from training.prepare import known_histories

    training = replace(TRAINING, **chosen)
    snapshot = _liked_by_who_agrees(session) if folder is None else _catalogue(session, folder)
    tables = _tables(session, snapshot, folder, wanted.modalities, wanted.audio)
    known = known_histories(snapshot, wanted.min_value)
    found = taken_together(known, session.settings.k_anonymity).significant.best(AS_LIKED)
    pairs = np.stack([found.row, found.column], axis=1)
    with session.reporter.step("training by what was liked together") as step:
        report = train_liked(tables, pairs, home=session.home, training=training, progress=parts(step))
    return training, report


def _catalogue(session: Session, folder: Path | None) -> Snapshot:
    from graph.snapshot_read import read_folder, read_snapshot

    if folder is not None:
        require(folder)
        return read_folder(folder).snapshot
    with session.reporter.step("reading the graph"), session.store() as graph:
        return read_snapshot(graph)


def _liked_by_who_agrees(session: Session) -> Snapshot:
    from serving.workflow import freeze

    with session.reporter.step("reading the graph"), session.store() as graph:
        return freeze(graph, session.home, session.settings.consent_defaults).snapshot


def _tables(
    session: Session, snapshot: Snapshot, folder: Path | None, modalities: tuple[str, ...], audio: str | None
) -> dict[Modality, EmbeddingTable]:
    """Vectors by modality: of a folder, encoded now; or those on the graph. Raises `InvalidData` for unknown ones."""
    from encoders.encode import MODALITIES, embed_folder
    from serving.progress import parts

    if unknown := set(modalities) - set(MODALITIES):
        raise InvalidData(f"no modality {min(unknown)!r} is encoded", valid=", ".join(MODALITIES),
                          remedy="name one of these")  # fmt: skip
    asked = [name for name in MODALITIES if not modalities or name in modalities]
    found: Mapping[str, EmbeddingTable] = snapshot.embeddings
    if folder is not None:
        with session.reporter.step("encoding") as step:
            found = embed_folder(snapshot, folder, home=session.home, modalities=asked, progress=parts(step),
                                 names={"audio": audio} if audio else None)  # fmt: skip
    tables = {name: found[name] for name in asked if name in found}
    missing = [name for name in modalities if name not in tables]
    if missing or not tables:
        raise InvalidData(f"no item has a vector of {' or '.join(missing or asked)}",
                          valid="items with texts, pictures or sounds",
                          remedy="run interlace encode, or name others")  # fmt: skip
    return tables


def words_of(snapshot: Snapshot, labels: list[str] | None) -> list[list[str]]:
    """Each item's words: names of its attributes of these labels; by default of all, and its title.

    Raises `InvalidData` for a label that no item has.
    """
    from serving.catalogue import attributes_by_item

    by_item = attributes_by_item(snapshot)
    there = sorted({label for one in by_item for label in one})
    if unknown := sorted(set(labels or ()) - set(there)):
        raise InvalidData(f"no item has a named {unknown[0]}", valid=", ".join(there) or "no attribute at all",
                          remedy="name one of these with --from, or leave it out")  # fmt: skip
    found = [[name for label, names in one.items() if labels is None or label in labels for name in names]
             for one in by_item]  # fmt: skip
    if labels is None and "title" in snapshot.item_properties.column_names:
        for words, title in zip(found, snapshot.item_properties["title"].to_pylist(), strict=True):
            words.extend([title] if title else [])
    return found


def usual_kind(snapshot: Snapshot) -> str:
    """The kind that most items are of."""
    from collections import Counter

    if "kind" not in snapshot.item_properties.column_names:
        return "track"
    counts = Counter(kind for kind in snapshot.item_properties["kind"].to_pylist() if kind)
    return max(sorted(counts), key=lambda kind: counts[kind]) if counts else "track"
