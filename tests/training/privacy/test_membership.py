"""Membership inference: what remembers is found out, what does not is not, and nobody is asked unfairly."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.models.small import histories_of, small_data
from training.data import SideInformation, TrainingData, UserBatch
from training.models.ease import EASE, EASEConfig
from training.privacy import membership
from training.privacy.membership import Leakage, leakage
from training.zoo import find

SIDE: SideInformation = small_data().side


def people(num_users: int = 240, num_items: int = 120, seed: int = 1) -> TrainingData:
    """Histories of 12 random items: nothing is to be learned of others, so all that is known of one is remembered."""
    rng = np.random.default_rng(seed)
    rows = [rng.choice(num_items, 12, replace=False).tolist() for _ in range(num_users)]
    return TrainingData(histories_of(rows, num_items), SIDE)


@dataclass
class Blind:
    """The same for everybody, whoever taught it."""

    name: str = "blind"

    def score(self, users: UserBatch) -> np.ndarray:
        noise = np.random.default_rng(0).normal(size=users.matrix.shape[1])
        return np.tile(noise.astype(np.float32), (len(users), 1))


def test_a_model_that_learned_nothing_tells_nothing():
    found = leakage(lambda _data: Blind(), people())
    assert found.user.auc == found.interaction.auc == 0.5
    assert found.users == 240


def test_a_model_that_remembers_is_found_out():
    found = leakage(lambda data: EASE(EASEConfig(1.0)).fit(data), people())
    assert found.user.auc > 0.9
    assert found.interaction.auc > 0.8
    assert found.user.low <= found.user.auc <= found.user.high
    assert found.user.sure > 0.2


def test_privacy_keeps_the_attack_below_its_bound():
    """epsilon 1, delta 1e-5 is mu 0.27: no attack whatever has a larger area than Phi(mu / sqrt 2) = 0.575."""
    model = find("dp-ease")
    data, config = people(), model.config({"epsilon": 1.0})
    private = leakage(lambda part: model.build(config).fit(part), data, models=6)
    open_ = leakage(lambda part: model.build(model.config({"epsilon": float("inf")})).fit(part), data)
    assert private.user.low < 0.575
    assert open_.user.auc > 0.8


def test_each_model_sees_half_of_the_users_and_never_what_is_held_back():
    data, seen = people(), []

    def fit(part: TrainingData):
        seen.append(part)
        return Blind()

    leakage(fit, data, models=6)
    lengths = np.stack([np.diff(part.histories.indptr) for part in seen])
    assert ((lengths > 0).sum(0) == 3).all(), "every user is in half of the models"
    assert set(lengths[lengths > 0].tolist()) == {9}, "of twelve items, three are held back from all"
    whole = sum(part.matrix for part in seen)
    assert (np.diff(whole.tocsr().indptr) == 9).all(), "the same three, whatever the model"
    assert all(part.validation is None for part in seen)


def test_what_is_asked_about_is_what_it_is_said_to_be():
    data = people()
    seen, targets = membership._targets(data.histories, np.random.default_rng(0))
    core = data.histories.keep(seen)
    for user in range(0, 240, 17):
        mine = set(core.items[slice(*core.indptr[user : user + 2])].tolist())
        every = set(data.histories.items[slice(*data.histories.indptr[user : user + 2])].tolist())
        first, without = (
            set(part.items[slice(*part.indptr[user : user + 2])].tolist()) for part in (targets.first, targets.without)
        )
        assert targets.inside[user] in mine
        assert targets.outside[user] in every - mine
        assert without == mine - {targets.inside[user]}
        assert first < mine
        assert abs(2 * len(first) - len(mine)) <= 1


def test_the_reference_of_a_user_is_other_models_that_did_not_see_them():
    values = np.array([[1.0, 2.0, 4.0, 8.0]])
    inside = np.array([[True, False, False, True]])
    found = membership._calibrated(values, inside)
    assert found.tolist() == [[1 - 3, 2 - 4, 4 - 2, 8 - 3]]


@pytest.mark.parametrize("models", [0, 2, 5])
def test_too_few_models_or_an_odd_number_are_refused(models):
    with pytest.raises(InvalidData, match="cannot be attacked"):
        leakage(lambda _data: Blind(), people(), models=models)


def test_too_few_people_are_refused():
    with pytest.raises(InvalidData, match="users with 5 items or more"):
        leakage(lambda _data: Blind(), people(num_users=30))


def test_a_repeated_item_stays_on_one_side():
    rows = [[*range(user % 7, user % 7 + 8), user % 7, user % 7] for user in range(60)]
    seen, _ = membership._targets(histories_of(rows, 20), np.random.default_rng(0))
    flags = [seen[start:end] for start, end in pairwise(range(0, 601, 10))]
    assert all(one[0] == one[8] == one[9] for one in flags)


def test_an_answer_is_plain_values():
    found = leakage(lambda _data: Blind(), people()).as_dict()
    assert set(found) == {"user", "interaction", "users", "models", "threat"}
    assert isinstance(found["user"], dict)
    assert Leakage(**found).users == 240
