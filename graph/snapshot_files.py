"""A snapshot as a folder: Parquet for ids, interactions, triples and properties, safetensors for embeddings.

The content hash names the snapshot: models, indexes and runs carry it; `load` refuses a folder that does not have it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graph.errors import Conflict, InvalidData, NotFound
from graph.snapshot import EmbeddingTable, IdMap, Interactions, Snapshot, Triples

FORMAT = 1
_TABLES = ("users", "items", "entities", "interactions", "triples", "friendships", "identities")
_DAMAGED = {"valid": "a folder that `save` wrote, unchanged", "remedy": "delete it and take a new snapshot"}


def content_hash(snapshot: Snapshot) -> str:
    """SHA-256 over everything in the snapshot, in its canonical order: 64 hex digits, the same on every machine."""
    digest = hashlib.sha256(f"interlace snapshot {FORMAT}".encode())
    for name, part in _parts(snapshot):
        digest.update(f"\0{name}\0{len(part)}\0".encode())
        digest.update(part)
    return digest.hexdigest()


def _parts(snapshot: Snapshot) -> Iterator[tuple[str, memoryview | bytes]]:
    for name in ("users", "items", "entities"):
        yield name, "\0".join(getattr(snapshot, name).ids).encode()
    yield "relations", "\0".join(snapshot.relations).encode()
    for group in (snapshot.interactions, snapshot.triples):
        for column, array in vars(group).items():
            yield column, _bytes(array)
    yield "friendships", _bytes(snapshot.friendships)
    yield "identities", json.dumps(sorted(snapshot.identities.items())).encode()
    yield "item_properties", _table_bytes(snapshot.item_properties)
    yield "user_properties", _table_bytes(snapshot.user_properties)
    for name, table in sorted(snapshot.embeddings.items()):
        yield f"{name} encoder", f"{table.encoder}\0{table.version}".encode()
        yield f"{name} present", _bytes(table.present)
        yield f"{name} vectors", _bytes(table.vectors)


def _bytes(array: NDArray[np.generic]) -> bytes:
    little = array.dtype.newbyteorder("<")
    return np.ascontiguousarray(array, little).tobytes()


def _table_bytes(table: pa.Table) -> bytes:
    """Values by column name, whatever the order of the columns, how they are chunked, or which are wholly absent."""
    named = {name: table.column(name).to_pylist() for name in sorted(table.column_names)}
    kept = {name: values for name, values in named.items() if any(value is not None for value in values)}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, default=str).encode("utf-8", "surrogatepass")


def save(snapshot: Snapshot, folder: Path) -> Path:
    """Writes the folder whole or not at all; an equal snapshot that is there already is kept. Returns `folder`."""
    digest = content_hash(snapshot)
    if folder.exists():
        if _manifest(folder)["hash"] == digest:
            return folder
        raise Conflict(f"{folder} holds another snapshot", valid="a new folder", remedy="choose another, or delete it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".snapshot-", dir=folder.parent))
    try:
        _write(snapshot, temporary, digest)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder


def _write(snapshot: Snapshot, folder: Path, digest: str) -> None:
    for name, table in _tables(snapshot).items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    encoders = {}
    for name, table in snapshot.embeddings.items():
        arrays = {"vectors": np.ascontiguousarray(table.vectors), "present": np.ascontiguousarray(table.present)}
        save_file(arrays, folder / f"{name}.safetensors")
        encoders[name] = {"encoder": table.encoder, "version": table.version}
    manifest = {"format": FORMAT, "hash": digest, "relations": snapshot.relations, "embeddings": encoders}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _tables(snapshot: Snapshot) -> dict[str, pa.Table]:
    identities = sorted(snapshot.identities.items())
    pairs = snapshot.friendships
    return {
        **{name: pa.table({"id": list(getattr(snapshot, name).ids)}, _ID) for name in ("users", "items", "entities")},
        "interactions": pa.table(vars(snapshot.interactions)),
        "triples": pa.table(vars(snapshot.triples)),
        "friendships": pa.table({"user": pairs[:, 0], "friend": pairs[:, 1]}),
        "identities": pa.table({"user": [user for user, _ in identities], "person": [one for _, one in identities]},
                               pa.schema([("user", pa.int64()), ("person", pa.string())])),
        "item_properties": snapshot.item_properties,
        "user_properties": snapshot.user_properties,
    }  # fmt: skip


_ID = pa.schema([("id", pa.string())])


def load(folder: Path) -> Snapshot:
    """Reads and checks a folder. Raises `NotFound` where there is none, `InvalidData` where it is damaged."""
    manifest = _manifest(folder)
    try:
        snapshot = _read(folder, manifest)
    except (OSError, pa.ArrowInvalid, SafetensorError, KeyError) as error:
        raise InvalidData(f"the snapshot at {folder} cannot be read: {error}", **_DAMAGED) from error
    if content_hash(snapshot) != manifest["hash"]:
        raise InvalidData(f"the snapshot at {folder} is not the one that was saved (its hash differs)", **_DAMAGED)
    return snapshot


def _manifest(folder: Path) -> dict:  # type: ignore[type-arg]
    path = folder / "manifest.json"
    if not path.is_file():
        raise NotFound(f"no snapshot at {folder}", valid="a folder with a manifest.json",
                       remedy="take one: interlace train does, from the store")  # fmt: skip
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        known = manifest["format"] == FORMAT and bool(manifest["hash"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise InvalidData(f"{path} is no snapshot manifest: {error}", **_DAMAGED) from error
    if not known:
        raise InvalidData(f"{path} has format {manifest['format']!r}", valid=f"format {FORMAT}",
                          remedy="take a new snapshot with this version")  # fmt: skip
    return dict(manifest)


def _read(folder: Path, manifest: dict) -> Snapshot:  # type: ignore[type-arg]
    tables = {
        name: pq.read_table(folder / f"{name}.parquet") for name in (*_TABLES, "item_properties", "user_properties")
    }
    arrays = {name: [column.to_numpy() for column in tables[name].columns] for name in _TABLES[3:6]}
    people = tables["identities"].to_pydict()
    embeddings = {}
    for name, made_by in manifest["embeddings"].items():
        stored = load_file(folder / f"{name}.safetensors")
        embeddings[name] = EmbeddingTable(stored["vectors"], stored["present"], made_by["encoder"], made_by["version"])
    return Snapshot(
        users=IdMap(tuple(tables["users"]["id"].to_pylist()), "user"),
        items=IdMap(tuple(tables["items"]["id"].to_pylist()), "item"),
        entities=IdMap(tuple(tables["entities"]["id"].to_pylist()), "entity"),
        relations=tuple(manifest["relations"]),
        interactions=Interactions(*arrays["interactions"]),
        triples=Triples(*arrays["triples"]),
        friendships=np.stack(arrays["friendships"], axis=1).astype(np.int32).reshape(-1, 2),
        identities=dict(zip(people["user"], people["person"], strict=True)),
        item_properties=tables["item_properties"],
        user_properties=tables["user_properties"],
        embeddings=embeddings,
    )
