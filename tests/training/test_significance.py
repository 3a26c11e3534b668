"""Paired tests: they see a real difference, and are right about chance."""

from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData
from training.significance import paired_test


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
