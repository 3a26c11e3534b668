"""How well every item goes with what a list starts from: the model, what people go on to, contents, attributes.

Each part is standardised over the items and weighed; `benchmarks.playlists` chose the weights on validation. That of
contents was not chosen: its data has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.candidates import all_scores
from serving.index_files import MISSING
from serving.live import Live
from serving.playlists.transitions import Transitions
from serving.similar import graph_scores
from serving.standardised import standardised

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """Of the parts. `fading`: what a seed counts in `steps` against the one after it. `near`: newest seeds that
    contents and attributes are compared with.
    """

    model: float = 1.0
    steps: float = 0.1
    contents: float = 0.3
    attributes: float = 1.0
    fading: float = 0.95
    near: int = 1


WEIGHTS = Weights()


def attraction(live: Live, transitions: Transitions, seeds: Sequence[int], weights: Weights = WEIGHTS) -> Scores:
    """(items,), for seeds (positions, oldest first, at least one): finite for every item, deleted ones too."""
    found = np.zeros(live.num_items, np.float32)
    known = np.array([place for place in seeds if place < live.index.num_items], np.int32)
    if weights.model and len(known):
        found += np.float32(weights.model) * standardised(all_scores(live, MISSING, known))
    if weights.steps:
        found += np.float32(weights.steps) * standardised(_steps(live, transitions, seeds, weights.fading))
    newest = list(seeds)[-weights.near :]
    if weights.contents:
        for modality in sorted(live.index.vectors):
            found += np.float32(weights.contents) * standardised(_contents(live, modality, newest))
    if weights.attributes and len(live.index.attributes.weights):
        total = sum((graph_scores(live, place) for place in newest), np.zeros(live.num_items, np.float32))
        found += np.float32(weights.attributes) * standardised(total)
    return found


def _steps(live: Live, transitions: Transitions, seeds: Sequence[int], fading: float) -> Scores:
    found = np.zeros(live.num_items, np.float32)
    for age, place in enumerate(reversed(seeds)):
        share = fading**age
        if share < 1e-3:
            break
        items, weights = transitions.after(place)
        found[items] += np.float32(share) * weights
    return found


def _contents(live: Live, modality: str, seeds: Sequence[int]) -> Scores:
    """Cosines with the mean of the seeds' vectors, -inf where an item has none."""
    there = [one for place in seeds if (one := live.vector(place, modality)) is not None]
    if not there:
        return np.zeros(live.num_items, np.float32)
    cosines, present = live.cosines(modality, np.mean(there, axis=0, dtype=np.float32))
    return np.where(present, cosines, np.float32(-np.inf)).astype(np.float32)
