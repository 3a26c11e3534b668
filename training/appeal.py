"""Appeal: the popularity that an item nobody has met can be expected to have, by its content; one list for everybody.

The baseline of `cold-item`, where popularity itself is nought for every newcomer. A content ridge's scores, averaged
over all users, are the ridge regression of popularity onto content (`training/models/content_ridge.py`); content and
regularization are chosen on the validation's newcomers, and the last fit knows these.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.data import HeldOut, TrainingData
from training.evaluate import evaluate
from training.metrics import TARGET
from training.models.content_ridge import ContentRidge
from training.models.popularity import Popularity
from training.prepare import Prepared
from training.zoo import find

CONTENTS = ("ridge-fused", "ridge-graph", "ridge-counts")
"""Models whose contents are tried."""


def appeal(prepared: Prepared) -> Popularity | None:
    """Popularity with expected counts, fitted on train and validation; None where items have no content."""
    data, held_out = prepared.data, prepared.data.validation
    configs = [config for name in CONTENTS if find(name).fits(data) for config in find(name).grid()]
    if not configs or held_out is None:
        return None
    best = max(configs, key=lambda config: _quality(config, data, held_out))
    return expected(best, prepared.everything)


def expected(config: Any, data: TrainingData) -> Popularity:
    """`counts` (num_items,): the mean of all users' scores, times the users; as large as counts, and may be below 0."""
    found = Popularity()
    found.counts = np.asarray(ContentRidge(config).fit(data).appeal() * data.num_users, np.float32)
    return found


def _quality(config: Any, data: TrainingData, held_out: HeldOut) -> float:
    return evaluate(expected(config, replace(data, validation=None)), held_out, ks=(10,)).metrics[TARGET]
