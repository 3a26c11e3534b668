"""The weights that a later network may start from, beside the model that serves (`training.model_files`).

Two files: of the fit on everything, for the next fit on everything; of the fit on the train part, for the next one that
is measured. Neither where no member is a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from training.blend import Blend, labels
from training.recommender import Recommender
from training.warm import WarmStarted, Weights

FINAL = "weights.safetensors"
MEASURED = "train_weights.safetensors"


def save_weights(folder: Path, *, final: Recommender, measured: Recommender) -> None:
    """Writes both files, where there is anything to write."""
    for name, recommender in ((FINAL, final), (MEASURED, measured)):
        arrays = {f"{model}/{key}": value for model, found in _networks(recommender) for key, value in found.items()}
        if arrays:
            save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, folder / name)


def load_weights(folder: Path, name: str) -> dict[str, Weights]:
    """Weights by member (`training.blend.labels`).

    Empty where none were kept, or where they cannot be read: a start from nothing does as well.
    """
    try:
        arrays = load_file(folder / name)
    except (FileNotFoundError, SafetensorError):
        return {}
    found: dict[str, dict[str, NDArray[np.generic]]] = {}
    for key, value in arrays.items():
        model, _, parameter = key.partition("/")
        found.setdefault(model, {})[parameter] = value
    return dict(found)


def _networks(recommender: Recommender) -> list[tuple[str, Mapping[str, NDArray[np.generic]]]]:
    members = recommender.members if isinstance(recommender, Blend) else (recommender,)
    named = zip(labels(one.name for one in members), members, strict=True)
    return [(name, one.weights) for name, one in named if isinstance(one, WarmStarted) and one.weights is not None]
