"""A click model fitted, scored and kept: the network, its settings and its fit as one value.

Between the features and the blend. A folder holds `model.safetensors` (weights, and the scale of the dense numbers) and
`model.json` (what it takes to build the network again); never a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from graph.errors import InvalidData, NotFound
from training.ctr.calibrate import NONE, Calibration
from training.ctr.features import Features
from training.ctr.fit import Fit, FitConfig, click_loss, fit_network, outputs
from training.ctr.networks import NETWORKS, DCNv2, DeepFM, LogisticRegression, NetworkConfig, Shape, shape_of

STATE = "model.safetensors"
CARD = "model.json"


@dataclass(frozen=True)
class ClickModelConfig:
    """`name` is one of `NETWORKS`."""

    name: str = "dcn-v2"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    fit: FitConfig = field(default_factory=FitConfig)


DEFAULTS: Mapping[str, ClickModelConfig] = MappingProxyType(
    {
        "lr": ClickModelConfig("lr", fit=FitConfig(learning_rate=1e-2)),
        "deepfm": ClickModelConfig("deepfm"),
        "dcn-v2": ClickModelConfig("dcn-v2"),
    }
)


def find_click_model(name: str) -> ClickModelConfig:
    """Settings of the click model of this name; raises `NotFound`."""
    if name not in DEFAULTS:
        raise NotFound(f"no click model {name!r}", valid=", ".join(("auto", *DEFAULTS)), remedy="choose one of these")
    return DEFAULTS[name]


@dataclass(frozen=True)
class ClickModel:
    """A fitted network. `calibration` turns its logits into probabilities."""

    config: ClickModelConfig
    shape: Shape
    network: LogisticRegression | DeepFM | DCNv2
    fit: Fit
    calibration: Calibration = NONE

    def logits(self, features: Features, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(len(rows),) of these rows; raises `InvalidData` for features of another shape."""
        if shape_of(features) != self.shape:
            raise InvalidData(
                f"features of {shape_of(features)}", valid=f"{self.shape}", remedy="make them as for the fit"
            )
        return outputs(self.network, features, rows, self.shape)

    def probabilities(self, features: Features, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(len(rows),) calibrated probabilities of a click."""
        return self.calibration(self.logits(features, rows))

    def calibrated(self, calibration: Calibration) -> ClickModel:
        """The same model with another calibration."""
        return replace(self, calibration=calibration)

    def save(self, folder: Path) -> None:
        """Writes the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        save_file(state, folder / STATE)
        card = {
            "config": asdict(self.config),
            "shape": asdict(self.shape),
            "fit": asdict(self.fit),
            "calibration": self.calibration.as_dict(),
        }
        (folder / CARD).write_text(json.dumps(card, indent=2))


def fit_click_model(
    config: ClickModelConfig, features: Features, train: NDArray[np.int64], validation: NDArray[np.int64]
) -> ClickModel:
    """Fits on rows `train` of `features`; the epoch is chosen on rows `validation`."""
    shape = shape_of(features)
    network = _build(config, shape, seed=config.fit.seed)
    network.scale.fit(features.dense[train])
    fit = fit_network(network, features, train, validation, config.fit, shape=shape, loss=click_loss(features))
    return ClickModel(config, shape, network, fit)


def load_click_model(folder: Path) -> ClickModel:
    """Reads what `save` wrote. Raises `NotFound` where there is no model, `InvalidData` where it is damaged."""
    if not (folder / CARD).is_file():
        raise NotFound(f"no click model in {folder}", valid=f"a folder with {CARD}", remedy="check the path")
    try:
        card = json.loads((folder / CARD).read_text())
        config = _config(card["config"])
        shape = Shape(**{**card["shape"], "bag_offsets": tuple(card["shape"]["bag_offsets"])})
        network = _build(config, shape, seed=config.fit.seed)
        network.load_state_dict(load_file(folder / STATE))
        calibration = Calibration(card["calibration"]["way"], tuple(card["calibration"]["numbers"]))
        fit = Fit(**card["fit"])
    except (KeyError, TypeError, ValueError, RuntimeError, OSError, SafetensorError) as error:
        raise InvalidData(
            f"the click model in {folder} cannot be read: {error}",
            valid=f"{STATE} and {CARD} as they were written",
            remedy="copy the folder again, or fit the model again",
        ) from error
    network.eval()
    return ClickModel(config, shape, network, fit, calibration)


def _build(config: ClickModelConfig, shape: Shape, *, seed: int) -> LogisticRegression | DeepFM | DCNv2:
    """Initial weights by seed; the process's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[find_click_model(config.name).name](shape, config.network)


def _config(card: Mapping[str, Any]) -> ClickModelConfig:
    network = {**card["network"], "layers": tuple(card["network"]["layers"])}
    return ClickModelConfig(card["name"], NetworkConfig(**network), FitConfig(**card["fit"]))
