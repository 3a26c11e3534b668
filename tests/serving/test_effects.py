"""Leaving one interaction out costs exactly what the model says of the shortened history, for every form."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving import effects as module
from serving.effects import effects
from serving.index import open_index
from serving.index_files import MISSING
from serving.inherit import Inherited
from serving.live import Live
from serving.publish import publish
from serving.rank import score
from tests.serving.conftest import INFO
from training.blend import Blend, BlendConfig, MemberConfig
from training.data import TrainingData
from training.zoo import ZOO

NAMES = ("ease", "item-knn", "ials", "bpr", "lightgcn", "popularity", "linear-sequence", "sasrec", "embedding-mlp")
BLEND = BlendConfig((MemberConfig("ease", 0.5), MemberConfig("ials", 0.3), MemberConfig("popularity", 0.2)))
WITH_PATHS = BlendConfig((MemberConfig("knowledge-paths", 0.6), MemberConfig("item-knn", 0.4)))
"""Weights and scores of everybody in one member."""
BLENDS = {"blend": BLEND, "blend with paths": WITH_PATHS}


@pytest.mark.parametrize("name", [*(name for name in NAMES if name in ZOO), *BLENDS])
def test_a_drop_is_what_the_model_says(name: str, snapshot, training: TrainingData, tmp_path: Path) -> None:
    model = (Blend(BLENDS[name]) if name in BLENDS else ZOO[name].build()).fit(training)
    publish(snapshot, model, home=tmp_path, model=INFO)
    live = Live(open_index(tmp_path))
    items = np.array([1, 5, 7, 11])
    histories = [live.index.known[user] for user in (2, 8)]
    histories.append(np.concatenate([histories[0], histories[0][1:3], histories[1]]).astype(np.int32))
    for history in histories:
        found = effects(live, history, items)
        whole = score(live.index, MISSING, history)
        np.testing.assert_allclose(found.scores, whole[items], rtol=2e-4, atol=2e-5)
        assert sorted(found.left_out.tolist()) == np.unique(history).tolist()
        for row, item in zip(found.drops, found.left_out, strict=True):
            without = score(live.index, MISSING, history[history != item])
            np.testing.assert_allclose(row, (whole - without)[items], rtol=1e-3, atol=3e-4)


def test_a_large_catalogue_is_sampled(index, monkeypatch: pytest.MonkeyPatch) -> None:
    live, items = Live(index), np.array([3, 4, 9])
    history = index.known[5]
    exact = effects(live, history, items)
    monkeypatch.setattr(module, "REFERENCE", 8)
    sampled = effects(live, history, items)
    np.testing.assert_allclose(sampled.scores, exact.scores, rtol=1e-4, atol=1e-5)  # a model alone is not standardised
    np.testing.assert_allclose(sampled.drops, exact.drops, rtol=1e-3, atol=1e-5)


def test_newcomers_among_the_items_inherit(index) -> None:
    inherit, history = index.inherit, index.known[5]
    cold = inherit.cold if len(inherit.cold) else np.array([3], np.int32)
    if not len(inherit.cold):  # as if nobody had met it
        weights = np.zeros((1, inherit.cold_from.weights.shape[1]), np.float32)
        weights[0, 0] = 0.7
        places = np.repeat(inherit.landmarks[:1][None], weights.shape[1], axis=1)
        index = replace(index, inherit=replace(inherit, cold=cold, cold_from=Inherited(places, weights)))
    found = effects(Live(index), history, np.array([cold[0], 4]))
    without = history[history != found.left_out[0]]
    for row, read in ((found.scores, history), (found.scores - found.drops[0], without)):
        wanted = score(index, MISSING, read)
        index.inherit.fill(wanted)
        np.testing.assert_allclose(row, wanted[[cold[0], 4]], rtol=1e-3, atol=1e-4)


def test_others_is_the_mean_of_the_rest(index) -> None:
    found = effects(Live(index), index.known[5], np.array([3, 4]))
    rest = np.delete(found.drops, 2, axis=0).mean(axis=0)
    np.testing.assert_allclose(found.others[2], rest, rtol=1e-4, atol=1e-6)
    alone = effects(Live(index), index.known[5][:1], np.array([3]))
    assert alone.others.tolist() == [[0.0]]
