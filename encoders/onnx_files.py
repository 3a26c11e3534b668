"""Encoders as ONNX files, run by ONNX Runtime on the processor: what `interlace compress-encoder --how int8` makes.

A folder holds model.onnx, encoder.json (modality, width and what it was made of) and, for texts, tokenizer.json. A text
goes through alone: no padding is computed, and integers are scaled by the largest number that they stand for, so that
beside other texts its vector would be another one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import Lazy, Modality, Vectors, unit_rows
from encoders.clip import CONFIG
from encoders.image import ImageEncoder, Tower
from encoders.text import prepare_text
from encoders.weights import files_version
from graph.errors import InvalidData, NotFound, Unsupported

MODEL, ABOUT, TOKENIZER = "model.onnx", "encoder.json", "tokenizer.json"
REMEDY = "make one: interlace compress-encoder FOLDER --how int8"


@dataclass(frozen=True)
class About:
    """encoder.json. `encoder`, `version`: what it was made of. `most_tokens`: where a text is cut; 0 for pictures."""

    modality: Modality
    dim: int
    encoder: str
    version: str
    most_tokens: int = 0

    def write(self, folder: Path) -> None:
        (folder / ABOUT).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


class OnnxText:
    """A text encoder in a folder. The session is opened by the first call that needs it."""

    modality: Modality = "text"

    def __init__(self, name: str, folder: Path, about: About) -> None:
        self.name = name
        self.dim = about.dim
        self._folder = folder
        self._about = about
        self._session = Lazy(lambda: open_session(folder / MODEL))
        self._tokenizer = Lazy(self._read_tokenizer)
        self._version = Lazy(lambda: _version(folder, [MODEL, ABOUT, TOKENIZER]))

    @property
    def version(self) -> str:
        return self._version.get()

    def prepare(self, thing: str) -> str:
        return prepare_text(thing)

    def encode(self, batch: Sequence[str]) -> Vectors:
        return self.encode_prepared([self.prepare(text) for text in batch])

    def encode_prepared(self, batch: Sequence[str]) -> Vectors:
        found = np.zeros((len(batch), self.dim), dtype=np.float32)
        if batch:
            session = self._session.get()
            for place, one in enumerate(self._tokenizer.get().encode_batch(list(batch))):
                found[place] = session.run(None, {"ids": np.array([one.ids], np.int64)})[0][0]
        return unit_rows(found)

    def _read_tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER))
        tokenizer.enable_truncation(self._about.most_tokens)
        tokenizer.no_padding()
        return tokenizer


def onnx_text(reference: str, _device: str | None) -> OnnxText:
    """The text encoder in the folder `reference`."""
    folder, about = _read(reference, "text")
    return OnnxText(f"onnx-text:{reference}", folder, about)


def onnx_image(reference: str, _device: str | None) -> ImageEncoder:
    """The image encoder in the folder `reference`; pictures are prepared as for the shipped tower."""
    folder, about = _read(reference, "image")
    return ImageEncoder(
        f"onnx-image:{reference}",
        version=lambda: _version(folder, [MODEL, ABOUT]),
        load=lambda: _tower(folder, about.dim),
    )


def _tower(folder: Path, dim: int) -> Tower:
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2

    session = open_session(folder / MODEL)

    def features(pixels: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(None, {"pixels": pixels.contiguous().numpy()})[0])

    settings = json.loads(CONFIG.read_text())["preprocess_cfg"]
    return Tower(features, image_transform_v2(PreprocessCfg(**settings), is_train=False), dim, torch.device("cpu"))


def open_session(file: Path) -> Any:
    """ONNX Runtime on the processor, with as many threads as torch has; raises `Unsupported`, also without it."""
    import torch

    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common class below Exception
        raise Unsupported(
            f"ONNX Runtime cannot load {file}: {error}", valid=f"the {MODEL} of a compressed encoder", remedy=REMEDY
        ) from error


def import_onnxruntime() -> Any:
    """The library; raises `Unsupported` where the extra is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise Unsupported(
            f"ONNX encoders need ONNX Runtime, and it cannot be imported: {error}",
            valid="an installation with the extra: pip install 'interlace[onnx]'",
            remedy="install it, or name another encoder",
        ) from error
    return onnxruntime


def _read(reference: str, modality: Modality) -> tuple[Path, About]:
    folder = Path(reference).expanduser()
    needed = [MODEL, ABOUT, *([TOKENIZER] if modality == "text" else [])]
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise NotFound(
            f"no {' and no '.join(missing)} in {reference!r}", valid=f"a folder with {', '.join(needed)}", remedy=REMEDY
        )
    try:
        about = About(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InvalidData(
            f"{ABOUT} in {reference!r} cannot be read: {error}", valid="as written", remedy=REMEDY
        ) from error
    if about.modality != modality:
        raise InvalidData(
            f"{reference!r} encodes {about.modality}, not {modality}",
            valid=f"onnx-{about.modality}:{reference}",
            remedy="name it so",
        )
    return folder, about


def _version(folder: Path, names: Sequence[str]) -> str:
    return files_version([folder / name for name in names], "onnx 1")
