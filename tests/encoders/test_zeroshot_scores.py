"""The arithmetic of zero-shot tags on planted scores."""

from __future__ import annotations

import json

import numpy as np
import pytest

from encoders.zeroshot_scores import Fit, calibrate, combination, combinations, fit

ITEMS, LABELS = 400, 3


@pytest.fixture
def planted() -> tuple[np.ndarray, np.ndarray]:
    """(scores, known): a label's items score one deviation higher, each label on a scale of its own."""
    rng = np.random.default_rng(0)
    known = rng.random((ITEMS, LABELS)) < (0.5, 0.2, 0.05)
    return (rng.standard_normal((ITEMS, LABELS)) + 1.5 * known) * (0.01, 0.1, 1.0) + (0.2, 0.0, 5.0), known


def everywhere() -> np.ndarray:
    return np.ones(ITEMS, bool)


def test_confidences_are_probabilities(planted: tuple[np.ndarray, np.ndarray]) -> None:
    scores, known = planted
    known[:, 0] |= ~known.any(axis=1)
    found = fit({"text": scores}, {"text": everywhere()}, known).confidences({"text": scores})
    assert ((found > 0) & (found < 1)).all()
    assert found.mean(axis=0) == pytest.approx(known.mean(axis=0), abs=0.05)
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 1.0)):
        part = (found >= low) & (found < high)
        assert known[part].mean() == pytest.approx(found[part].mean(), abs=0.07)


def test_the_order_within_a_label_is_that_of_its_scores(planted: tuple[np.ndarray, np.ndarray]) -> None:
    scores, known = planted
    found = fit({"text": scores}, {"text": everywhere()}, known).confidences({"text": scores})
    for label in range(LABELS):
        assert (np.diff(found[np.argsort(scores[:, label]), label]) >= 0).all()


def test_a_label_that_fits_badly_never_turns_round() -> None:
    z = np.linspace(-3, 3, 50)[:, None]
    backwards, forwards = calibrate(np.repeat(z, 2, axis=1), np.concatenate([z < 0, z >= 0], axis=1))
    assert backwards.slope == 0
    assert forwards.slope > 0


def test_without_known_items_confidences_are_percentiles(planted: tuple[np.ndarray, np.ndarray]) -> None:
    scores, _ = planted
    found = fit({"text": scores}, {"text": everywhere()}, None)
    assert not found.calibrated
    shares = (np.argsort(np.argsort(scores, axis=0), axis=0) + 0.5) / ITEMS
    assert np.abs(found.confidences({"text": scores}) - shares).max() < 0.15


def test_two_modalities_weigh_the_same_whatever_their_scale(planted: tuple[np.ndarray, np.ndarray]) -> None:
    scores, known = planted
    present = {"text": everywhere(), "image": everywhere()}
    one = fit({"text": scores, "image": scores * 7 + 3}, present, known)
    alone = fit({"text": scores}, {"text": everywhere()}, known)
    both = one.confidences({"text": scores, "image": scores * 7 + 3})
    assert both == pytest.approx(alone.confidences({"text": scores}), abs=1e-5)


def test_each_item_by_what_it_has() -> None:
    present = {"image": np.array([True, False, True, False]), "text": np.array([True, True, False, False])}
    found = {combination(names): rows.tolist() for rows, names in combinations(present)}
    assert found == {"image+text": [0], "image": [2], "text": [1]}


def test_a_fit_is_the_same_after_json(planted: tuple[np.ndarray, np.ndarray]) -> None:
    scores, known = planted
    found = fit({"text": scores}, {"text": everywhere()}, known)
    assert Fit.from_dict(json.loads(json.dumps(found.as_dict()))) == found
