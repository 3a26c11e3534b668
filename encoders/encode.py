"""Texts, pictures, sounds and videos of a catalogue to vectors on the graph, or to tables for a run without a store.

Third arrow of the flow: graph -> graph with embeddings. An item whose source did not change since its vector was
written is left alone; one without a source, or with one that cannot be read, has no vector (a mask, never zeros).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from encoders.base import AnyEncoder, Modality, Vectors
from encoders.cache import VectorCache
from encoders.item_pages import item_pages
from encoders.pipeline import Team
from encoders.registry import open_encoder, resolve_names
from encoders.report import EncodeReport, ModalityReport, Tally
from encoders.sources import Outcome, Source, encode_sources, source_of
from graph import changes
from graph.schema import ITEM
from graph.snapshot import EmbeddingTable, Snapshot
from graph.store import GraphStore

MODALITIES: tuple[Modality, ...] = ("text", "image", "audio")
PAGE = 512
CACHE = Path("cache") / "embeddings.sqlite"
MEDIA = Path("media")

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the modality, the items done and the items in all."""


def encode_items(
    store: GraphStore,
    *,
    home: Path,
    modalities: Sequence[Modality] = MODALITIES,
    names: Mapping[str, str] | None = None,
    device: str | None = None,
    batch_size: int = PAGE,
    progress: Progress | None = None,
    team: Team | None = None,
) -> EncodeReport:
    """Writes `text_embedding`, `image_embedding` and `audio_embedding` on the store's items.

    Each with `_encoder`, `_version` and `_source`.

    `names`: encoder by modality, where not the default. `batch_size`: items read and written at once. Files are read
    from HOME/media. `team`: processes that share the encoding, to the same vectors. Raises `NotFound` for an unknown
    encoder before anything is written.
    """
    begun = time.perf_counter()
    chosen = resolve_names(modalities, names)
    encoders = [open_encoder(chosen[modality], device=device) for modality in modalities]
    total = int(store.query("item_count").rows[0][0])
    with VectorCache(home / CACHE) as cache:
        job = _Job(store, home, cache, batch_size, total, progress, team)
        reports = [_encode_on_graph(job, one) for one in encoders]
    return EncodeReport(tuple(reports), round(time.perf_counter() - begun, 3))


@dataclass(frozen=True)
class _Job:
    """What the modalities of one run share."""

    store: GraphStore
    home: Path
    cache: VectorCache
    batch_size: int
    total: int
    progress: Progress | None
    team: Team | None


def _encode_on_graph(job: _Job, encoder: AnyEncoder) -> ModalityReport:
    begun = time.perf_counter()
    store, home = job.store, job.home
    tally, done, indexed = Tally(), 0, False
    changes.prepare(store)
    for rows in item_pages(store, job.batch_size):
        sources, stale = _compare(encoder, rows, tally)
        outcome = encode_sources(encoder, sources, home / MEDIA, job.cache, job.team)
        _count(outcome, tally)
        if outcome.vectors and not indexed:
            store.ensure_vector_index(ITEM, f"{encoder.modality}_embedding", len(next(iter(outcome.vectors.values()))))
            indexed = True
        has_vector = {row["id"] for row in rows if row[f"has_{encoder.modality}"]}
        dropped = [*stale, *(item for item in (*outcome.refused, *outcome.absent) if item in has_vector)]
        _write(store, home, _rows(encoder, sources, outcome, dropped))
        done += len(rows)
        if job.progress is not None:
            job.progress(encoder.modality, done, max(job.total, done))
    return tally.report(encoder.modality, encoder.name, encoder.version, time.perf_counter() - begun)


def _compare(encoder: AnyEncoder, rows: list[dict[str, Any]], tally: Tally) -> tuple[list[Source], list[str]]:
    """Sources to encode, and items whose vector has lost its source."""
    modality = encoder.modality
    sources, stale = [], []
    for row in rows:
        source = source_of(modality, row["id"], row)
        if source is None:
            tally.missing += 1
            if row[f"has_{modality}"]:
                stale.append(row["id"])
        elif row[f"has_{modality}"] and _marks(row, modality) == (encoder.name, encoder.version, source.mark):
            tally.cached += 1
        else:
            sources.append(source)
    return sources, stale


