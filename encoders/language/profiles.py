"""Sentences on users to vectors on the graph, by the catalogue's own text encoder: users and items in one space.

After `encoders.language.enrich`. A profile whose text and encoder did not change is left alone; one without a text has
no vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from encoders.base import AnyEncoder
from encoders.cache import VectorCache, content_key
from encoders.pipeline import encode_contents
from encoders.text import clean_text
from graph import changes
from graph.schema import USER
from graph.store import GraphStore

PROPERTY = "profile_text_embedding"
PAGE = 512


def embed_profiles(store: GraphStore, encoder: AnyEncoder, cache: VectorCache, *, home: Path) -> int:
    """Writes `User.profile_text_embedding` (with `_encoder`, `_version`, `_source`) and its index; how many."""
    changes.prepare(store)
    written, indexed = 0, False
    for page in _pages(store):
        rows = list(_rows(page, encoder, cache))
        vectors = [row["properties"][PROPERTY] for row in rows if row["properties"][PROPERTY]]
        if vectors and not indexed:
            store.ensure_vector_index(USER, PROPERTY, len(vectors[0]))
            indexed = True
        if rows:
            touched = {USER: [row["id"] for row in rows]}
            changes.write_nodes(store, home, "set_user_properties", {"rows": rows}, touched)
        written += len(vectors)
    return written


def _pages(store: GraphStore) -> Iterator[list[dict[str, Any]]]:
    after = ""
    while rows := store.query("profile_texts", {"after": after, "limit": PAGE}).dicts():
        yield rows
        after = rows[-1]["id"]


def _rows(page: list[dict[str, Any]], encoder: AnyEncoder, cache: VectorCache) -> Iterator[dict[str, Any]]:
    texts = {row["id"]: clean_text(str(row["text"] or "")) for row in page}
    marks = {item: content_key(text).hex()[:32] for item, text in texts.items()}
    wanted = [
        row["id"]
        for row in page
        if texts[row["id"]]
        and (row["encoder"], row["version"], row["source"]) != (encoder.name, encoder.version, marks[row["id"]])
    ]
    found = encode_contents(encoder, [texts[user] for user in wanted], cache).vectors
    for user in wanted:
        yield _row(user, found[content_key(texts[user])].tolist(), encoder.name, encoder.version, marks[user])
    for row in page:
        if row["there"] and not texts[row["id"]]:
            yield _row(row["id"], None, None, None, None)


def _row(user: str, vector: list[float] | None, *marks: str | None) -> dict[str, Any]:
    names = (f"{PROPERTY}_{name}" for name in ("encoder", "version", "source"))
    return {"id": user, "properties": {PROPERTY: vector, **dict(zip(names, marks, strict=True))}}
