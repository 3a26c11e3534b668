"""`auto` and the blend: weights from validation, useless members left out, saved and loaded whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.planted import snapshot_of
from training.auto import MOST_TWINS, choose, fit_auto
from training.blend import Blend, BlendConfig, MemberConfig, labels, standardise
from training.data import TrainingData
from training.evaluate import evaluate
from training.prepare import Prepared, prepare
from training.split import make_split
from training.warm_files import FINAL, load_weights, save_weights
from training.zoo import find

CHEAP = ("popularity", "item-knn", "ease", "ials")


@pytest.fixture(scope="module")
def prepared(planted):
    return prepare(snapshot_of(planted), make_split(planted, how="random"))


@pytest.fixture(scope="module")
def auto(prepared):
    return fit_auto(prepared.data, names=CHEAP)


def test_the_blend_is_no_worse_on_validation_than_its_best_member(auto):
    assert auto.validation >= max(member.best.validation for member in auto.members) - 0.01


def test_weights_are_a_distribution_and_the_text_names_them(auto):
    assert sum(auto.recommender.weights) == pytest.approx(1.0)
    assert all(weight > 0 for weight in auto.recommender.weights)
    assert all(member.name in auto.text for member in auto.recommender.config.members)


def test_what_each_member_brings_is_reported(auto):
    members = {member.name for member in auto.recommender.config.members}
    assert set(auto.brings) == (members if len(members) > 1 else set())
    for one in auto.brings.values():
        assert one["low"] <= one["difference"] <= one["high"]
        assert 0 < one["p_value"] <= 1


@pytest.fixture(scope="module")
def twinned(prepared):
    """Fitted with few epochs, so that seeds differ."""
    return fit_auto(prepared.data, names=("popularity", "lightgcn"), budget=40)


def test_a_network_that_the_blend_leans_on_is_fitted_from_other_seeds(twinned, prepared):
    chosen = next(one for one in twinned.members if one.best.name == "lightgcn")
    assert [config.seed - chosen.config.seed for _, config in chosen.twins] == list(range(1, MOST_TWINS + 1))
    users = prepared.test.batch(slice(None))
    scores = [one.score(users) for one in (chosen.recommender, *(twin for twin, _ in chosen.twins))]
    assert all(not np.allclose(scores[0], other) for other in scores[1:])
    assert twinned.validation >= chosen.best.validation - 0.005


def test_the_text_counts_seeds(twinned):
    members = (
        MemberConfig("gnn", 0.4, {"seed": 1}),
        MemberConfig("ease", 0.35),
        MemberConfig("gnn", 0.25, {"seed": 2}),
    )
    found = replace(twinned, recommender=Blend(BlendConfig(members)))
    assert found.text.startswith("0.65 gnn (2 seeds) + 0.35 ease: ")
    apart = (MemberConfig("ease", 0.5, {"regularization": 1.0}), MemberConfig("ease", 0.5, {"regularization": 9.0}))
    found = replace(twinned, recommender=Blend(BlendConfig(apart)))
    assert found.text.startswith("1.00 ease (2 settings): ")


def test_no_twin_is_begun_when_the_budget_is_spent(prepared):
    found = fit_auto(prepared.data, names=("popularity", "lightgcn"), budget=1e-3)
    assert all(not one.twins for one in found.members)


def test_labels_tell_twins_apart():
    assert labels(["ease", "gnn", "ease", "ease"]) == ["ease", "gnn", "ease 2", "ease 3"]


def test_weights_of_twins_are_kept_apart(twinned, tmp_path):
    chosen = next(one for one in twinned.members if one.best.name == "lightgcn")
    twins = [chosen.recommender, *(twin for twin, _ in chosen.twins)]
    blend = Blend(BlendConfig(tuple(MemberConfig("lightgcn", 0.25) for _ in twins)), twins)
    save_weights(tmp_path, final=blend, measured=blend)
    kept = load_weights(tmp_path, FINAL)
    names = ["lightgcn", "lightgcn 2", "lightgcn 3", "lightgcn 4"]
    assert set(kept) == set(names)
    for label, member in zip(names, twins, strict=True):
        assert all(np.array_equal(kept[label][key], value) for key, value in member.weights.items())


def test_a_saved_blend_scores_the_same(auto, prepared):
    users = prepared.test.batch(slice(None))
    copy = Blend(auto.recommender.config).load_state(auto.recommender.state())
    assert np.allclose(copy.score(users), auto.recommender.score(users), atol=1e-6)


def test_choose_keeps_the_best_setting_by_validation(prepared):
    chosen = choose(find("ease"), prepared.data)
    assert chosen.best.validation == max(one.validation for one in chosen.tried)
    again = evaluate(chosen.recommender, prepared.data.validation, ks=(10,))
    assert again.metrics["ndcg@10"] == pytest.approx(chosen.best.validation)


def test_a_fixed_setting_holds_in_every_candidate(prepared):
    chosen = choose(find("ease"), prepared.data, overrides={"regularization": 7.0})
    assert {one.settings["regularization"] for one in chosen.tried} == {7.0}


def test_without_validation_nothing_is_chosen(prepared):
    data = TrainingData(prepared.data.histories, prepared.data.side)
    with pytest.raises(InvalidData, match="no validation"):
        choose(find("ease"), data)


def test_an_unknown_setting_is_refused_with_those_that_exist(prepared):
    with pytest.raises(InvalidData, match="regularization"):
        choose(find("ease"), prepared.data, overrides={"lambda": 1.0})


def test_standardise_gives_constant_rows_zero():
    found = standardise(np.array([[2, 2, 2], [1, 2, 3]], np.float32))
    assert found[0].tolist() == [0, 0, 0]
    assert found[1].std() == pytest.approx(1.0)


def test_networks_race_for_what_is_left_of_the_budget(prepared):
    told = []
    auto = fit_auto(prepared.data, names=("popularity", "lightgcn"), budget=6.0, progress=told.append)
    configs = len(find("lightgcn").grid())
    assert len([one for one in auto.tried if one.name == "lightgcn"]) == configs
    assert all(one.seconds > 0 for one in auto.tried if one.name == "lightgcn")
    assert any("after" in line and "epochs" in line for line in told)


def test_forms_for_large_catalogues_are_tried_there_or_by_name_alone(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.auto.ZOO", {name: find(name) for name in ("popularity", "ease-sparse")})
    assert {one.name for one in fit_auto(prepared.data).tried} == {"popularity"}
    assert {one.name for one in fit_auto(prepared.data, names=("ease-sparse",)).tried} == {"ease-sparse"}


def test_a_closed_form_that_iterates_ends_with_its_share_of_the_budget(prepared: Prepared) -> None:
    told = []

    class Counting:
        def epoch(self, number, _total, _metrics):
            told.append(number)

    found = fit_auto(prepared.data, names=("ials",), budget=1e-6, monitors=lambda _name: Counting())
    assert told == [1]
    assert len(found.tried) == 1
