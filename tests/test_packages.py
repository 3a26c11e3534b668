"""The distribution owns its four plain top-level packages alone: another one of that name would shadow ours."""

from __future__ import annotations

from importlib.metadata import packages_distributions

import pytest


@pytest.mark.parametrize("package", ["graph", "encoders", "training", "serving"])
def test_interlace_alone_gives_the_package(package: str) -> None:
    assert set(packages_distributions()[package]) == {"interlace"}
