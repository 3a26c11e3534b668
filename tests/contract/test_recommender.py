"""What every model of the zoo keeps, whoever wrote it: the contract of `training.recommender`."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from pkgutil import iter_modules

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import training.models
from tests.training.models.small import everybody, histories_of, newcomers, small_data
from training.data import UNKNOWN, UserBatch
from training.models.linear_sequence import decayed
from training.recommender import Enough, FactorForm, Form, ItemForm, MLPForm, SequenceForm, StaticForm
from training.zoo import ZOO

MODELS = tuple(ZOO)
DATA = small_data()
QUICK = {"epochs": 3, "embedding_size": 16, "batch_size": 64, "epsilon": float("inf"), "noise_seed": 7}
"""Forty users are no crowd to hide in: private models are held to this without noise, and draw by a seed."""
ITERATE = {"bpr", "distilled", "dp-autoencoder", "ials", "knowledge-paths"}
"""Models without gradient training whose fit takes steps all the same."""
NEW = [0, 6, 1]
"""Whose histories are shown as a stranger's: one has a repeat."""


def build(name: str):
    """The model with settings that make it quick, where it has them."""
    model = ZOO[name]
    known = {field.name for field in fields(model.config())}
    return model.build(model.config({key: value for key, value in QUICK.items() if key in known}))


@cache
def fitted(name: str):
    return build(name).fit(DATA)


def test_every_model_there_is_stands_in_the_zoo_and_is_held_to_this():
    modules = {module.name for module in iter_modules(training.models.__path__)}
    assert modules == {ZOO[name].module for name in MODELS}
    assert all(ZOO[name].fits(DATA) for name in MODELS), "the suite's data must have what every model needs"


@pytest.mark.parametrize("name", MODELS)
def test_fit_returns_the_model_and_keeps_its_name(name):
    model = build(name)
    assert model.fit(DATA) is model
    assert model.name == name


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_that_its_monitor_ends_keeps_what_it_has(name):
    """`auto` bounds every fit so; a closed form without iterations is not asked, and gives the whole."""
    told = []

    class Impatient:
        def epoch(self, number, _total, _metrics):
            told.append(number)
            raise Enough

    model = build(name).fit(DATA, Impatient())
    assert told in ([], [1])
    assert bool(told) == (ZOO[name].slow or name in ITERATE)
    assert np.isfinite(model.score(everybody(DATA))).all()


@pytest.mark.parametrize("name", MODELS)
def test_its_grid_holds_configs_of_its_own_kind(name):
    grid = ZOO[name].grid()
    assert grid
    assert len(set(grid)) == len(grid)
    assert all(type(config) is type(ZOO[name].config()) for config in grid)


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_finite_float32_and_leave_the_input_alone(name):
    batch = everybody(DATA)
    before = batch.histories.items.copy()
    scores = fitted(name).score(batch)
    assert scores.shape == (DATA.num_users, DATA.num_items)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert np.array_equal(batch.histories.items, before)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_scores(name):
    again = build(name).fit(small_data()).score(everybody(DATA))
    assert np.array_equal(again, fitted(name).score(everybody(DATA)))


