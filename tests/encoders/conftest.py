"""The shipped encoders, loaded once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from encoders.image import ImageEncoder, efficientnet_lite0
from encoders.minilm import MiniLM, minilm


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other crawl where several test processes share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def texts() -> MiniLM:
    return minilm("", "cpu")


@pytest.fixture(scope="session")
def pictures() -> ImageEncoder:
    return efficientnet_lite0("", "cpu")
