"""Features of impressions: nothing knows its own label or a held-out one, types are inferred, the past is the past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.snapshot import NO_TIME, EmbeddingTable
from tests.training.ctr.planted_clicks import planted_clicks
from training.ctr.features import make_features
from training.ctr.statistics import PAST, RECENT, past
from training.pairs import auc
from training.split import TEST, TRAIN, VALIDATION


@pytest.fixture(scope="module")
def clicks():
    return planted_clicks()


@pytest.fixture(scope="module")
def features(clicks):
    return make_features(clicks)


def flipped(clicks, rows):
    value = clicks.rows.value.copy()
    value[rows] = 1 - value[rows]
    return replace(clicks, rows=replace(clicks.rows, value=value))


def test_a_train_row_does_not_know_its_own_label(clicks, features):
    for row in clicks.positions(TRAIN)[:6]:
        changed = make_features(flipped(clicks, [row]))
        np.testing.assert_array_equal(changed.dense[row], features.dense[row])
        np.testing.assert_array_equal(changed.values, features.values)


def test_but_others_know_it(clicks, features):
    row = clicks.positions(TRAIN)[0]
    changed = make_features(flipped(clicks, [row]))
    assert (changed.dense != features.dense).any()


@pytest.mark.parametrize("part", [VALIDATION, TEST])
def test_no_feature_knows_a_held_out_label(clicks, features, part):
    changed = make_features(flipped(clicks, clicks.positions(part)))
    np.testing.assert_array_equal(changed.dense, features.dense)
    np.testing.assert_array_equal(changed.values, features.values)


def test_labels_by_chance_stay_chance(clicks):
    """A leak of a row's own label would let its own features tell it, where nothing can."""
    rng = np.random.default_rng(5)
    noise = replace(clicks, rows=replace(clicks.rows, value=rng.integers(0, 2, len(clicks.rows)).astype(np.float32)))
    found, train = make_features(noise), noise.positions(TRAIN)
    for name, column in zip(found.dense_names, found.dense.T, strict=True):
        if "count" not in name:
            assert 0.44 < auc(column[train].astype(float), noise.label[train] > 0) < 0.56, name


def test_scores_find_the_taste(clicks, features):
    column = features.dense[:, features.dense_names.index("factors")]
    test = clicks.positions(TEST)
    assert auc(column[test].astype(float), clicks.label[test] > 0) > 0.7


def test_types_are_inferred(features):
    """Every zip code and age is one user's own and says nothing that the id does not; the year is in the title."""
    assert features.field_names == ("user", "item", "user plan", "hour", "weekday", "period")
    assert features.bag_names == ("HAS_GENRE",)
    assert features.values.min() >= 0
    assert features.values.max() < sum(features.sizes)


def test_the_past_is_strictly_before(clicks):
    rows = clicks.rows
    found = past(clicks)
    train = clicks.part == TRAIN
    for row in range(0, len(rows), 97):
        before = np.flatnonzero(train & (rows.user == rows.user[row]) & (rows.time < rows.time[row]))
        assert found[row, 0] == pytest.approx(np.log1p(len(before)), abs=1e-5)
        before = before[np.argsort(rows.time[before])]
        for place, window in enumerate(RECENT):
            latest = rows.value[before[-window:]]
            expected = (latest.sum() + 0.5) / (len(latest) + 1)
            assert found[row, len(PAST) - len(RECENT) + place] == pytest.approx(expected, abs=1e-5)


def test_rows_at_the_same_time_do_not_know_each_other(clicks):
    together = replace(clicks, rows=replace(clicks.rows, time=np.full(len(clicks.rows), 7)))
    assert (past(together)[:, 0] == 0).all()
    assert len(np.unique(past(together)[:, 2:])) == 1


def test_without_times_there_is_no_past(clicks):
    untimed = replace(clicks, rows=replace(clicks.rows, time=np.full(len(clicks.rows), NO_TIME)))
    found = make_features(untimed)
    assert not set(PAST) & set(found.dense_names)
    assert not {"hour", "weekday", "period"} & set(found.field_names)


def test_embeddings_become_few_numbers_and_unknown_stays_unknown(clicks):
    vectors = np.random.default_rng(1).normal(size=(len(clicks.snapshot.items), 30)).astype(np.float32)
    present = np.arange(len(vectors)) > 0
    vectors[0] = 0
    snapshot = clicks.snapshot.with_embeddings({"text": EmbeddingTable(vectors, present, "planted", "1")})
    found = make_features(replace(clicks, snapshot=snapshot))
    columns = [place for place, name in enumerate(found.dense_names) if name.startswith("text ")]
    assert len(columns) == 8
    unknown = clicks.rows.item == 0
    assert np.isnan(found.dense[unknown][:, columns]).all()
    assert np.isfinite(found.dense[~unknown][:, columns]).all()
