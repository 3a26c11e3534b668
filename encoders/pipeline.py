"""Things through an encoder and its cache: only what is new is prepared (in threads) and encoded, each content once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from encoders.base import Absent, AnyEncoder, Vectors
from encoders.cache import VectorCache, content_key
from encoders.projected import ProjectedEncoder
from graph.errors import InvalidData

Content: TypeAlias = str | bytes
CHUNK = 128
"""Things prepared while as many are encoded: what bounds the memory that decoded pictures take."""


@dataclass
class Encoded:
    """`vectors`, `refused` (why it cannot be read) and `absent` by content key; every key given is in one of them."""

    vectors: dict[bytes, Vectors] = field(default_factory=dict)
    refused: dict[bytes, str] = field(default_factory=dict)
    absent: set[bytes] = field(default_factory=set)
    computed: int = 0


def encode_contents(encoder: AnyEncoder, contents: Sequence[Content], cache: VectorCache) -> Encoded:
    """Vectors of `contents` from the cache, else from the model; new ones go into the cache chunk by chunk.

    A projected encoder caches its base's vectors: projecting them is nearly free.
    """
    if isinstance(encoder, ProjectedEncoder):
        return _projected(encoder, contents, cache)
    by_key = {content_key(content): content for content in contents}
    encoded = Encoded(vectors=cache.get(encoder.name, encoder.version, list(by_key)))
    new = [(key, content) for key, content in by_key.items() if key not in encoded.vectors]
    # Texts of one length share a batch, so little is computed on padding.
    new.sort(key=lambda pair: len(pair[1]) if isinstance(pair[1], str) else 0)
    for keys, prepared in _prepared(encoder, new, encoded):
        fresh = dict(zip(keys, encoder.encode_prepared(prepared), strict=True))
        cache.put(encoder.name, encoder.version, fresh)
        encoded.vectors |= fresh
        encoded.computed += len(fresh)
    return encoded


def _projected(encoder: ProjectedEncoder, contents: Sequence[Content], cache: VectorCache) -> Encoded:
    base = encode_contents(encoder.base, contents, cache)
    if not base.vectors:
        return base
    projected = encoder.project(list(base.vectors.values()))
    return Encoded(dict(zip(base.vectors, projected, strict=True)), base.refused, base.absent, base.computed)


def _prepared(
    encoder: AnyEncoder, new: Sequence[tuple[bytes, Content]], encoded: Encoded
) -> Iterator[tuple[list[bytes], list[Any]]]:
    """Chunks that are ready to encode; the next one is prepared in threads meanwhile."""
    if not new:
        return
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        chunks = [new[begin : begin + CHUNK] for begin in range(0, len(new), CHUNK)]
        running = _submit(pool, encoder, chunks[0])
        for chunk in [*chunks[1:], []]:
            ready, running = running, _submit(pool, encoder, chunk)
            keys, prepared = _gather(ready, encoded)
            if keys:
                yield keys, prepared


def _submit(
    pool: ThreadPoolExecutor, encoder: AnyEncoder, chunk: Sequence[tuple[bytes, Content]]
) -> list[tuple[bytes, Future[Any]]]:
    return [(key, pool.submit(encoder.prepare, content)) for key, content in chunk]


def _gather(ready: Sequence[tuple[bytes, Future[Any]]], encoded: Encoded) -> tuple[list[bytes], list[Any]]:
    keys, prepared = [], []
    for key, future in ready:
        try:
            thing = future.result()
        except InvalidData as error:
            encoded.refused[key] = str(error)
        except Absent:
            encoded.absent.add(key)
        else:
            keys.append(key)
            prepared.append(thing)
    return keys, prepared