def _marks(row: Mapping[str, Any], modality: str) -> tuple[object, object, object]:
    return row[f"{modality}_encoder"], row[f"{modality}_version"], row[f"{modality}_source"]


def _count(outcome: Outcome, tally: Tally) -> None:
    tally.encoded += outcome.computed
    tally.cached += len(outcome.vectors) - outcome.computed
    tally.missing += len(outcome.absent)
    for item, reason in outcome.refused.items():
        tally.refuse(item, reason)


def _write(store: GraphStore, home: Path, rows: list[dict[str, Any]]) -> None:
    """Writes vectors and tells the change log whose."""
    if rows:
        items = [row["id"] for row in rows]
        changes.write_nodes(store, home, "set_item_properties", {"rows": rows}, {ITEM: items})


def _rows(
    encoder: AnyEncoder, sources: Sequence[Source], outcome: Outcome, dropped: Sequence[str]
) -> list[dict[str, Any]]:
    """Properties to set, by item."""
    name = f"{encoder.modality}_embedding"
    nothing = {name: None, f"{name}_encoder": None, f"{name}_version": None, f"{name}_source": None}
    rows: list[dict[str, Any]] = [{"id": item, "properties": nothing} for item in dropped]
    for source in sources:
        vector = outcome.vectors.get(source.item)
        if vector is not None:
            marks = {
                f"{name}_encoder": encoder.name, f"{name}_version": encoder.version, f"{name}_source": source.mark
            }  # fmt: skip
            rows.append({"id": source.item, "properties": {name: vector.tolist(), **marks}})
    return rows


def embed_folder(
    snapshot: Snapshot,
    folder: Path,
    *,
    home: Path | None = None,
    modalities: Sequence[Modality] = MODALITIES,
    names: Mapping[str, str] | None = None,
    device: str | None = None,
    progress: Progress | None = None,
) -> dict[str, EmbeddingTable]:
    """One table a modality, rows as `snapshot.items`, without a store; a modality of which no item has any is left out.

    Files are read below `folder`. Without `home` nothing is cached beyond this call.
    """
    chosen = resolve_names(modalities, names)
    tables = {}
    with VectorCache(None if home is None else home / CACHE) as cache:
        for modality in modalities:
            encoder = open_encoder(chosen[modality], device=device)
            table = _table(snapshot, encoder, folder, cache, progress)
            if table is not None:
                tables[str(modality)] = table
    return tables


def _table(
    snapshot: Snapshot, encoder: AnyEncoder, folder: Path, cache: VectorCache, progress: Progress | None
) -> EmbeddingTable | None:
    columns = [
        name
        for name in ("title", "text", "summary", encoder.modality, "video")
        if name in snapshot.item_properties.column_names
    ]
    found: dict[int, Vectors] = {}
    total = len(snapshot.items)
    for begin in range(0, total, PAGE):
        rows = snapshot.item_properties.select(columns).slice(begin, PAGE).to_pylist() if columns else []
        numbered = (source_of(encoder.modality, str(begin + place), row) for place, row in enumerate(rows))
        outcome = encode_sources(encoder, [source for source in numbered if source], folder, cache)
        found.update((int(position), vector) for position, vector in outcome.vectors.items())
        if progress is not None:
            progress(encoder.modality, min(begin + PAGE, total), total)
    return _aligned(found, total, encoder) if found else None


def _aligned(found: Mapping[int, Vectors], total: int, encoder: AnyEncoder) -> EmbeddingTable:
    vectors = np.zeros((total, len(next(iter(found.values())))), dtype=np.float32)
    present = np.zeros(total, dtype=np.bool_)
    for position, vector in found.items():
        vectors[position] = vector
        present[position] = True
    return EmbeddingTable(vectors, present, encoder.name, encoder.version)