@pytest.mark.parametrize("name", MODELS)
def test_a_score_does_not_depend_on_the_rest_of_the_batch(name):
    model, batch = fitted(name), everybody(DATA)
    rows = np.array([11, 2])
    part = model.score(UserBatch(batch.index[rows], batch.histories.take(rows)))
    assert np.allclose(part, model.score(batch)[rows], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_strangers_are_scored_from_their_history(name):
    scores = fitted(name).score(newcomers(DATA, NEW))
    assert scores.shape == (len(NEW), DATA.num_items)
    assert np.isfinite(scores).all()
    if name not in {"popularity", "dp-popularity", "profile"}:
        assert not np.allclose(scores[0], scores[1])


@pytest.mark.parametrize("name", MODELS)
def test_a_stranger_without_a_history_is_no_error(name):
    batch = UserBatch(np.array([UNKNOWN]), histories_of([[]], DATA.num_items))
    assert np.isfinite(fitted(name).score(batch)).all()


@pytest.mark.parametrize("name", MODELS)
def test_an_empty_batch_is_no_error(name):
    batch = UserBatch(np.empty(0, np.int64), histories_of([], DATA.num_items))
    assert fitted(name).score(batch).shape == (0, DATA.num_items)


@pytest.mark.parametrize("name", MODELS)
def test_its_state_is_all_there_is(name):
    state = {key: np.array(value) for key, value in fitted(name).state().items()}
    assert all(value.dtype != object for value in state.values())
    loaded = build(name).load_state(state)
    for batch in (everybody(DATA), newcomers(DATA, NEW)):
        assert np.allclose(loaded.score(batch), fitted(name).score(batch), atol=1e-6)


@pytest.mark.parametrize("name", sorted({*MODELS} - {"popularity", "dp-popularity", "linear-sequence"}))
def test_it_learns_who_likes_what(name):
    """What the user's planted group likes stands above the rest. (Popularity is blind to it; no order is planted.)"""
    scores = fitted(name).score(everybody(DATA))
    same = np.equal.outer(np.arange(DATA.num_users) % 2, np.arange(DATA.num_items) % 2)
    active = np.diff(DATA.matrix.indptr) > 0
    assert scores[active][same[active]].mean() > scores[active][~same[active]].mean()


@pytest.mark.parametrize("name", MODELS)
def test_its_forms_give_its_scores(name):
    """Arrays alone, as the serving index reads them, against `score`."""
    model = fitted(name)
    forms = model.forms()
    for batch in (everybody(DATA), newcomers(DATA, NEW)):
        served = sum(score_form(form, batch) for form in forms)
        assert np.allclose(served, model.score(batch), atol=1e-4)


def score_form(form: Form, batch: UserBatch):
    """The definitions of `training.recommender`, word for word, in float64."""
    if isinstance(form, StaticForm):
        return np.tile(form.scores.astype(np.float64), (len(batch), 1))
    if isinstance(form, ItemForm):
        history = batch.matrix
        if form.decay != 1.0 or form.last:
            history = decayed(batch.histories, form.decay, form.last or len(batch.histories.items) + 1)
        scores = history.toarray().astype(np.float64) @ dense(form.weights)
        return scores / np.maximum(1, batch.matrix.sum(1)) if form.normalise else scores
    if isinstance(form, SequenceForm):
        units = form.items / np.maximum(np.linalg.norm(form.items, axis=1, keepdims=True), 1e-12)
        return np.array([after(form, items) for items in split(batch)]) @ units.T
    if isinstance(form, MLPForm):
        return np.array([through(form, user, items) for user, items in zip(batch.index, sets(batch), strict=True)])
    assert isinstance(form, FactorForm)
    vectors = [
        form.users[user] if user != UNKNOWN and form.users is not None else newcomer(form, items)
        for user, items in zip(batch.index, sets(batch), strict=True)
    ]
    return np.array(vectors, np.float64) @ form.items.T


def sets(batch: UserBatch):
    return np.split(batch.matrix.indices, batch.matrix.indptr[1:-1])


def through(form: MLPForm, user, items):
    x = form.inputs[items].sum(0, dtype=np.float64) / max(1, len(items)) ** form.power
    x = x + form.users[user] if user != UNKNOWN else x
    for layer, (weight, bias) in enumerate(zip(form.weights, form.biases, strict=True)):
        x = weight @ (np.where(x > 0, x, 0) if layer else x) + bias
    return form.items @ x


def split(batch: UserBatch):
    return np.split(batch.histories.items, batch.histories.indptr[1:-1])


def after(form: SequenceForm, history):
    """The unit vector at the newest place, block by block and place by place."""
    w = {name: array.astype(np.float64) for name, array in form.weights.items()}
    asks = form.query is not None
    x = form.items[history[len(history) - min(len(history), form.last - asks) :]].astype(np.float64)
    x = np.concatenate([x, form.query[None]]) if asks else x
    if not len(x):
        return np.zeros(form.items.shape[1])

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x, name):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[
            f"{name}.bias"
        ]

    for block in (f"blocks.{number}." for number in range(form.num_layers)):
        qkv = linear(norm(x, f"{block}norm_attention"), f"{block}qkv")
        heads = len(w["bias.table"])
        q, k, v = (np.split(part, heads, axis=1) for part in np.split(qkv, 3, axis=1))
        mixed = np.zeros_like(x)
        for i in range(len(x)):
            seen = range(len(x)) if asks else range(i + 1)
            columns = [i - j + (form.last - 1) * asks for j in seen]
            parts = []
            for head in range(heads):
                logits = k[head][list(seen)] @ q[head][i] / q[head].shape[1] ** 0.5 + w["bias.table"][head, columns]
                chances = np.exp(logits - logits.max())
                parts.append(chances @ v[head][list(seen)] / chances.sum())
            mixed[i] = np.concatenate(parts)
        x = x + linear(mixed, f"{block}out") / (1 + np.exp(-linear(x, f"{block}gate_attention")))
        inner = linear(norm(x, f"{block}norm_forward"), f"{block}up")
        inner = 0.5 * inner * (1 + np.tanh((2 / np.pi) ** 0.5 * (inner + 0.044715 * inner**3)))
        x = x + linear(inner, f"{block}down") / (1 + np.exp(-linear(x, f"{block}gate_forward")))
    found = norm(x[-1:], "norm")[0]
    return found / np.linalg.norm(found)


def newcomer(form: FactorForm, items):
    count = len(items)
    if form.gram is not None:
        near = form.items[items].astype(np.float64)
        ridge = form.ridge * (count + form.ridge_offset) ** form.ridge_power
        return np.linalg.solve(form.gram + ridge * np.eye(near.shape[1]) + near.T @ near, near.sum(0))
    assert form.fold_in is not None
    return form.fold_in[items].sum(0) / max(1, count) ** form.fold_in_power


def dense(weights):
    return np.asarray(weights.toarray() if isinstance(weights, csr_matrix) else weights, np.float64)


def test_a_config_is_frozen_and_comparable():
    for name in MODELS:
        config = ZOO[name].config()
        assert replace(config) == config
        assert hash(config) == hash(replace(config))
