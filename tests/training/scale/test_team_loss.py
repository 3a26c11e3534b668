"""A team that loses a member: apart from the other tests, since a process is in one team at a time."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping

import pytest

from tests.training.scale.fits import data, fitted
from training.scale.runtime import Scale
from training.scale.team import local_team


def test_a_member_that_dies_ends_the_fit_at_once() -> None:
    """As when memory runs out on one of them: the others must not wait for it for ever."""
    before = set(multiprocessing.active_children())

    class Murder:
        at = 0.0

        def epoch(self, number: int, _total: int, _metrics: Mapping[str, float]) -> None:
            if number == 3:
                (member,) = set(multiprocessing.active_children()) - before
                member.kill()
                self.at = time.monotonic()

    murder = Murder()
    with pytest.raises(RuntimeError), local_team(2) as two:
        fitted("lightgcn", data(), Scale(team=two), monitor=murder, settings={"epochs": 5000, "patience": 9999})
    assert time.monotonic() - murder.at < 10
    assert set(multiprocessing.active_children()) <= before
