"""An encoder in integers of one byte: exported to ONNX, its weights and activations quantised by ONNX Runtime.

Texts: every matrix product and the word embeddings; activations are scaled as they come (dynamic). Pictures: every
convolution but the outermost; activations are scaled by what some pictures of the catalogue gave (static),
since integers that are scaled as they come make convolutions slower than float32. Weights have a scale a column, and
seven bits: processors without VNNI add pairs of products in 16 bits, which eight overflow.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.base import AnyEncoder
from encoders.clip import build_clip
from encoders.folding import fold_batch_norms
from encoders.image import ImageEncoder
from encoders.onnx_files import MODEL, TOKENIZER, About, import_onnxruntime
from encoders.text import MAX_TOKENS
from graph.errors import Unsupported

if TYPE_CHECKING:
    import torch

AT_ONCE = 16
EXTRA = "an installation with the extra: pip install 'interlace[onnx]'"


def text_to_int8(encoder: AnyEncoder, source: Path, folder: Path) -> None:
    """`source`: a BERT's folder (`encoders.compress.bert_files`). Fills `folder`."""
    import torch

    from encoders.bert import Bert

    quantization = _quantization()
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    network = Bert.read(source / "model.safetensors", config, device=torch.device("cpu"))
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / MODEL
        _export(_mean_of(network), torch.zeros(1, 8, dtype=torch.long), whole, "ids", axis=1)
        with _quiet():
            quantization.quantize_dynamic(
                whole, folder / MODEL, per_channel=True, reduce_range=True, weight_type=quantization.QuantType.QInt8
            )
    shutil.copyfile(source / TOKENIZER, folder / TOKENIZER)
    most = min(MAX_TOKENS, config["max_position_embeddings"])
    About("text", config["hidden_size"], encoder.name, encoder.version, most).write(folder)


def image_to_int8(encoder: ImageEncoder, pictures: Sequence[bytes], folder: Path) -> None:
    """The shipped tower, its activations scaled by `pictures`. Fills `folder`."""

    quantization = _quantization()
    trunk = build_clip().visual.trunk
    fold_batch_norms(trunk)
    pixels = encoder.pixels([encoder.prepare(picture) for picture in pictures]).cpu().contiguous()
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / MODEL
        _export(trunk, pixels[:2], whole, "pixels", axis=0)
        with _quiet():
            quantization.quantize_static(
                whole,
                folder / MODEL,
                _reader(quantization, pixels.numpy()),
                per_channel=True,
                reduce_range=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                nodes_to_exclude=_outermost(whole),
            )
    About("image", trunk.num_features, encoder.name, encoder.version).write(folder)


def _mean_of(network: Any) -> torch.nn.Module:
    """(1, tokens) ids to (1, hidden), without a mask: a text alone has no padding."""
    from torch import nn

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.network.hidden(ids, None).mean(1)
            return found

    return Mean().eval()


def _export(module: torch.nn.Module, example: torch.Tensor, file: Path, name: str, *, axis: int) -> None:
    """Writes `module` for inputs of any size along `axis`."""
    import torch

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its fused operator has no counterpart in ONNX
    try:
        with _quiet():
            torch.onnx.export(
                module, (example,), file, dynamo=True, dynamic_shapes=({axis: torch.export.Dim("size", max=512)},),
                input_names=[name], output_names=["vectors"], external_data=False, verbose=False,
            )  # fmt: skip
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _outermost(file: Path) -> list[str]:
    """The first two convolutions, which are cheap, and the last: in float32 they keep half of what int8 loses."""
    names = [node.name for node in _import("onnx").load(file).graph.node if node.op_type == "Conv"]
    return [*names[:2], names[-1]]


def _reader(quantization: Any, pixels: np.ndarray) -> Any:
    batches = iter([{"pixels": pixels[begin : begin + AT_ONCE]} for begin in range(0, len(pixels), AT_ONCE)])

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> Any:
            return next(batches, None)

    return Reader()


def _quantization() -> Any:
    """The quantiser; raises `Unsupported` where a part of the extra is not installed, before anything is exported."""
    _import("onnx")
    _import("onnxscript")
    import_onnxruntime()
    from onnxruntime import quantization

    return quantization


def _import(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise Unsupported(
            f"int8 needs {name}, and it cannot be imported: {error}", valid=EXTRA, remedy="install it"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's and the quantiser's advice to their own developers."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
