"""A snapshot as a folder: Parquet for ids, interactions, triples and properties, safetensors for embeddings.

The content hash names the snapshot: models, indexes and runs carry it; `load` refuses a folder that does not have it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graph.errors import Conflict, InvalidData, NotFound, StoreUnavailable
from graph.snapshot import EmbeddingTable, IdMap, Interactions, SameItems, Snapshot, Triples, no_same_items
from graph.snapshot_hash import content_hash

__all__ = ["content_hash", "load", "save"]

FORMAT = 1
MANIFEST = "manifest.json"
NAMES = ("users", "items", "entities")
TABLES = (*NAMES, "interactions", "triples", "friendships", "identities", "item_properties", "user_properties")
LINKS = ("doubts", "same_items")
"""Tables that are there where the graph has such links."""


def save(snapshot: Snapshot, folder: Path, *, digest: str | None = None) -> Path:
    """Writes the folder whole or not at all; an equal snapshot that is there already is kept. Returns `folder`.

    `digest`: the content hash, where it is known already.
    Errors: `Conflict` where another snapshot is, `StoreUnavailable` when the disk does not take it.
    """
    digest = digest or content_hash(snapshot)
    if folder.exists():
        return _kept(folder, digest)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(prefix=".snapshot-", dir=folder.parent))
        try:
            _write(snapshot, temporary, digest)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if folder.is_dir():  # another process was faster
            return _kept(folder, digest)
        raise StoreUnavailable(
            f"the snapshot cannot be written to {folder} ({error})",
            remedy="free some disk space, or choose another --home",
        ) from error
    return folder


def load(folder: Path, *, verify: bool = True) -> Snapshot:
    """Reads and checks a folder. Raises `NotFound` where there is none, `InvalidData` where it is damaged.

    Without `verify` the checksums of the files' pages are checked alone, not the content hash.
    """
    manifest = _manifest(folder)
    try:
        snapshot = _read(folder, manifest)
    except (OSError, pa.ArrowException, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _damaged(f"the snapshot at {folder} cannot be read: {error}") from error
    if verify and content_hash(snapshot) != manifest["hash"]:
        raise _damaged(f"the snapshot at {folder} is not the one that was saved (its hash differs)")
    return snapshot


def _kept(folder: Path, digest: str) -> Path:
    if _manifest(folder)["hash"] == digest:
        return folder
    raise Conflict(f"{folder} holds another snapshot", valid="a new folder", remedy="choose another, or delete it")


def _damaged(what: str) -> InvalidData:
    return InvalidData(what, valid="a folder that `save` wrote, unchanged", remedy="delete it and take a new snapshot")


def _write(snapshot: Snapshot, folder: Path, digest: str) -> None:
    tables = _tables(snapshot)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", write_page_checksum=True)
    encoders = {}
    for name, embedding in snapshot.embeddings.items():
        arrays = {name: np.ascontiguousarray(array) for name, array in _arrays(embedding).items()}
        save_file(arrays, folder / f"{name}.safetensors")
        encoders[name] = {"encoder": embedding.encoder, "version": embedding.version}
    manifest = {"format": FORMAT, "hash": digest, "relations": snapshot.relations, "embeddings": encoders,
                "links": [name for name in LINKS if name in tables]}  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _arrays(embedding: EmbeddingTable) -> dict[str, Any]:
    return {"vectors": embedding.vectors, "present": embedding.present}


def _tables(snapshot: Snapshot) -> dict[str, pa.Table]:
    people = snapshot.identities
    identities = {"user": pa.array(list(people), pa.int64()), "person": pa.array(list(people.values()), pa.string())}
    return {
        **{name: pa.table({"id": pa.array(getattr(snapshot, name).ids, pa.string())}) for name in NAMES},
        "interactions": pa.table(vars(snapshot.interactions)),
        "triples": pa.table(vars(snapshot.triples)),
        "friendships": pa.table({"user": snapshot.friendships[:, 0], "friend": snapshot.friendships[:, 1]}),
        "identities": pa.table(identities),
        "item_properties": snapshot.item_properties,
        "user_properties": snapshot.user_properties,
        **_links(snapshot),
    }


def _links(snapshot: Snapshot) -> dict[str, pa.Table]:
    doubts, same = snapshot.doubts, snapshot.same_items
    tables = {
        "doubts": pa.table({"user": pa.array(list(doubts), pa.int64()), "probability": pa.array(doubts.values())}),
        "same_items": pa.table(
            {"item": same.pairs[:, 0], "other": same.pairs[:, 1], "probability": same.probability}
        ),
    }  # fmt: skip
    return {name: tables[name] for name in LINKS if tables[name].num_rows}


def _manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise NotFound(
            f"no snapshot at {folder}",
            valid=f"a folder with a {MANIFEST}",
            remedy="take one: interlace train does, from the store",
        )
    try:
        manifest = dict(json.loads(path.read_text(encoding="utf-8")))
        known = manifest["format"] == FORMAT and bool(manifest["hash"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(f"{path} is no snapshot manifest: {error}") from error
    if known:
        return manifest
    raise InvalidData(
        f"{path} has format {manifest['format']!r}",
        valid=f"format {FORMAT}",
        remedy="take a new snapshot with this version",
    )


def _read(folder: Path, manifest: Mapping[str, Any]) -> Snapshot:
    there = (*TABLES, *manifest.get("links", ()))
    tables = {name: pq.read_table(folder / f"{name}.parquet", page_checksum_verification=True) for name in there}
    ids = {name: tuple(tables[name].column("id").to_pylist()) for name in NAMES}
    people = tables["identities"].to_pydict()
    return Snapshot(
        users=IdMap(ids["users"], "user"),
        items=IdMap(ids["items"], "item"),
        entities=IdMap(ids["entities"], "entity"),
        relations=tuple(manifest["relations"]),
        interactions=Interactions(*_columns(tables["interactions"])),
        triples=Triples(*_columns(tables["triples"])),
        friendships=np.stack(_columns(tables["friendships"]), axis=1).reshape(-1, 2),
        identities=dict(zip(people["user"], people["person"], strict=True)),
        item_properties=tables["item_properties"],
        user_properties=tables["user_properties"],
        embeddings={name: _embedding(folder, name, made) for name, made in manifest["embeddings"].items()},
        doubts=dict(zip(*tables["doubts"].to_pydict().values(), strict=True)) if "doubts" in tables else {},
        same_items=_same_items(tables["same_items"]) if "same_items" in tables else no_same_items(),
    )


def _same_items(table: pa.Table) -> SameItems:
    item, other, probability = _columns(table)
    return SameItems(np.stack([item, other], axis=1), probability)


def _columns(table: pa.Table) -> list[Any]:
    return [column.to_numpy() for column in table.columns]


def _embedding(folder: Path, name: str, made_by: Mapping[str, str]) -> EmbeddingTable:
    stored = load_file(folder / f"{name}.safetensors")
    return EmbeddingTable(stored["vectors"], stored["present"], made_by["encoder"], made_by["version"])
