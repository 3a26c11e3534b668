"""Fixtures of the training tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graph.snapshot import Interactions
from tests.training.planted import planted_interactions
from training.tracking import Tracker, open_tracker


@pytest.fixture(scope="session")
def planted() -> Interactions:
    """Two groups of users and items (see `planted.py`)."""
    return planted_interactions()


@pytest.fixture
def tracker(fresh_mlflow: Path, tmp_path: Path) -> Tracker:
    """MLflow on a database of this test's own."""
    shutil.copy(fresh_mlflow, tmp_path / "mlflow.db")
    return open_tracker(f"sqlite:///{tmp_path}/mlflow.db")
