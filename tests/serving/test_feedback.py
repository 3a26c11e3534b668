"""An index obeys what its model learned that kinds of interactions count: for lists, and for the next event."""

from __future__ import annotations

import numpy as np
import pytest

from graph.snapshot import Snapshot
from serving.all_lists import Everybody
from serving.candidates import model_scores
from serving.events import Event, EventLog, Recent
from serving.foldin import viewer
from serving.index import Index, open_index
from serving.live import Live
from serving.publish import publish
from serving.recommend import Wish, recommend
from tests.serving.conftest import INFO
from tests.training.shoppers import PURCHASED, SKIPPED, VIEWED, shoppers
from training.data import TrainingData, UserBatch
from training.models.ease_feedback import FeedbackEASE, FeedbackEASEConfig
from training.train import everything

LATE = 2 * 10**9


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return shoppers(views=10, skips=8)


@pytest.fixture(scope="module")
def data(snapshot: Snapshot) -> TrainingData:
    return everything(snapshot, None)


@pytest.fixture(scope="module")
def model(data: TrainingData) -> FeedbackEASE:
    return FeedbackEASE(FeedbackEASEConfig(50.0)).fit(data)


@pytest.fixture(scope="module")
def index(snapshot: Snapshot, model: FeedbackEASE, tmp_path_factory: pytest.TempPathFactory) -> Index:
    home = tmp_path_factory.mktemp("feedback")
    publish(snapshot, model, home=home, model=INFO)
    return open_index(home)


def test_lists_and_scores_are_the_model_s(index: Index, model: FeedbackEASE, data: TrainingData) -> None:
    live = Live(index)
    users = np.arange(6)
    expected = model.score(UserBatch(users, data.histories.take(users)))
    lists = Everybody(live, 50).of(users)
    for user in users.tolist():
        who = viewer(live, f"t:{user:04d}")
        scores, unseen = model_scores(live, who), np.setdiff1d(np.arange(100), index.seen[user])
        np.testing.assert_allclose(scores[unseen], expected[user][unseen], rtol=1e-4, atol=1e-5)
        best = unseen[np.lexsort((unseen, -expected[user][unseen]))]
        assert recommend(live, Wish(who.name, 5)).items == best[:5].tolist()
        assert lists.items[user][:5].tolist() == best[:5].tolist()


@pytest.mark.parametrize(("kind", "sign"), [(SKIPPED, -1), (PURCHASED, 1)])
def test_the_next_event_counts_what_its_kind_does(index: Index, log: EventLog, kind: int, sign: int) -> None:
    user, live = "t:0000", Live(index, log=Recent(log, -1))
    before = model_scores(live, viewer(live, user))
    unseen = np.flatnonzero(np.isfinite(before))
    item = next(int(one) for one in unseen if one % 5 == 2)  # not of their taste
    log.add([Event("e", user, f"t:{item:04d}", kind, None, LATE)])
    who = viewer(live, user)
    assert who.moved
    after = model_scores(live, who)
    like_it = np.array([one for one in unseen if one % 5 == 2 and one != item])
    assert sign * (after[like_it] - before[like_it]).mean() > 0
    assert item not in recommend(live, Wish(user, 50)).items


def test_a_purchase_moves_more_than_a_look(index: Index, log: EventLog) -> None:
    moved = []
    for user, kind in (("new:a", VIEWED), ("new:b", PURCHASED)):
        live = Live(index, log=Recent(log, -1))
        log.add([Event(user, user, "t:0001", kind, None, LATE)])
        scores = model_scores(live, viewer(live, user))
        moved.append(np.abs(scores[np.isfinite(scores)]).sum())
    assert moved[0] < moved[1]
