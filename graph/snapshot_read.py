"""Fills a `Snapshot` straight from a data set's files, in any format that ingest reads; no store is needed.

`graph.snapshot_store` does the same from a store. Both collect and leave the canonical form to `graph.snapshot_build`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.errors import InvalidData
from graph.existing import NoStore
from graph.gather_graph import GraphChecks
from graph.schema import FRIEND, IS, ITEM, RESERVED_TYPES, SAME_AS, TYPE_TO_KIND, USER, EdgeBatch, NodeBatch
from graph.snapshot import Snapshot
from graph.snapshot_build import KIND_CODES, NOT_ENTITIES, Acts, Built, Collected, Facts, build, links_of
from graph.snapshot_nodes import EMBEDDING
from graph.snapshot_store import read_snapshot
from graph.sources.batches import Batcher, Piece, graph_ids
from graph.sources.chunks import INTERACTION_PARTS, Chunk, GraphChunk
from graph.sources.detect import open_path
from graph.sources.refused import Repeats, Tally, check_refused

__all__ = ["FolderData", "read_folder", "read_snapshot"]

DEFAULT_PLATFORM = "data"
PART_CODES: Mapping[str, int] = MappingProxyType({"interactions": 0, "train": 0, "valid": 1, "test": 2})


@dataclass(frozen=True)
class FolderData:
    """A data set as arrays.

    `part` (0 train, 1 valid, 2 test; None where the data has no fixed split) and `order` (row number in its file) are
    aligned to `snapshot.interactions`. `negatives`: user position -> item positions. `refused`: rows left out.
    """

    snapshot: Snapshot
    part: NDArray[np.int8] | None
    order: NDArray[np.int64]
    negatives: dict[int, NDArray[np.int32]] = field(default_factory=dict)
    refused: int = 0


def read_folder(
    path: Path,
    *,
    platform: str = DEFAULT_PLATFORM,
    same_users: bool = False,
    format: str | None = None,  # noqa: A002 - the user's word for it
    max_refused: float = 0.01,
    now: float | None = None,
) -> FolderData:
    """Reads the data set at `path`. Ids are `platform:native`; those of a `platforms/NAME` folder are `NAME:native`.

    Media stay where they are: `image` is the path in the folder. Errors as `graph.sources.detect.open_path`, and
    `InvalidData` for a file with more than `max_refused` of its rows refused.
    """
    source = open_path(path, now=time.time() if now is None else now, format=format)
    reader = _Reader(Batcher(platform))
    for chunk in source.chunks():
        reader.add(chunk, platform, max_refused)
    checks = GraphChecks(NoStore(), None if source.whole_ids else platform)
    for found in source.graph():
        reader.add_graph(checks.checked(found))
    reader.finish(max_refused)
    if same_users:
        reader.collect(reader.batcher.same_users(), "interactions")
    if source.posters is not None:
        reader.add_posters(source.posters, path, platform)
    built = build(reader.collected)
    part = built.part if reader.has_parts else None
    refused = sum(tally.refused for tally in reader.tallies.values())
    return FolderData(built.snapshot, part, built.order, _negatives(reader.negatives, built), refused)


@dataclass
class _Reader:
    """Collects the pieces of all chunks."""

    batcher: Batcher
    collected: Collected = field(default_factory=Collected)
    tallies: dict[str, Tally] = field(default_factory=dict)
    repeats: dict[str, Repeats] = field(default_factory=dict)
    negatives: list[tuple[pa.Array, pa.Array]] = field(default_factory=list)
    has_parts: bool = False

    def add(self, chunk: Chunk, platform: str, max_refused: float) -> None:
        if chunk.file not in self.tallies:
            self.finish(max_refused)
        if chunk.part in {"items", "users"}:
            chunk = self.repeats.setdefault(chunk.file, Repeats()).check(chunk)
        self.tallies.setdefault(chunk.file, Tally()).add(chunk.read, chunk.refused)
        self.has_parts |= chunk.part == "train"
        self.collect(self.batcher.pieces(chunk), chunk.part)
        if chunk.part == "negatives":
            name = chunk.platform or platform
            ids = [graph_ids(name, chunk.rows.column(end).combine_chunks()) for end in ("user", "item")]
            self.negatives.append((ids[0], ids[1]))

    def add_graph(self, part: GraphChunk) -> None:
        """Rows of a general graph; interactions may lack `value` and `at`."""
        self.tallies.setdefault(part.file, Tally()).add(part.read, part.refused)
        rows = part.batch.rows
        if isinstance(part.batch, NodeBatch):
            rows = rows.select([name for name in rows.column_names if EMBEDDING not in name])
            self.collect([Piece(replace(part.batch, rows=rows), part.numbers)], "interactions")
            return
        if not _is_held(part.batch):
            return
        for name, kind in (("value", pa.float64()), ("at", pa.int64())):
            if name not in rows.column_names:
                rows = rows.append_column(name, pa.nulls(rows.num_rows, kind))
        self.collect([Piece(replace(part.batch, rows=rows), part.numbers)], "interactions")

    def finish(self, max_refused: float) -> None:
        """Checks the files read so far."""
        for file, tally in self.tallies.items():
            check_refused(file, tally, max_refused)

    def collect(self, pieces: Iterable[Piece], part: str) -> None:
        code = PART_CODES[part] if part in INTERACTION_PARTS else 0
        for piece in pieces:
            _collect(piece, self.collected, code)

    def add_posters(self, posters: Path, root: Path, platform: str) -> None:
        """Images named by item id, for the items that there are."""
        files = sorted(one for one in posters.iterdir() if one.is_file())
        ids = [f"{platform}:{one.stem}" for one in files]
        images = [one.relative_to(root).as_posix() for one in files]
        table = pa.table({"id": pa.array(ids, pa.string()), "image": pa.array(images, pa.string())})
        known = pa.chunked_array([one.column("id").combine_chunks() for one in self.collected.nodes[ITEM]], pa.string())
        self.collected.nodes[ITEM].append(table.filter(pc.is_in(table.column("id"), value_set=pc.unique(known))))


def _is_held(batch: EdgeBatch) -> bool:
    """Whether a snapshot holds relationships of this type between these labels."""
    ends = batch.head_label, batch.tail_label
    if batch.type in RESERVED_TYPES:
        acts = batch.type in TYPE_TO_KIND and ends == (USER, ITEM)
        return acts or batch.type in {FRIEND, IS} or (batch.type == SAME_AS and ends == (ITEM, ITEM))
    heads = batch.head_label in {USER, ITEM} or batch.head_label not in NOT_ENTITIES
    return heads and (batch.tail_label not in NOT_ENTITIES or (batch.tail_label == ITEM and batch.head_label != USER))


def _collect(piece: Piece, collected: Collected, part: int) -> None:
    batch = piece.batch
    if isinstance(batch, NodeBatch):
        if batch.label in {USER, ITEM} or batch.label not in NOT_ENTITIES:
            collected.nodes[batch.label].append(batch.rows)
        return
    head, tail = (batch.rows.column(end).combine_chunks() for end in ("head", "tail"))
    if batch.type in TYPE_TO_KIND and batch.head_label == USER and batch.tail_label == ITEM:
        value, at = (batch.rows.column(name).combine_chunks() for name in ("value", "at"))
        kind = KIND_CODES[TYPE_TO_KIND[batch.type]]
        collected.acts.append(Acts(kind, head, tail, value, at, part, piece.numbers))
    elif batch.type == FRIEND:
        collected.friends.append((head, tail))
    elif batch.type == IS:
        collected.people.append(links_of(head, tail, batch.rows))
    elif batch.type == SAME_AS:
        collected.same.append(links_of(head, tail, batch.rows))
    else:
        collected.facts.append(Facts(batch.type, batch.head_label, batch.tail_label, head, tail))


def _negatives(pairs: list[tuple[pa.Array, pa.Array]], built: Built) -> dict[int, NDArray[np.int32]]:
    if not pairs:
        return {}
    users, items = (pa.array(ids.ids, pa.string()) for ids in (built.snapshot.users, built.snapshot.items))
    user = np.concatenate([pc.index_in(one, value_set=users).to_numpy(zero_copy_only=False) for one, _ in pairs])
    item = np.concatenate([pc.index_in(two, value_set=items).to_numpy(zero_copy_only=False) for _, two in pairs])
    if np.isnan(user.astype(np.float64)).any():
        raise InvalidData(
            "negatives name a user who has no interactions",
            valid="users of the test part",
            remedy="take those rows out of negatives",
        )
    order = np.argsort(user, kind="stable")
    user, item = user[order].astype(np.int64), item[order].astype(np.int32)
    starts = np.flatnonzero(np.diff(user, prepend=-1))
    return dict(zip(user[starts].tolist(), np.split(item, starts[1:]), strict=True))
