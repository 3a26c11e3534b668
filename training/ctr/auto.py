"""`auto` for clicks: every click model within the budget, blended and calibrated on validation, and why.

After the features, before the one look at test. First each model once; then the best network again with other seeds
while time is left, because an average over seeds is steadier than one more setting. Blend or best single model, the
weights and the calibration are chosen on validation, told by cross-fitting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import InvalidData
from training.ctr import blend as stacking
from training.ctr.blend import Blend, brings, fit_blend
from training.ctr.calibrate import Calibration, FloatArray, calibrate, cross_fitted
from training.ctr.features import Features
from training.ctr.metrics import auc, log_loss
from training.ctr.models import DEFAULTS, ClickModel, ClickModelConfig, fit_click_model

AUTO = "auto"
MAX_SEEDS = 3
"""Fits of the best network, the first included."""
LEAST_SECONDS = 5.0


@dataclass(frozen=True)
class Tried:
    """One fit, and what it measured on validation before any calibration."""

    model: str
    seed: int
    validation: Mapping[str, float]
    epochs: float
    best_epoch: float
    seconds: float


@dataclass(frozen=True)
class Fitted:
    """What predicts: members, their blend and its calibration. `validation` is cross-fitted, `text` says why."""

    members: Mapping[str, ClickModel]
    blend: Blend
    calibration: Calibration
    validation: Mapping[str, float]
    text: str
    tried: tuple[Tried, ...] = ()
    brings: Mapping[str, Any] = field(default_factory=dict)

    def probabilities(self, features: Features, rows: NDArray[np.int64]) -> FloatArray:
        """(len(rows),) calibrated probabilities of a click."""
        logits = {name: model.logits(features, rows) for name, model in self.members.items()}
        return self.calibration(self.blend(logits))


@dataclass(frozen=True)
class Parts:
    """Row numbers of the features: what is learned from, and what chooses."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    user: NDArray[np.int32]
    """(validation,) user of each row: what is paired in the intervals."""


def fit_clicks(
    model: str,
    features: Features,
    parts: Parts,
    *,
    overrides: Mapping[str, Any] | None = None,
    budget: float | None = None,
    seed: int = 42,
    progress: Callable[[str], None] = lambda _text: None,
) -> Fitted:
    """Fits `model`, or all of them for `auto`. `budget`: seconds for the fits together; None is without a limit."""
    race = _Race(features, parts, budget, progress)
    if model != AUTO:
        race.fit(with_overrides(DEFAULTS[model], overrides), seed, share=1.0)
        return race.chosen(seed)
    names = list(DEFAULTS)
    for place, name in enumerate(names):
        race.fit(DEFAULTS[name], seed, share=1.0 / (len(names) - place + 1))
    networks = [one for one in race.tried if one.model != "lr"]
    for more in range(1, MAX_SEEDS) if networks else ():
        best = min(networks, key=lambda one: one.validation["logloss"]).model
        race.fit(DEFAULTS[best], seed + more, share=1.0 / (MAX_SEEDS - more))
    return race.chosen(seed)


def with_overrides(config: ClickModelConfig, overrides: Mapping[str, Any] | None) -> ClickModelConfig:
    """Settings of the network and of its fit by name; raises `InvalidData` for one that neither has."""
    network, fit = config.network, config.fit
    for name, value in (overrides or {}).items():
        change: dict[str, Any] = {name: tuple(value) if name == "layers" else value}
        if name in asdict(network):
            network = replace(network, **change)
        elif name in asdict(fit):
            fit = replace(fit, **change)
        else:
            raise InvalidData(
                f"no setting {name!r} of {config.name}",
                valid=", ".join(sorted([*asdict(network), *asdict(fit)])),
                remedy="choose one of these",
            )
    return replace(config, network=network, fit=fit)


