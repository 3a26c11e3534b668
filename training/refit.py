"""The last fit before production: the chosen settings on everything that is known, the blend's weights kept.

After the test has been read once. A network gets as many epochs as validation chose: nothing is held out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from training.blend import Blend, BlendConfig, labels
from training.data import TrainingData
from training.recommender import SILENT, Monitor, Recommender
from training.scale.fit import fit
from training.scale.runtime import ONE, Scale
from training.warm import Start
from training.zoo import find

Monitors = Callable[[str], Monitor]


def refit(
    recommender: Recommender,
    config: Any,
    data: TrainingData,
    monitors: Monitors = lambda _name: SILENT,
    *,
    starts: Mapping[str, Start] | None = None,
    scale: Scale = ONE,
) -> Recommender:
    """A new model like `recommender` (fitted, its settings in `config`), fitted on `data`.

    `starts`: weights that networks begin from, by member (`training.blend.labels`).
    """
    starts = starts or {}
    if not isinstance(recommender, Blend):
        start = starts.get(recommender.name)
        return fit_again(recommender, config, data, monitors(recommender.name), start, scale)
    members = []
    named = labels(one.name for one in recommender.config.members)
    for label, one, member in zip(named, recommender.config.members, recommender.members, strict=True):
        config = find(one.name).config(one.settings)
        members.append(fit_again(member, config, data, monitors(label), starts.get(label), scale))
    return Blend(BlendConfig(recommender.config.members), members)


def fit_again(
    recommender: Recommender,
    config: Any,
    data: TrainingData,
    monitor: Monitor = SILENT,
    start: Start | None = None,
    scale: Scale = ONE,
) -> Recommender:
    """A fresh model of the kind of `recommender`, fitted on `data` for as many epochs as validation chose for that."""
    training = getattr(recommender, "training", None)
    if training is not None and training.best_epoch:
        config = replace(config, epochs=training.best_epoch)
    return fit(find(recommender.name), config, data, monitor, scale=scale, start=start)
