"""One fit of one model of the zoo, as a `Scale` has it: in several processes, with fewer bits, resumable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from training.data import TrainingData
from training.recommender import SILENT, Monitor, Recommender
from training.scale.runtime import ONE, Checkpoint, Runtime, Scale
from training.warm import Start, WarmStarted
from training.zoo import Model


def fit(
    model: Model,
    config: Any,
    data: TrainingData,
    monitor: Monitor = SILENT,
    *,
    scale: Scale = ONE,
    start: Start | None = None,
) -> Recommender:
    """A fresh model, fitted. `start`: weights that a network begins from.

    Closed forms have one process, all bits and no checkpoint whatever `scale` says: they are done in seconds.
    """
    recommender = model.build(config)
    if isinstance(recommender, WarmStarted):
        runtime = runtime_of(model.name, config, data, scale=scale, start=start)
        recommender.start, recommender.runtime = start, runtime
        if scale.team is not None:
            scale.team.share(model.name, config, data, start, runtime)
    return recommender.fit(data, monitor)


def runtime_of(name: str, config: Any, data: TrainingData, *, scale: Scale, start: Start | None = None) -> Runtime:
    """What the first process's loop is told."""
    checkpoint = None
    if scale.checkpoints is not None:
        about = (name, config, data, start, scale.precision or "", scale.batch_pieces)
        key = fingerprint(about)
        checkpoint = Checkpoint(scale.checkpoints / f"{name}-{key[:16]}.safetensors", key, scale.every)
    return Runtime(scale.precision, scale.batch_pieces, 0, scale.processes, checkpoint)


def fingerprint(value: Any) -> str:
    """SHA-256 of what a value holds: arrays, sparse matrices, dataclasses, mappings, sequences, numbers, text."""
    digest = hashlib.sha256()
    for part in _parts(value):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, csr_matrix):
        yield from _parts((value.shape, value.indptr, value.indices, value.data))
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif is_dataclass(value):
        yield type(value).__name__.encode()
        for field in fields(value):
            yield from _parts((field.name, getattr(value, field.name)))
    elif isinstance(value, Mapping):
        for name in sorted(value, key=str):
            yield from _parts((name, value[name]))
    elif isinstance(value, tuple | list):
        yield f"({len(value)}".encode()
        for one in value:
            yield from _parts(one)
    else:
        yield repr(value).encode() + b";"
