"""A click model that was kept says of impressions old and new what it said before."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from graph.errors import Conflict, InvalidData, NotFound
from tests.training.ctr.planted_clicks import planted_clicks
from training.ctr import kept
from training.ctr.auto import Parts, fit_clicks
from training.ctr.features import make_features
from training.split import TEST, TRAIN, VALIDATION


@pytest.fixture(scope="module", params=[True, False], ids=["ids", "without ids"])
def case(request, tmp_path_factory):
    clicks, ids = planted_clicks(rows=2000), request.param
    features = make_features(clicks, ids=ids)
    validation = clicks.positions(VALIDATION)
    parts = Parts(clicks.positions(TRAIN), validation, clicks.rows.user[validation])
    fitted = fit_clicks("auto", features, parts, budget=30)
    folder = tmp_path_factory.mktemp("home") / "models" / "clicks"
    kept.save(fitted, kept.Reads.of(features, ids=ids), folder)
    return clicks, features, fitted, folder


def test_what_was_kept_gives_the_same_probabilities(case):
    clicks, features, fitted, folder = case
    rows = clicks.positions(TEST)
    again, _reads = kept.load(folder)
    assert np.array_equal(again.probabilities(features, rows), fitted.probabilities(features, rows))
    assert again.text == fitted.text
    assert [one.name for one in folder.parent.iterdir()] == ["clicks"], "nothing is left beside it"


def test_new_impressions_get_what_a_test_row_of_the_same_pair_gets(case):
    clicks, features, fitted, folder = case
    rows = clicks.positions(TEST)[:40]
    pairs = pa.table(
        {
            "user": [clicks.snapshot.users.ids[user] for user in clicks.rows.user[rows]],
            "item": [clicks.snapshot.items.ids[item] for item in clicks.rows.item[rows]],
            "time": clicks.rows.time[rows],
        }
    )
    again, reads = kept.load(folder)
    np.testing.assert_allclose(
        kept.predict(again, reads, clicks, pairs), fitted.probabilities(features, rows), rtol=1e-5
    )


def test_a_pair_that_was_never_shown_and_no_time(case):
    clicks, _features, _fitted, folder = case
    again, reads = kept.load(folder)
    users, items = clicks.snapshot.users.ids, clicks.snapshot.items.ids
    pairs = pa.table({"user": [users[0], users[0]], "item": [items[0], items[1]]})
    likes, dislikes = kept.predict(again, reads, clicks, pairs)
    assert 0 < dislikes < 1
    if reads.ids:
        assert likes > dislikes + 0.1, "even users click on even items"
    with pytest.raises(NotFound, match="no user 'who'"):
        kept.predict(again, reads, clicks, pa.table({"user": ["who"], "item": [items[0]]}))


def test_other_data_is_refused(case):
    clicks, _features, _fitted, folder = case
    again, reads = kept.load(folder)
    other = kept.Reads(("another",), reads.bags, reads.dense, reads.ids)
    pairs = pa.table({"user": [clicks.snapshot.users.ids[0]], "item": [clicks.snapshot.items.ids[0]]})
    with pytest.raises(InvalidData, match="fitted on"):
        kept.predict(again, other, clicks, pairs)


def test_a_folder_is_whole_or_refused(case, tmp_path):
    _clicks, features, fitted, folder = case
    with pytest.raises(Conflict, match="is there already"):
        kept.save(fitted, kept.Reads.of(features), folder)
    with pytest.raises(NotFound, match="no click model"):
        kept.load(tmp_path)
    card = json.loads((folder / kept.CARD).read_text())
    (tmp_path / kept.CARD).write_text(json.dumps({**card, "members": ["lr"], "calibration": {}}))
    with pytest.raises((InvalidData, NotFound)):
        kept.load(tmp_path)
