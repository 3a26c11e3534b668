"""Two real processes, each with its half of every batch, end with the weights of one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from graph.errors import InvalidData, Unsupported
from tests.training.scale.fits import NETWORKS, apart, data, fitted
from training.plan import check_team
from training.scale.runtime import Place, Scale
from training.scale.team import Members, local_team, under_torchrun

DATA = data()
SURE = {"lightgcn": {}, "sasrec": {"dropout": 0.0, "id_dropout": 0.0}}
"""Networks whose loss draws nothing at random, so that even the number of pieces does not matter."""


@pytest.fixture(scope="module")
def team() -> Iterator[Members]:
    with local_team(2) as found:
        assert found is not None
        yield found


@pytest.mark.parametrize("name", NETWORKS)
def test_two_processes_give_what_one_gives(team: Members, name: str) -> None:
    one, two = fitted(name, DATA, Scale(pieces=2)), fitted(name, DATA, Scale(team=team))
    assert apart(one, two) < 1e-5
    assert one.training.best_epoch == two.training.best_epoch
    assert one.training.best == pytest.approx(two.training.best, abs=1e-6)


@pytest.mark.parametrize("name", SURE)
def test_nor_do_pieces_matter_where_nothing_is_drawn(team: Members, name: str) -> None:
    settings = {**SURE[name], "epochs": 2}
    one, two = fitted(name, DATA, settings=settings), fitted(name, DATA, Scale(team=team), settings=settings)
    batch = DATA.validation.batch(slice(0, 50))
    assert np.abs(one.score(batch) - two.score(batch)).max() < 1e-3
    assert one.training.best == pytest.approx(two.training.best, abs=1e-3)


def test_a_fit_of_one_process_is_not_disturbed_by_a_team(team: Members) -> None:
    assert apart(fitted("embedding-mlp", DATA), fitted("embedding-mlp", DATA)) == 0


def test_pieces_are_shared_evenly(team: Members) -> None:
    assert apart(fitted("lightgcn", DATA, Scale(pieces=4)), fitted("lightgcn", DATA, Scale(team=team, pieces=4))) < 1e-5
    with pytest.raises(InvalidData, match="3 pieces"):
        Scale(team=team, pieces=3)


def test_one_process_has_no_team() -> None:
    with local_team(1) as nobody:
        assert nobody is None


@pytest.mark.parametrize("name", ["auto", "ease"])
def test_what_several_processes_cannot_train_is_said(team: Members, name: str) -> None:
    with pytest.raises(Unsupported, match="2 processes"):
        check_team(name, Scale(team=team))


def test_torchrun_is_known_by_its_environment() -> None:
    environment = {"TORCHELASTIC_RUN_ID": "none", "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}
    assert under_torchrun({**environment, "LOCAL_WORLD_SIZE": "2"}) == Place(1, 2, 1, 2)
    assert under_torchrun({"RANK": "1", "WORLD_SIZE": "2"}) is None
