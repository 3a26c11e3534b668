"""A fit that was cut off goes on from its checkpoint and ends as it would have, to the last bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.scale.fits import NETWORKS, Curve, apart, data, fitted
from training.scale.runtime import Scale

DATA = data()
ROOT = Path(__file__).parents[3]
LONG = {"epochs": 40, "patience": 99}
PROGRAM = """
import sys
from pathlib import Path
import torch
from tests.training.scale.fits import data, fitted
from tests.training.scale.test_checkpoint import LONG, everywhere

torch.set_num_threads(1)  # two threads may add up in either order
fitted("sasrec", data(), everywhere(Path(sys.argv[1])), settings=LONG)
"""


def everywhere(folder: Path) -> Scale:
    return Scale(checkpoints=folder, every=0.0)


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("until", [3, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_goes_on_as_if_nothing_had_been(tmp_path: Path, name: str, until: int) -> None:
    whole, seen, again = Curve(), Curve(until), Curve()
    undisturbed = fitted(name, DATA, monitor=whole)
    with pytest.raises(KeyboardInterrupt):
        fitted(name, DATA, everywhere(tmp_path), monitor=seen)
    resumed = fitted(name, DATA, everywhere(tmp_path), monitor=again)
    assert apart(undisturbed, resumed) == 0
    assert again.epochs == whole.epochs, "the epochs before the cut are told again"
    assert resumed.training.best == undisturbed.training.best
    batch = DATA.validation.batch(slice(0, 20))
    assert np.array_equal(resumed.score(batch), undisturbed.score(batch))


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    first = fitted("lightgcn", DATA, everywhere(tmp_path))
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    second = fitted("lightgcn", DATA, everywhere(tmp_path))
    assert apart(first, second) == 0
    assert file.stat().st_mtime_ns == before


def test_other_settings_data_or_bits_are_another_fit(tmp_path: Path) -> None:
    scale = everywhere(tmp_path)
    fitted("lightgcn", DATA, scale)
    fitted("lightgcn", DATA, scale, settings={"seed": 4})
    fitted("lightgcn", DATA, Scale("bf16", checkpoints=tmp_path, every=0.0))
    fitted("lightgcn", DATA, Scale(pieces=2, checkpoints=tmp_path, every=0.0))
    assert len(list(tmp_path.iterdir())) == 4


def test_a_short_fit_leaves_nothing(tmp_path: Path) -> None:
    fitted("lightgcn", DATA, Scale(checkpoints=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_not_read(tmp_path: Path) -> None:
    fitted("lightgcn", DATA, everywhere(tmp_path))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InvalidData, match="cannot be read"):
        fitted("lightgcn", DATA, everywhere(tmp_path))


def test_killed_in_the_middle_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=ROOT, env=environment)
    while not list(tmp_path.glob("*.safetensors")):
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    curve = Curve()
    resumed = fitted("sasrec", DATA, everywhere(tmp_path), monitor=curve, settings=LONG)
    assert len(curve.epochs) == LONG["epochs"]
    assert apart(fitted("sasrec", DATA, settings=LONG), resumed) == 0
