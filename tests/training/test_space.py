"""Search spaces: every model of the zoo has one, and what they draw a config takes."""

from __future__ import annotations

import dataclasses

import optuna
import pytest

from training.space import Categorical, Float, Int, draw, within
from training.zoo import ZOO


@pytest.mark.parametrize("name", ZOO)
def test_every_setting_of_a_space_is_one_of_its_model(name: str) -> None:
    model = ZOO[name]
    config = model.config()
    assert model.space(), "every model can be tuned"
    assert set(model.space()) <= {field.name for field in dataclasses.fields(config)}
    assert "seed" not in model.space()


@pytest.mark.parametrize("name", ZOO)
def test_every_space_holds_its_models_default_and_draws_configs(name: str) -> None:
    model = ZOO[name]
    defaults = within(model.space(), dataclasses.asdict(model.config()))
    assert set(defaults) == set(model.space()), "the default of each searched setting lies in its range"
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1)).ask()
    assert model.config(draw(model.space(), trial)) is not None


@pytest.mark.parametrize(
    ("dimension", "inside", "outside"),
    [
        (Float(0.1, 1.0, log=True), (0.1, 1, 1.0), (0.0, 2, "a", None)),
        (Int(2, 8, step=2), (2, 8), (3, 10, 2.5)),
        (Categorical(("a", None, 3)), ("a", None, 3), ("b", 4)),
    ],
)
def test_a_dimension_knows_what_it_can_draw(dimension, inside: tuple, outside: tuple) -> None:
    assert all(dimension.holds(value) for value in inside)
    assert not any(dimension.holds(value) for value in outside)