class _Race:
    """Fits one after another within the budget, and remembers."""

    def __init__(self, features: Features, parts: Parts, budget: float | None, progress: Callable[[str], None]) -> None:
        self.features, self.parts, self.budget, self.progress = features, parts, budget, progress
        self.began = time.perf_counter()
        self.members: dict[str, ClickModel] = {}
        self.logits: dict[str, FloatArray] = {}
        self.tried: list[Tried] = []
        self.skipped: list[str] = []

    @property
    def label(self) -> NDArray[np.float32]:
        return self.features.label[self.parts.validation]

    def fit(self, config: ClickModelConfig, seed: int, *, share: float) -> None:
        """One fit in `share` of the time left; without time it is left out, unless it is the first."""
        name = config.name if config.name not in self.members else f"{config.name} seed {seed}"
        left = None if self.budget is None else self.budget - (time.perf_counter() - self.began)
        if left is not None and left < LEAST_SECONDS and self.members:
            self.skipped.append(name)
            return
        self.progress(f"fitting {name}")
        seconds = config.fit.max_seconds if left is None else max(left * share, LEAST_SECONDS)
        fit = replace(config.fit, seed=seed, max_seconds=seconds)
        model = fit_click_model(replace(config, fit=fit), self.features, self.parts.train, self.parts.validation)
        logits = model.logits(self.features, self.parts.validation)
        self.members[name], self.logits[name] = model, logits
        validation = _measured(self.label, _probability(logits))
        self.tried.append(
            Tried(config.name, seed, validation, model.fit.epochs, model.fit.best_epoch, model.fit.seconds)
        )
        self.progress(f"{name}: validation auc {validation['auc']:.4f}, logloss {validation['logloss']:.4f}")

    def chosen(self, seed: int) -> Fitted:
        """The blend, or the best member where the blend is not better on rows it was not fitted on."""
        single = min(self.logits, key=lambda name: log_loss(self.label, _probability(self.logits[name])))
        blended = stacking.cross_fitted(self.logits, self.label, seed=seed) if len(self.logits) > 1 else None
        alone = log_loss(self.label, cross_fitted("platt", self.logits[single], self.label, seed=seed))
        if blended is None or log_loss(self.label, _probability(blended)) >= alone:
            blend, logit, kept = Blend({single: 1.0}, 0.0), self.logits[single], [single]
            what = f"{single} alone" if len(self.logits) > 1 else single
        else:
            blend, logit, kept = fit_blend(self.logits, self.label), blended, list(self.logits)
            what = "blend of " + ", ".join(f"{name} ({blend.weights[name]:.2f})" for name in kept)
        calibration, losses = calibrate(logit, self.label, seed=seed)
        validation = _measured(self.label, cross_fitted(calibration.way, logit, self.label, seed=seed))
        self.progress("what each member brings")
        gains = brings(self.logits, self.label, self.parts.user, seed=seed)
        return Fitted(
            members={name: self.members[name] for name in kept},
            blend=blend,
            calibration=calibration,
            validation=validation,
            text=_why(what, calibration, losses, (single, alone), validation["logloss"], self.skipped),
            tried=tuple(self.tried),
            brings=gains,
        )


def _why(
    what: str,
    calibration: Calibration,
    losses: Mapping[str, float],
    single: tuple[str, float],
    loss: float,
    skipped: Sequence[str],
) -> str:
    """The choice in words."""
    ways = ", ".join(f"{way} {value:.4f}" for way, value in losses.items())
    text = (
        f"{what}, calibration {calibration.way}: cross-fitted validation logloss {loss:.4f} "
        f"(best single {single[0]} {single[1]:.4f}; calibrations {ways})"
    )
    return text + (f"; no time left for {', '.join(skipped)}" if skipped else "")


def _probability(logit: FloatArray) -> FloatArray:
    return Calibration("none")(logit)


def _measured(label: NDArray[np.float32], probability: FloatArray) -> dict[str, float]:
    return {"auc": auc(label, probability), "logloss": log_loss(label, probability)}
