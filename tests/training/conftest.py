"""Fixtures of the training tests."""

from __future__ import annotations

import pytest

from graph.snapshot import Interactions
from tests.training.planted import planted_interactions


@pytest.fixture(scope="session")
def planted() -> Interactions:
    """Two groups of users and items (see `planted.py`)."""
    return planted_interactions()
