"""What a model may know when: train alone for validation, train and validation for test."""

from __future__ import annotations

import numpy as np

from graph.snapshot import Triples
from tests.training.planted import snapshot_of
from training.data import SideInformation
from training.prepare import prepare
from training.split import make_split


def test_validation_sees_train_and_test_sees_both(planted):
    split = make_split(planted, how="random")
    prepared = prepare(snapshot_of(planted), split)
    train = prepared.data.matrix
    validation, test = prepared.data.validation, prepared.test
    assert (validation.excluded != train[validation.users]).nnz == 0
    assert validation.relevant.multiply(train[validation.users]).nnz == 0
    assert test.relevant.multiply(test.excluded).nnz == 0
    rows = np.searchsorted(test.users, validation.users)
    assert (test.excluded[rows] != (train[validation.users] + validation.relevant)).nnz == 0
    assert prepared.everything.matrix.nnz == train.nnz + validation.relevant.nnz
    assert prepared.everything.validation is None


def test_histories_are_oldest_first_and_take_keeps_them(planted):
    prepared = prepare(snapshot_of(planted), make_split(planted, how="last-out"))
    history = prepared.test.histories
    for row in range(len(history)):
        times = history.times[history.indptr[row] : history.indptr[row + 1]]
        assert (np.diff(times) >= 0).all()
    again = history.take(np.array([5, 0]))
    assert again.items[: again.indptr[1]].tolist() == history.items[history.indptr[5] : history.indptr[6]].tolist()
    assert len(again) == 2


def test_repeats_stay_in_histories_but_count_once_in_the_matrix(planted):
    doubled = planted.take(np.repeat(np.arange(len(planted)), 2))
    prepared = prepare(snapshot_of(doubled), make_split(doubled, how="last-out"))
    assert len(prepared.data.histories.items) > prepared.data.matrix.nnz
    assert prepared.data.matrix.max() == 1.0


def test_side_information_can_be_switched_off_part_by_part():
    side = SideInformation(
        9, ("HAS_GENRE",), Triples(np.zeros(2, np.int32), np.zeros(2, np.int16), np.full(2, 8, np.int32)),
        np.array([[0, 1]], np.int32), {"text": None, "image": None},
    )  # fmt: skip
    assert len(side.without("triples").triples) == 0
    assert len(side.without("friendships").friendships) == 0
    assert set(side.without("image").embeddings) == {"text"}
