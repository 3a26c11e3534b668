"""Ray in place of this machine's processes: the same weights, and every trial of a study once."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from graph.errors import Unsupported
from tests.training.scale.fits import apart, data, fitted
from training.scale.ray_jobs import ray_team
from training.scale.runtime import Scale
from training.study import Studies
from training.tracking import open_tracker
from training.tune import Budget, tune

DATA = data()
HERE = find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HERE, reason="Ray is not installed: pip install 'interlace[ray]'")
ours = pytest.mark.filterwarnings("ignore:.*:FutureWarning", "ignore::ResourceWarning")  # Ray's own


@pytest.mark.skipif(HERE, reason="Ray is installed here")
def test_without_ray_the_extra_is_named() -> None:
    with pytest.raises(Unsupported, match="Ray is not installed"), ray_team(2, "local"):
        pass


def test_one_process_needs_no_ray() -> None:
    with ray_team(1, "local") as team:
        assert team is None


@pytest.mark.slow
@needs_ray
@ours
def test_a_team_of_ray_tasks_gives_what_one_process_gives() -> None:
    with ray_team(2, "local") as team:
        two = fitted("lightgcn", DATA, Scale(team=team))
    assert apart(fitted("lightgcn", DATA, Scale(pieces=2)), two) < 1e-5


@pytest.mark.slow
@needs_ray
@ours
def test_trials_are_shared_out_and_none_is_too_many(tmp_path: Path) -> None:
    found = tune(
        "ease",
        DATA,
        {"snapshot": "planted"},
        studies=Studies.of(tmp_path, "shared"),
        tracker=open_tracker(f"sqlite:///{tmp_path}/mlflow.db"),
        experiment="planted",
        budget=Budget(trials=5, processes=2, ray="local"),
    )
    assert [(one.trials, one.failed) for one in found.models] == [(5, 0)]
