"""The index gives each model's own scores, for known users and for newcomers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.index import open_index
from serving.index_files import MISSING
from serving.publish import publish
from serving.rank import best, score
from tests.serving.conftest import INFO
from training.blend import Blend, BlendConfig, MemberConfig
from training.data import UNKNOWN, TrainingData, UserBatch
from training.recommender import Recommender
from training.zoo import ZOO

SINGLE = [name for name, model in ZOO.items() if not model.slow and not set(model.needs) - {"triples", "any", "text"}]
BLEND = BlendConfig((MemberConfig("ease", 0.5), MemberConfig("ials", 0.3), MemberConfig("popularity", 0.2)))


NETWORKS = ["sasrec", "bert4rec", "embedding-mlp"]
"""Slow on real data; their forms are like no other."""


@pytest.fixture(scope="module", params=[*SINGLE, *NETWORKS, "auto"])
def model(request: pytest.FixtureRequest, training: TrainingData) -> Recommender:
    built = Blend(BLEND) if request.param == "auto" else ZOO[request.param].build()
    return built.fit(training)


def test_scores_are_the_model_s(model: Recommender, snapshot, training: TrainingData, tmp_path: Path) -> None:
    publish(snapshot, model, home=tmp_path, model=INFO)
    index = open_index(tmp_path)
    users = np.flatnonzero(np.diff(training.histories.indptr) > 0)
    histories = replace(training.histories.take(users), said=None)  # likings: the index has no more for a newcomer
    for position, who in ((users, users), (np.full(len(users), UNKNOWN), np.full(len(users), MISSING))):
        expected = model.score(UserBatch(position.astype(np.int64), histories))
        found = np.stack([score(index, int(one), index.known[user]) for one, user in zip(who, users, strict=True)])
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@given(st.lists(st.integers(-3, 3).map(float) | st.just(-np.inf), max_size=12), st.integers(1, 14))
def test_best_is_exact_with_ties_by_position(values: list[float], k: int) -> None:
    scores = np.array(values, np.float32)
    expected = sorted((place for place in range(len(values)) if values[place] > -np.inf), key=lambda p: (-values[p], p))
    assert best(scores, k).tolist() == expected[:k]
