"""The state of a fit at the end of an epoch, in one safetensors file that is always whole: written aside, then renamed.

Numbers and generators' states are JSON in a tensor of bytes, so that nothing is unpickled. `key` says of which fit it
is: model, settings, data, pieces and bits; a file of another fit is not read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from graph.errors import InvalidData
from graph.whole_files import write_whole
from training.scale.runtime import Checkpoint, Runtime
from training.scale.world import first_says

_ABOUT = "about"
FORMAT = 1


@dataclass(frozen=True)
class Saved:
    """`about`: numbers, by name; `tensors`: by `part.name`."""

    about: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors of one part, without its name."""
        return {full[len(name) + 1 :]: one for full, one in self.tensors.items() if full.startswith(f"{name}.")}


def joined(parts: Mapping[str, Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Tensors by `part.name`."""
    return {f"{part}.{name}": one for part, tensors in parts.items() for name, one in tensors.items()}


def write(checkpoint: Checkpoint, saved: Saved) -> None:
    """Writes it whole, or leaves what was there."""
    about = json.dumps({**saved.about, "format": FORMAT, "key": checkpoint.key}).encode()
    tensors = {name: one.detach().cpu().contiguous().clone() for name, one in saved.tensors.items()}
    tensors[_ABOUT] = torch.from_numpy(np.frombuffer(about, np.uint8).copy())
    write_whole(checkpoint.path, save(tensors), durable=True)


def read(runtime: Runtime) -> Saved | None:
    """What the first process finds, in all of them; None where there is none.

    Raises `InvalidData` for a file that is damaged or of another fit.
    """
    checkpoint = runtime.checkpoint
    if checkpoint is None:
        return None
    mine = checkpoint.path.read_bytes() if runtime.rank == 0 and checkpoint.path.exists() else None
    content = first_says(mine, runtime.processes)
    return None if content is None else _parsed(content, checkpoint)


def _parsed(content: bytes, checkpoint: Checkpoint) -> Saved:
    try:
        tensors = load(content)
        about = json.loads(tensors.pop(_ABOUT).numpy().tobytes())
    except Exception as error:
        raise _wrong(checkpoint.path, "cannot be read") from error
    if (about.get("format"), about.get("key")) != (FORMAT, checkpoint.key):
        raise _wrong(checkpoint.path, "is of another fit")
    return Saved(about, tensors)


def _wrong(path: Path, what: str) -> InvalidData:
    return InvalidData(
        f"the checkpoint {path.name} {what}",
        valid="a file that the same training with the same settings and data wrote",
        remedy=f"remove {path}, or begin anew with --no-resume",
    )


class Due:
    """Is it time to write again? Asked at the end of an epoch; only the first process writes."""

    def __init__(self, runtime: Runtime) -> None:
        self._checkpoint = runtime.checkpoint if runtime.rank == 0 else None
        self._since = time.monotonic()

    def now(self, *, end: bool) -> bool:
        """`end`: the fit is over: what is there already is then brought up to date."""
        if self._checkpoint is None:
            return False
        now = time.monotonic()
        if now - self._since < self._checkpoint.every and not (end and self._checkpoint.path.exists()):
            return False
        self._since = now
        return True
