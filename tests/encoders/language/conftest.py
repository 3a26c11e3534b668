"""A tiny causal model that has learned a few answers by heart, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoders.language.local import LocalCausal
from tests.encoders.language.causal import make_causal
from tests.encoders.language.films import lessons


@pytest.fixture(scope="session")
def causal_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_causal(tmp_path_factory.mktemp("language") / "tiny", lessons())


@pytest.fixture(scope="session")
def causal(causal_folder: Path) -> LocalCausal:
    return LocalCausal("local:tiny", causal_folder, device="cpu")
