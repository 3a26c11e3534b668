"""A snapshot as a folder of Parquet and safetensors, and its content hash.

The hash covers the snapshot's content in a fixed little-endian layout, not the files: other versions of the libraries
write other bytes of the same content.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from graph.errors import InvalidData, NotFound, StoreUnavailable
from graph.snapshot import EmbeddingTable, IdMap, Interactions, Snapshot, Triples

LAYOUT = 1
MANIFEST = "snapshot.json"
ARRAYS = "arrays.safetensors"
ACTS = ("user", "item", "kind", "value", "time")
TABLES = ("users", "items", "entities", "relations", "identities", "item_properties", "user_properties")


def content_hash(snapshot: Snapshot) -> str:
    """SHA-256, in hexadecimal, of everything in the snapshot; equal for equal content wherever it came from."""
    digest = hashlib.sha256()
    for name, data in _content(snapshot):
        digest.update(f"{name}:{data.nbytes}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def save(snapshot: Snapshot, folder: Path) -> None:
    """Writes the snapshot to `folder`, whole or not at all. Nothing is written where it is already."""
    if folder.is_dir():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            _write(snapshot, temporary)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if folder.is_dir():  # another process saved the same snapshot meanwhile
            return
        raise StoreUnavailable(
            f"the snapshot cannot be written to {folder} ({error})",
            remedy="free some disk space, or choose another --home",
        ) from error


def load(folder: Path) -> Snapshot:
    """Reads what `save` wrote. Raises `NotFound` where there is none, `InvalidData` where its content has changed."""
    if not (folder / MANIFEST).is_file():
        raise NotFound(
            f"there is no snapshot in {folder}",
            valid="a folder that Interlace wrote",
            remedy="make it anew: interlace train",
        )
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        snapshot = _read(folder, manifest)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException, SafetensorError) as error:
        raise _damaged(folder, str(error)) from error
    if content_hash(snapshot) != manifest["hash"]:
        raise _damaged(folder, "its content does not have the hash that it was saved with")
    return snapshot


def _damaged(folder: Path, why: str) -> InvalidData:
    return InvalidData(
        f"the snapshot in {folder} is damaged ({why})",
        valid="a folder as Interlace wrote it",
        remedy="delete it; the next command that needs it makes it anew from the graph",
    )


def _content(snapshot: Snapshot) -> Iterator[tuple[str, memoryview]]:
    yield "layout", memoryview(str(LAYOUT).encode())
    for name, table in _tables(snapshot).items():
        for column in table.column_names:
            yield from _column(f"{name}.{column}", table.column(column).combine_chunks())
    for name, array in _arrays(snapshot).items():
        kind = array.dtype.newbyteorder("<")
        yield (
            f"{name}:{kind.str}:{array.shape}",
            memoryview(np.ascontiguousarray(array, kind).reshape(-1).view(np.uint8)),
        )
    for name, embedding in sorted(snapshot.embeddings.items()):
        yield f"{name}.made by", memoryview(json.dumps([embedding.encoder, embedding.version]).encode())


def _column(name: str, column: pa.Array) -> Iterator[tuple[str, memoryview]]:
    """Type, presence and values; lists as their lengths and their values."""
    present = pc.is_valid(column).to_numpy(zero_copy_only=False)
    yield f"{name}:{column.type}:present", _bytes(present)
    if pa.types.is_list(column.type):
        yield f"{name}:lengths", _numbers(pc.fill_null(pc.list_value_length(column), 0), "<i8")
        yield from _column(f"{name}:values", column.flatten())
    elif pa.types.is_string(column.type):
        yield f"{name}:lengths", _numbers(pc.fill_null(pc.binary_length(column), 0), "<i8")
        yield f"{name}:text", memoryview("".join(one or "" for one in column.to_pylist()).encode())
    else:
        yield f"{name}:values", _numbers(pc.fill_null(column, False if pa.types.is_boolean(column.type) else 0), None)


def _numbers(column: pa.Array, kind: str | None) -> memoryview:
    values = column.to_numpy(zero_copy_only=False)
    return _bytes(np.ascontiguousarray(values, kind or values.dtype.newbyteorder("<")))


def _bytes(values: NDArray[Any]) -> memoryview:
    return memoryview(values.reshape(-1).view(np.uint8).data)


def _tables(snapshot: Snapshot) -> dict[str, pa.Table]:
    identities = {
        "user": pa.array(list(snapshot.identities.keys()), pa.int64()),
        "person": pa.array(list(snapshot.identities.values()), pa.string()),
    }
    return {
        "users": _names(snapshot.users.ids),
        "items": _names(snapshot.items.ids),
        "entities": _names(snapshot.entities.ids),
        "relations": _names(snapshot.relations),
        "identities": pa.table(identities),
        "item_properties": snapshot.item_properties,
        "user_properties": snapshot.user_properties,
    }


def _names(names: tuple[str, ...]) -> pa.Table:
    return pa.table({"name": pa.array(names, pa.string())})


def _arrays(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    acts, triples = snapshot.interactions, snapshot.triples
    arrays: dict[str, NDArray[Any]] = {
        "interactions.user": acts.user,
        "interactions.item": acts.item,
        "interactions.kind": acts.kind,
        "interactions.value": acts.value,
        "interactions.time": acts.time,
        "triples.head": triples.head,
        "triples.relation": triples.relation,
        "triples.tail": triples.tail,
        "friendships": snapshot.friendships,
    }
    for name, table in sorted(snapshot.embeddings.items()):
        arrays[f"embeddings.{name}.vectors"] = table.vectors
        arrays[f"embeddings.{name}.present"] = table.present
    return arrays


def _write(snapshot: Snapshot, folder: Path) -> None:
    for name, table in _tables(snapshot).items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    arrays = {name: np.ascontiguousarray(array) for name, array in _arrays(snapshot).items()}
    safetensors.numpy.save_file(arrays, folder / ARRAYS)
    made_by = {name: [table.encoder, table.version] for name, table in sorted(snapshot.embeddings.items())}
    manifest = {"layout": LAYOUT, "hash": content_hash(snapshot), "embeddings": made_by}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _read(folder: Path, manifest: Mapping[str, Any]) -> Snapshot:
    if manifest["layout"] != LAYOUT:
        raise ValueError(f"its layout is {manifest['layout']}, this version reads {LAYOUT}")
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in TABLES}
    arrays = safetensors.numpy.load_file(folder / ARRAYS)
    embeddings = {
        name: EmbeddingTable(
            arrays[f"embeddings.{name}.vectors"], arrays[f"embeddings.{name}.present"], encoder=encoder, version=version
        )
        for name, (encoder, version) in manifest["embeddings"].items()
    }
    people = tables["identities"].to_pydict()
    return Snapshot(
        users=_ids(tables["users"], "user"),
        items=_ids(tables["items"], "item"),
        entities=_ids(tables["entities"], "entity"),
        relations=_ids(tables["relations"], "relation").ids,
        interactions=Interactions(
            *(arrays[f"interactions.{name}"] for name in ("user", "item", "kind", "value", "time"))
        ),
        triples=Triples(*(arrays[f"triples.{name}"] for name in ("head", "relation", "tail"))),
        friendships=arrays["friendships"],
        identities=dict(zip(people["user"], people["person"], strict=True)),
        item_properties=tables["item_properties"],
        user_properties=tables["user_properties"],
        embeddings=embeddings,
    )


def _ids(table: pa.Table, what: str) -> IdMap:
    return IdMap(tuple(table.column("name").to_pylist()), what)
