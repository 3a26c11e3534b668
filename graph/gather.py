"""Reads a data set for an ingest: every chunk checked against the others and the graph, its media copied, then staged.

Between `graph.sources` and `graph.plan`. What is refused goes to `HOME/refused`, with the reason.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph.erased import filtered
from graph.erased import read as read_erased
from graph.errors import InvalidData
from graph.existing import Queries
from graph.gather_graph import GraphChecks
from graph.id_pages import id_pages
from graph.media import SORTS, Media
from graph.schema import ENTITY, ITEM, KIND_TO_TYPE, PERSON, PLATFORM, USER, NodeBatch, node_id
from graph.sources.batches import NO_ROW, Batcher, Piece, graph_ids
from graph.sources.chunks import INTERACTION_PARTS, ROW, Chunk, GraphChunk, Source, refused_table
from graph.sources.refused import Repeats, Tally, check_refused, refuse_unknown_items
from graph.stage import Stage
from graph.sync import Asked

NO_FILE = -1
IMAGES = "images"
"""What the report calls the pictures, sounds and videos, which are no file of rows."""


@dataclass
class Gathered:
    """What was read: the files in order, with their parts and tallies, and where refused rows were written."""

    files: list[str] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    refused_files: list[Path] = field(default_factory=list)
    images: Tally = field(default_factory=Tally)


class Gatherer:
    """One reading of a source into a stage."""

    def __init__(self, store: Queries, source: Source, platform: str, home: Path, max_refused: float) -> None:
        self.found = Gathered()
        self.asked = Asked()
        self._watch: Callable[[int], None] | None = None
        self._store = store
        self._source = source
        self._platform = platform
        self._max_refused = max_refused
        self._graph = GraphChecks(store, None if source.whole_ids else platform)
        self._batcher = Batcher(platform)
        self._erased = read_erased(home)
        self._repeats: dict[str, Repeats] = {}
        self._items: dict[str, _Items] = {}
        self._refused = _RefusedFiles(home / "refused", platform, self.found.refused_files)
        self._media = Media(home, source.path)
        self._poster_media = Media(home, source.posters) if source.posters else None

    def gather(self, stage: Stage, *, same_users: bool, watch: Callable[[int], None] | None = None) -> Gathered:
        """Reads and stages everything. Raises `InvalidData` when a file has more refused rows than are allowed."""
        self._watch = watch
        if not self._source.whole_ids:
            self._add(stage, _platform_nodes([*self._source.platforms] or [self._platform]), NO_FILE)
        self._gather_chunks(stage)
        for part in self._source.graph():
            self._stage_graph(part, stage)
        for file in self.found.files:
            self._check(file)
        if same_users:
            for piece in self._batcher.same_users():
                self._add(stage, piece, NO_FILE)
        if self._poster_media is not None:
            self._stage_posters(stage)
        return self.found

    def _gather_chunks(self, stage: Stage) -> None:
        last = ""
        for chunk in self._source.chunks():
            if chunk.file != last and last:
                self._check(last)
            last = chunk.file
            if chunk.part == "deletions":
                self._ask(chunk)
            elif chunk.part != "negatives":  # for measuring alone
                self._stage(chunk, stage)
        self._check(last)

    def _check(self, file: str) -> None:
        tally = self.found.tallies.get(file)
        if tally is not None:
            check_refused(file, tally, self._max_refused, f" (see {self._refused.path(file)})")

    def _stage(self, chunk: Chunk, stage: Stage) -> None:
        chunk = self._checked(chunk)
        number = self._count(chunk.file, chunk.part, chunk.read, chunk.refused)
        for piece in self._batcher.pieces(chunk):
            self._add(stage, piece, number)

    def _ask(self, chunk: Chunk) -> None:
        """Keeps what a `deletions` file names, under graph ids."""
        self._count(chunk.file, chunk.part, chunk.read, chunk.refused)
        platform = chunk.platform or self._platform
        for row in chunk.rows.to_pylist():
            if row["label"] is not None:
                self.asked.nodes[row["label"]].append(_named(platform, row["label"], row["id"]))
            else:
                kind = KIND_TO_TYPE[row["kind"]] if row["kind"] else None
                user, item = (node_id(platform, row[name]) for name in ("user", "item"))
                self.asked.edges.append((user, item, kind, row["at"]))

    def _stage_graph(self, part: GraphChunk, stage: Stage) -> None:
        part = self._graph.checked(part)
        what = "nodes" if isinstance(part.batch, NodeBatch) else "relationships"
        number = self._count(part.file, what, part.read, part.refused)
        if part.batch.rows.num_rows:
            self._add(stage, Piece(part.batch, part.numbers), number)

    def _add(self, stage: Stage, piece: Piece, number: int) -> None:
        """Stages a piece, without who was erased: a source that still names them does not bring them back."""
        kept = filtered(piece.batch, self._erased)
        if kept is not None:
            rows = piece.batch.rows.filter(kept)
            piece = Piece(replace(piece.batch, rows=rows), piece.numbers.filter(kept))
        stage.add(piece, number)

    def _count(self, file: str, part: str, read: int, refused: pa.Table) -> int:
        """Adds to what is known of a file; returns its number."""
        if file not in self.found.tallies:
            self.found.files.append(file)
            self.found.parts[file] = part
            self.found.tallies[file] = Tally()
        self.found.tallies[file].add(read, refused)
        if self._watch is not None:
            self._watch(read)
        self._refused.add(file, refused)
        return self.found.files.index(file)

    def _checked(self, chunk: Chunk) -> Chunk:
        items = self._known_items(chunk.platform or self._platform)
        if chunk.part in {"items", "users"}:
            chunk = self._repeats.setdefault(chunk.file, Repeats()).check(chunk)
        if chunk.part == "items":
            items.add(chunk.rows.column("item"))
            items.listed = True
            chunk = self._with_media(chunk)
        if chunk.part in INTERACTION_PARTS:
            chunk = refuse_unknown_items(chunk, items.known()) if items.listed else chunk
            items.add(chunk.rows.column("item"))
        return chunk

    def _known_items(self, platform: str) -> _Items:
        if platform not in self._items:
            there = pa.array(list(_item_ids(self._store, platform)), pa.string())
            self._items[platform] = _Items(there)
            self._batcher.add_items(platform, there)
        return self._items[platform]

    def _with_media(self, chunk: Chunk) -> Chunk:
        """The chunk with media paths replaced by keys; what cannot be taken is refused, and its item has none."""
        rows = chunk.rows
        for name in SORTS:
            if name in rows.column_names:
                keys = self._keys(rows, name, chunk.file)
                rows = rows.set_column(rows.column_names.index(name), name, pa.array(keys, pa.string()))
        return replace(chunk, rows=rows)

    def _keys(self, rows: pa.Table, name: str, file: str) -> list[str | None]:
        paths, numbers = rows.column(name).to_pylist(), rows.column(ROW).to_pylist()
        found: list[str | None] = [None] * len(paths)
        for place, path in enumerate(paths):
            if path:
                found[place] = self._key(self._media, self._source.path / path, name, numbers[place], f"{file}: {path}")
        return found

    def _key(self, media: Media, path: Path, sort: str, number: int, shown: str) -> str | None:
        try:
            key = media.add(path, sort)
        except InvalidData as error:
            refused = refused_table([number], [error.what], [shown])
            self.found.images.add(1, refused)
            self._refused.add(IMAGES, refused)
            return None
        self.found.images.add(1, refused_table([], [], []))
        return key

    def _stage_posters(self, stage: Stage) -> None:
        """Pictures named by native item id, of the items that there are."""
        assert self._poster_media is not None
        assert self._source.posters is not None
        files = sorted(path for path in self._source.posters.iterdir() if path.is_file())
        known = set(self._known_items(self._platform).known().to_pylist())
        keys = {
            path.stem: self._key(self._poster_media, path, "image", NO_ROW, path.name)
            for path in files
            if path.stem in known
        }
        kept = {item: key for item, key in keys.items() if key is not None}
        ids = graph_ids(self._platform, pa.array(list(kept), pa.string()))
        rows = pa.table({"id": ids, "image": pa.array(list(kept.values()), pa.string())})
        stage.add(Piece(NodeBatch(ITEM, rows), pa.array(np.full(len(kept), NO_ROW))), NO_FILE)

    @property
    def copied(self) -> int:
        """Media files that were not in the home before."""
        return self._media.copied + (self._poster_media.copied if self._poster_media else 0)


class _Items:
    """Native ids of a platform's items: in the graph, and met so far. `listed`: an items file says which there are."""

    def __init__(self, there: pa.Array) -> None:
        self._parts = [there]
        self.listed = False

    def add(self, items: pa.ChunkedArray) -> None:
        self._parts.append(pc.unique(items))

    def known(self) -> pa.Array:
        if len(self._parts) > 1:
            self._parts = [pc.unique(pa.chunked_array(self._parts, pa.string()))]
        return self._parts[0]


