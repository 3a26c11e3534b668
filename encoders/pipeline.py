"""Things through an encoder and its cache: only what is new is prepared (in threads) and encoded, each content once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from encoders.base import Absent, AnyEncoder, InOrder, Vectors
from encoders.cache import VectorCache, content_key
from encoders.projected import ProjectedEncoder
from graph.errors import InvalidData

Content: TypeAlias = str | bytes
CHUNK = 128
"""Things prepared while as many are encoded: what bounds the memory that decoded pictures take."""


Chunk: TypeAlias = Sequence[tuple[bytes, Content]]
"""Contents by key that are encoded at once."""


@dataclass(frozen=True)
class Done:
    """What became of one chunk, by content key."""

    vectors: Mapping[bytes, Vectors]
    refused: Mapping[bytes, str]
    absent: frozenset[bytes]


Run: TypeAlias = Callable[[AnyEncoder, Sequence[Chunk]], Iterator[Done]]
"""What encodes chunks, in their order: this process (`encode_chunks`), or several (`encoders.ray_pool`)."""


@dataclass(frozen=True)
class Team:
    """Several processes that encode: `run` shares chunks out among them."""

    processes: int
    run: Run


@dataclass
class Encoded:
    """`vectors`, `refused` (why it cannot be read) and `absent` by content key; every key given is in one of them."""

    vectors: dict[bytes, Vectors] = field(default_factory=dict)
    refused: dict[bytes, str] = field(default_factory=dict)
    absent: set[bytes] = field(default_factory=set)
    computed: int = 0


def encode_contents(
    encoder: AnyEncoder, contents: Sequence[Content], cache: VectorCache, team: Team | None = None, size: int = CHUNK
) -> Encoded:
    """Vectors of `contents` from the cache, else from the model; new ones go into the cache chunk by chunk.

    `team`: who encodes; by default this process alone. `size`: things a chunk. A projected encoder caches its base's
    vectors: projecting them is nearly free.
    """
    if isinstance(encoder, ProjectedEncoder):
        return _projected(encoder, contents, cache, team, size)
    by_key = {content_key(content): content for content in contents}
    encoded = Encoded(vectors=cache.get(encoder.name, encoder.version, list(by_key)))
    new = [(key, content) for key, content in by_key.items() if key not in encoded.vectors]
    # Texts of one length share a batch, so little is computed on padding.
    new.sort(key=lambda pair: len(pair[1]) if isinstance(pair[1], str) else 0)
    run = encode_chunks if team is None else team.run
    for done in run(encoder, [new[begin : begin + size] for begin in range(0, len(new), size)]):
        cache.put(encoder.name, encoder.version, done.vectors)
        encoded.vectors |= done.vectors
        encoded.refused |= done.refused
        encoded.absent |= done.absent
        encoded.computed += len(done.vectors)
    return encoded


def _projected(
    encoder: ProjectedEncoder, contents: Sequence[Content], cache: VectorCache, team: Team | None, size: int
) -> Encoded:
    base = encode_contents(encoder.base, contents, cache, team, size)
    if not base.vectors:
        return base
    projected = encoder.project(list(base.vectors.values()))
    return Encoded(dict(zip(base.vectors, projected, strict=True)), base.refused, base.absent, base.computed)


def encode_chunks(encoder: AnyEncoder, chunks: Sequence[Chunk]) -> Iterator[Done]:
    """Chunks by this process; while one is encoded the next is prepared in threads.

    Of an encoder that takes things in order, a batch is encoded as soon as it is prepared.
    """
    if not chunks:
        return
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        running = _submit(pool, encoder, chunks[0])
        for chunk in [*chunks[1:], []]:
            ready, running = running, _submit(pool, encoder, chunk)
            yield _gathered(encoder, ready)


def _submit(pool: ThreadPoolExecutor, encoder: AnyEncoder, chunk: Chunk) -> list[tuple[bytes, Future[Any]]]:
    return [(key, pool.submit(encoder.prepare, content)) for key, content in chunk]


def _gathered(encoder: AnyEncoder, ready: Sequence[tuple[bytes, Future[Any]]]) -> Done:
    vectors: dict[bytes, Vectors] = {}
    refused: dict[bytes, str] = {}
    absent: set[bytes] = set()
    prepared: dict[bytes, Any] = {}
    at_once = encoder.at_once if isinstance(encoder, InOrder) else len(ready)
    for key, future in ready:
        try:
            prepared[key] = future.result()
        except InvalidData as error:
            refused[key] = str(error)
        except Absent:
            absent.add(key)
        if len(prepared) == at_once:
            vectors |= _encoded(encoder, prepared)
            prepared = {}
    return Done(vectors | _encoded(encoder, prepared), refused, frozenset(absent))


def _encoded(encoder: AnyEncoder, prepared: Mapping[bytes, Any]) -> dict[bytes, Vectors]:
    if not prepared:
        return {}
    return dict(zip(prepared, encoder.encode_prepared(list(prepared.values())), strict=True))
