"""How long opening an index takes for its signature and hashes: `python -m benchmarks.index_trust [--mib 1024]`.

An index of the sample size of the tests, with a file beside its own that makes it as large as asked, signed as every
index is. Opened as published (nothing is hashed), copied (everything is, several files at a time), and again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from serving.index import FOLDER, ModelInfo, open_index
from serving.index_trust import RECORDS
from serving.publish import publish
from tests.serving.samples import sample_snapshot
from training.train import everything
from training.zoo import find

FILES = 8


def main() -> None:
    """Prints a table row each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the index")
    mib: int = parser.parse_args().mib
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        print(f"{mib} MiB in {FILES} large files, {os.cpu_count()} cores")
        print(f"published and signed: {_seconds(lambda: _publish(home, mib)):.3f} s")
        print(f"opened where it was published: {_seconds(lambda: open_index(home)):.3f} s")
        shutil.rmtree(home / RECORDS)
        print(f"opened where it was copied to: {_seconds(lambda: open_index(home)):.3f} s")
        print(f"opened again: {_seconds(lambda: open_index(home)):.3f} s")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _publish(home: Path, mib: int) -> None:
    snapshot = sample_snapshot()
    model = find("ease").build().fit(everything(snapshot, None))
    rng = np.random.default_rng(7)

    def padded(said: str) -> None:
        """Adds the large files while the index is being written, so that its manifest holds them too."""
        if said == "approximate search":
            (aside,) = (home / FOLDER).glob(".new-*")
            for number in range(FILES):
                np.save(aside / f"padding-{number}.npy", rng.bytes(mib * 2**20 // FILES))

    publish(snapshot, model, home=home, model=ModelInfo("ease", "1"), progress=padded)


if __name__ == "__main__":
    main()