def _item_ids(store: Queries, platform: str) -> Iterator[str]:
    """Native ids of the items that the graph has of a platform (`;` follows `:`)."""
    for ids in id_pages(store, ITEM, after=f"{platform}:", before=f"{platform};"):
        yield from (one[len(platform) + 1 :] for one in ids)


def _named(platform: str, label: str, native: str) -> str:
    """Graph id of a node that a file names: attributes by their value, people as they are, others by native id."""
    if label in {USER, ITEM, ENTITY}:
        return node_id(platform, native)
    return native if label in {PERSON, PLATFORM} else node_id(label, native)


def _platform_nodes(names: list[str]) -> Piece:
    rows = pa.table({"id": pa.array(names, pa.string()), "name": pa.array(names, pa.string())})
    return Piece(NodeBatch(PLATFORM, rows), pa.array(np.full(len(names), NO_ROW)))


class _RefusedFiles:
    """One CSV a source file, made when its first row is refused; what an earlier run left is replaced."""

    def __init__(self, folder: Path, platform: str, made: list[Path]) -> None:
        self._folder = folder
        self._platform = platform
        self._made = made

    def path(self, file: str) -> Path:
        return self._folder / f"{self._platform}-{file.replace('/', '-')}.csv"

    def add(self, file: str, refused: pa.Table) -> None:
        path = self.path(file)
        if path not in self._made:
            path.unlink(missing_ok=True)
        if not refused.num_rows:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            if path not in self._made:
                writer.writerow(refused.column_names)
                self._made.append(path)
            writer.writerows(zip(*refused.to_pydict().values(), strict=True))
