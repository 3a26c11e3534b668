"""Purchases belong to the latest click before them, and ESMM stands beside the naive model."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from graph.snapshot import NO_TIME, Interactions
from tests.training.ctr.planted_clicks import planted_clicks
from training.ctr.auto import Parts
from training.ctr.conversions import PURCHASED, find_conversions, measure_conversions
from training.ctr.features import make_features
from training.ctr.rows import Clicks
from training.split import TEST, TRAIN, VALIDATION


def rows(*columns) -> Interactions:
    user, item, kind, value, time = (np.array(column) for column in zip(*columns, strict=True))
    return Interactions(
        user.astype(np.int32), item.astype(np.int32), kind.astype(np.int8), value.astype(np.float32),
        time.astype(np.int64),
    )  # fmt: skip


def found(shown: Interactions, bought: Interactions):
    parts = [np.concatenate([getattr(one, name) for one in (shown, bought)]) for name in
             ("user", "item", "kind", "value", "time")]  # fmt: skip
    folder = SimpleNamespace(snapshot=SimpleNamespace(interactions=Interactions(*parts)))
    clicks = Clicks(None, shown, np.full(len(shown), TRAIN, np.int8), "")  # type: ignore[arg-type]
    return find_conversions(folder, clicks)  # type: ignore[arg-type]


SHOWN = rows((0, 0, 0, 1, 10), (0, 0, 0, 1, 20), (0, 0, 0, 0, 30), (0, 1, 0, 1, 10), (1, 0, 0, 1, 40))


def bought(*triples) -> Interactions:
    return rows(*((user, item, PURCHASED, np.nan, time) for user, item, time in triples))


def test_a_purchase_belongs_to_the_latest_click_before_it():
    conversions = found(SHOWN, bought((0, 0, 35)))
    assert conversions.label.tolist() == [0, 1, 0, 0, 0]
    assert found(SHOWN, bought((0, 0, 15))).label.tolist() == [1, 0, 0, 0, 0]
    assert found(SHOWN, bought((0, 0, NO_TIME))).label.tolist() == [0, 1, 0, 0, 0]


def test_one_that_follows_no_click_is_counted_and_left_out():
    conversions = found(SHOWN, bought((1, 0, 39), (2, 0, 99), (0, 1, 10)))
    assert conversions.orphans == 2
    assert conversions.label.tolist() == [0, 0, 0, 1, 0]
    assert found(SHOWN, bought((1, 0, 39))) is None, "none in train"


def test_without_purchases_there_is_nothing():
    assert found(SHOWN, SHOWN) is None


def test_esmm_and_the_naive_model_are_measured_on_test():
    clicks = planted_clicks(rows=4000)
    rng = np.random.default_rng(0)
    likes = clicks.rows.item % 4 == 0
    chosen = np.flatnonzero((clicks.label > 0) & (rng.random(len(clicks.rows)) < np.where(likes, 0.8, 0.1)))
    purchases = replace(
        clicks.rows.take(chosen),
        kind=np.full(len(chosen), PURCHASED, np.int8),
        value=np.full(len(chosen), np.nan, np.float32),
    )
    conversions = found(clicks.rows, purchases)
    assert conversions.label.sum() == pytest.approx(len(chosen), rel=0.1)
    features = make_features(clicks)
    validation = clicks.positions(VALIDATION)
    parts = Parts(clicks.positions(TRAIN), validation, clicks.rows.user[validation])
    table = measure_conversions(conversions, features, parts, clicks.positions(TEST), seconds=40)
    assert table["esmm"]["cvr_auc"] > 0.65
    assert table["esmm"]["ctcvr_auc"] > 0.65
    assert table["naive"]["cvr_auc"] > 0.65
    assert table["rows"]["conversions"] == conversions.label.sum()
