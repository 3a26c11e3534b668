"""`interlace compress-encoder`: a smaller encoder in a folder of its own, and a table of it beside the original.

Catalogue -> the original's vectors -> the smaller encoder, fitted on four fifths of the things -> both measured on the
other fifth. What the vectors are worth downstream is measured by who calls: rankers are not this package's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np

from encoders.base import AnyEncoder, Vectors
from encoders.cache import VectorCache, content_key
from encoders.clip import image_weights
from encoders.compress.bert_files import WEIGHTS, bert_folder
from encoders.compress.contents import Contents, read_contents
from encoders.compress.int8 import image_to_int8, text_to_int8
from encoders.compress.measure import Row, cosine, megabytes, neighbours_kept, speeds
from encoders.compress.student import Tuning, shrink_text
from encoders.encode import CACHE
from encoders.image import ImageEncoder
from encoders.onnx_files import MODEL
from encoders.pipeline import encode_contents
from encoders.registry import open_encoder
from graph.errors import InvalidData, Unsupported
from graph.snapshot import Snapshot

How: TypeAlias = Literal["int8", "prune", "distill"]
Progress: TypeAlias = Callable[[str, int, int], None]
Downstream: TypeAlias = Callable[[str], dict[str, float]]
"""What the encoder of this name is worth where its vectors are used, by the name of the measure."""

FOLDER = Path("encoders")
CALIBRATED = 128
HOWS: Mapping[str, str] = MappingProxyType(
    {
        "int8": "integers of one byte, run by ONNX Runtime",
        "prune": "neurons of a text encoder taken out, the others take over what they did",
        "distill": "fewer layers of a text encoder, taught by it",
    }
)


@dataclass(frozen=True)
class CompressedEncoder:
    """`encoder`: the name under which it opens. `rows`: the original, then the smaller one. `things`, `held_out`: how
    many there were, and were measured on.
    """

    how: str
    encoder: str
    folder: str
    things: int
    held_out: int
    rows: tuple[Row, ...]
    losses: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {**vars(self), "rows": [row.as_dict() for row in self.rows]}

    def with_downstream(self, measure: Downstream) -> CompressedEncoder:
        """The same with `measure` of each row."""
        return replace(self, rows=tuple(replace(row, downstream=measure(row.encoder)) for row in self.rows))


def compress_encoder(
    snapshot: Snapshot,
    path: Path,
    *,
    home: Path,
    name: str = "minilm",
    how: str = "int8",
    tuning: Tuning | None = None,
    device: str | None = None,
    progress: Progress = lambda _part, _done, _total: None,
) -> CompressedEncoder:
    """Makes HOME/encoders/NAME-HOW from the catalogue at `path` and measures it.

    Raises `NotFound` for an unknown encoder, `InvalidData` for an unknown `how` or too few things, `Unsupported` for an
    encoder that cannot be made smaller so, or without the extra `onnx`.
    """
    chosen = tuning or Tuning()
    encoder = open_encoder(name, device=device)
    _check(encoder, how)
    contents = read_contents(snapshot, path, encoder.modality, seed=chosen.seed)
    folder = home / FOLDER / f"{_file_name(name)}-{how}"
    made, losses = _make(encoder, how, contents, folder, chosen, device, progress)
    small = open_encoder(made, device=device)
    with VectorCache(home / CACHE) as cache:
        vectors = [_vectors(one, contents, cache, progress) for one in (encoder, small)]
    rates = speeds([encoder, small], contents)
    weights = (_weights(encoder), folder / (MODEL if how == "int8" else WEIGHTS))
    rows = tuple(
        Row(one.name, one.version, megabytes(file), rate, cosine(found, vectors[0], contents),
            neighbours_kept(found, vectors[0], contents))
        for one, file, rate, found in zip((encoder, small), weights, rates, vectors, strict=True)
    )  # fmt: skip
    return CompressedEncoder(how, made, str(folder), len(contents.things), len(contents.held_out), rows, losses)


def _check(encoder: AnyEncoder, how: str) -> None:
    if how not in HOWS:
        raise InvalidData(
            f"no way {how!r} to make an encoder smaller", valid=", ".join(HOWS), remedy="name one of these"
        )
    if encoder.modality == "text":
        bert_folder(encoder)
    elif encoder.name != "efficientnet-lite0" or how != "int8":
        raise Unsupported(
            f"{encoder.name!r} cannot be made smaller by {how!r}",
            valid="int8 of minilm and efficientnet-lite0; prune and distill of minilm; "
            "all of sentence-transformers:FOLDER where that is a BERT with mean pooling",
            remedy="name one of these",
        )


def _make(
    encoder: AnyEncoder,
    how: str,
    contents: Contents,
    folder: Path,
    tuning: Tuning,
    device: str | None,
    progress: Progress,
) -> tuple[str, tuple[float, ...]]:
    """Fills a folder beside `folder` and then takes its place: a run that ends before leaves the older one."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    part.mkdir(parents=True)
    losses: tuple[float, ...] = ()
    try:
        fit = [contents.things[place] for place in contents.fit]
        if isinstance(encoder, ImageEncoder):
            progress("int8", 0, 1)
            image_to_int8(encoder, [bytes(thing) for thing in fit[:CALIBRATED] if isinstance(thing, bytes)], part)
        elif how == "int8":
            progress("int8", 0, 1)
            text_to_int8(encoder, bert_folder(encoder), part)
        else:
            texts = [encoder.prepare(thing) for thing in fit]
            losses = shrink_text(bert_folder(encoder), part, texts, tuning, device=device, progress=progress)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    family = f"onnx-{encoder.modality}" if how == "int8" else "sentence-transformers"
    return f"{family}:{folder}", losses


def _vectors(encoder: AnyEncoder, contents: Contents, cache: VectorCache, progress: Progress) -> Vectors:
    found = []
    for begin in range(0, len(contents.things), 128):
        part = contents.things[begin : begin + 128]
        encoded = encode_contents(encoder, part, cache)
        _readable(encoded.refused)
        found += [encoded.vectors[content_key(thing)] for thing in part]
        progress(f"encoding with {encoder.name}", len(found), len(contents.things))
    return np.stack(found)


def _readable(refused: Mapping[bytes, str]) -> None:
    if refused:
        raise InvalidData(
            f"{len(refused)} things of the catalogue cannot be read: {next(iter(refused.values()))}",
            valid="readable texts and pictures", remedy="take them out of the folder",
        )  # fmt: skip


def _weights(encoder: AnyEncoder) -> Path:
    return image_weights() if isinstance(encoder, ImageEncoder) else bert_folder(encoder) / WEIGHTS


def _file_name(name: str) -> str:
    return Path(name.partition(":")[2]).name if ":" in name else name
