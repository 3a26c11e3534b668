"""What of an item each modality encodes: its text, or a file of pictures or sound; and how a change is told.

Attributes stay out of the text: the graph holds them, and what text alone brings can be measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from encoders.base import AnyEncoder, Modality, Vectors
from encoders.cache import VectorCache, content_key
from encoders.pipeline import CHUNK, Content, Team, encode_contents
from encoders.text import clean_text
from encoders.video_encoder import WAYS, of_videos
from graph.errors import InvalidData

MAX_BYTES: Mapping[str, int] = MappingProxyType({"image": 32 << 20, "audio": 256 << 20, "video": 512 << 20})
FILES_AT_ONCE: Mapping[str, int] = MappingProxyType({"image": 128, "audio": 16, "video": 8})
"""By the sort of file: together they bound the memory that files take."""


@dataclass(frozen=True)
class Source:
    """`content`: a text, or a path below the media folder. `mark` changes when the content does.

    `sort`: the modality, or `video` where a picture's or a sound's vector is that of a video.
    """

    item: str
    content: str
    mark: str
    sort: str


@dataclass(frozen=True)
class Outcome:
    """Vectors and refusals by item; `computed` vectors are new, the other ones came from the cache.

    `absent`: items whose video has nothing of the modality.
    """

    vectors: Mapping[str, Vectors]
    refused: Mapping[str, str]
    absent: frozenset[str]
    computed: int


def source_of(modality: Modality, item: str, row: Mapping[str, Any]) -> Source | None:
    """Source of an item with the properties `row`, None where it has none of this modality.

    A picture or a sound of the item's own comes before those of its video: somebody chose it.
    """
    if modality == "text":
        text = item_text(row.get("title"), row.get("text"), row.get("summary"))
        return Source(item, text, content_key(text).hex()[:32], "text") if text else None
    path, video = row.get(modality), row.get("video")
    if path:
        return Source(item, str(path), str(path), modality)
    return Source(item, str(video), f"{video} {WAYS[modality]}", "video") if video else None


def item_text(title: object, text: object, summary: object = None) -> str:
    """`Title. Summary. Text`, cleaned; each may be missing. The text comes last: an encoder may cut a long one."""
    parts = [clean_text(str(part)) for part in (title, summary, text) if part is not None]
    return ". ".join(part for part in parts if part)


def encode_sources(
    encoder: AnyEncoder,
    sources: Sequence[Source],
    folder: Path,
    cache: VectorCache,
    team: Team | None = None,
) -> Outcome:
    """Encodes sources; files are read below `folder`, `FILES_AT_ONCE` at a time for each process of the team."""
    vectors: dict[str, Vectors] = {}
    refused: dict[str, str] = {}
    absent: set[str] = set()
    computed = 0
    for sort, part in _parts(sources, 1 if team is None else team.processes):
        contents = _read(sort, part, folder, refused)
        # A reason names the file, where it is one.
        named = {one.item: f"{one.content}: " for one in part if sort != "text"}
        keys = {item: content_key(content) for item, content in contents.items()}
        own = of_videos(encoder) if sort == "video" else encoder
        encoded = encode_contents(own, list(contents.values()), cache, team, FILES_AT_ONCE.get(sort, CHUNK))
        computed += encoded.computed
        for item, key in keys.items():
            if key in encoded.vectors:
                vectors[item] = encoded.vectors[key]
            elif key in encoded.absent:
                absent.add(item)
            else:
                refused[item] = named.get(item, "") + encoded.refused[key]
    return Outcome(vectors, refused, frozenset(absent), computed)


def _parts(sources: Sequence[Source], processes: int) -> Iterator[tuple[str, Sequence[Source]]]:
    """Sources of one sort, as many as are read at once."""
    for sort in dict.fromkeys(source.sort for source in sources):
        same = [source for source in sources if source.sort == sort]
        step = processes * FILES_AT_ONCE.get(sort, len(same))
        yield from ((sort, same[begin : begin + step]) for begin in range(0, len(same), step))


def _read(sort: str, sources: Sequence[Source], folder: Path, refused: dict[str, str]) -> dict[str, Content]:
    if sort == "text":
        return {source.item: source.content for source in sources}
    contents: dict[str, Content] = {}
    for source in sources:
        try:
            contents[source.item] = read_file(folder, source.content, MAX_BYTES[sort])
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
