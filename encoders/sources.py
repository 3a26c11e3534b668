"""What of an item each modality encodes: its text, or the file of its picture or sound; and how a change is told.

Attributes stay out of the text: the graph holds them, and what text alone brings can be measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from encoders.base import AnyEncoder, Modality, Vectors
from encoders.cache import VectorCache, content_key
from encoders.pipeline import Content, encode_contents
from encoders.text import clean_text
from graph.errors import InvalidData

MAX_BYTES: Mapping[str, int] = MappingProxyType({"image": 32 << 20, "audio": 256 << 20})
FILES_AT_ONCE: Mapping[str, int] = MappingProxyType({"image": 128, "audio": 16})
"""By modality: together they bound the memory that files take."""


@dataclass(frozen=True)
class Source:
    """`content`: a text, or a path below the media folder. `mark` changes when the content does."""

    item: str
    content: str
    mark: str


@dataclass(frozen=True)
class Outcome:
    """Vectors and refusals by item; `computed` vectors are new, the other ones came from the cache."""

    vectors: Mapping[str, Vectors]
    refused: Mapping[str, str]
    computed: int


def source_of(modality: Modality, item: str, row: Mapping[str, Any]) -> Source | None:
    """Source of an item with the properties `row`, None where it has none of this modality."""
    if modality == "text":
        text = item_text(row.get("title"), row.get("text"), row.get("summary"))
        return Source(item, text, content_key(text).hex()[:32]) if text else None
    path = row.get(modality)
    return Source(item, str(path), str(path)) if path else None


def item_text(title: object, text: object, summary: object = None) -> str:
    """`Title. Summary. Text`, cleaned; each may be missing. The text comes last: an encoder may cut a long one."""
    parts = [clean_text(str(part)) for part in (title, summary, text) if part is not None]
    return ". ".join(part for part in parts if part)


def encode_sources(encoder: AnyEncoder, sources: Sequence[Source], folder: Path, cache: VectorCache) -> Outcome:
    """Encodes sources; files are read below `folder`, `FILES_AT_ONCE` at a time."""
    vectors: dict[str, Vectors] = {}
    refused: dict[str, str] = {}
    computed = 0
    step = FILES_AT_ONCE.get(encoder.modality, len(sources))
    for begin in range(0, len(sources), max(step, 1)):
        contents = _read(encoder.modality, sources[begin : begin + step], folder, refused)
        # A reason names the file, where it is one.
        named = {one.item: f"{one.content}: " for one in sources[begin : begin + step] if encoder.modality != "text"}
        keys = {item: content_key(content) for item, content in contents.items()}
        encoded = encode_contents(encoder, list(contents.values()), cache)
        computed += encoded.computed
        for item, key in keys.items():
            if key in encoded.vectors:
                vectors[item] = encoded.vectors[key]
            else:
                refused[item] = named.get(item, "") + encoded.refused[key]
    return Outcome(vectors, refused, computed)


def _read(modality: Modality, sources: Sequence[Source], folder: Path, refused: dict[str, str]) -> dict[str, Content]:
    if modality == "text":
        return {source.item: source.content for source in sources}
    contents: dict[str, Content] = {}
    for source in sources:
        try:
            contents[source.item] = read_file(folder, source.content, MAX_BYTES[modality])
        except InvalidData as error:
            refused[source.item] = str(error)
    return contents


def read_file(folder: Path, path: str, limit: int) -> bytes:
    """Content of a file below `folder`; raises `InvalidData` if there is none, or it is outside or above `limit`."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise InvalidData(f"the path {path!r} leaves its folder", valid="a relative path below it")
    file = folder / parts
    try:
        if file.stat().st_size > limit:
            raise InvalidData(f"the file {path!r} is too large", valid=f"at most {limit >> 20} MiB")
        return file.read_bytes()
    except OSError as error:
        raise InvalidData(
            f"the file {path!r} cannot be read: {error.strerror}",
            valid=f"a file below {folder}",
            remedy="put it back and run the command again",
        ) from error
