"""Paired tests: they see a real difference, and are right about chance."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from training.significance import compare_all, holm, paired_test


def test_a_clear_difference_is_significant():
    rng = np.random.default_rng(0)
    champion = rng.random(300)
    found = paired_test(champion + 0.02 + 0.01 * rng.standard_normal(300), champion)
    assert found.better
    assert found.low > 0.015
    assert found.difference == pytest.approx(0.02, abs=0.005)


def test_equal_models_are_not_better():
    values = np.random.default_rng(0).random(50)
    found = paired_test(values, values)
    assert not found.better
    assert found.p_value == 1.0


def test_chance_is_called_significant_about_as_often_as_promised():
    rng = np.random.default_rng(5)
    called = sum(paired_test(*rng.standard_normal((2, 100)), seed=trial).p_value < 0.05 for trial in range(200))
    assert 2 <= called <= 22


def test_different_users_are_refused():
    with pytest.raises(InvalidData, match="paired"):
        paired_test(np.zeros(3), np.zeros(4))


def test_holm_is_the_textbook_example() -> None:
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([])).size == 0
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_a_family_of_equal_models_rarely_has_a_winner() -> None:
    rng = np.random.default_rng(5)
    alone, together = 0, 0
    for _ in range(40):
        base = rng.random(60)
        others = {str(n): base + rng.normal(0, 0.2, 60) for n in range(6)}
        found = compare_all(base, others)
        alone += any(one.p_value < 0.05 for one in found.values())
        together += any(one.adjusted < 0.05 for one in found.values())
    assert together <= 6, "about one in twenty"
    assert alone > together


def test_a_real_difference_survives_the_correction() -> None:
    rng = np.random.default_rng(6)
    base = rng.random(200)
    found = compare_all(base + 0.1, {"worse": base + rng.normal(0, 0.1, 200), "same": base + 0.1})
    assert found["worse"].better
    assert not found["same"].better
    assert found["worse"].adjusted >= found["worse"].p_value
