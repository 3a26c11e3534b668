"""How long models in closed form take to forget one user, and 100, and how near that comes to a fit without them.

    python -m benchmarks.unlearn --data ml-1m

`--data`: a dataset folder (`benchmarks.convert`). A JSON object a model: seconds of a fit, of forgetting, and the
largest difference of any weight from those of a fit on the others.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from graph.snapshot_read import read_folder
from training.data import TrainingData
from training.models.ease import EASE
from training.models.item_knn import ItemKNN
from training.train import everything


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = everything(read_folder(parser.parse_args().data, platform="ml").snapshot, None)
    rows, rng = data.rows, np.random.default_rng(42)
    for build in (EASE, ItemKNN):
        build().fit(data)  # compiles
        fit = _seconds(lambda: build().fit(data))  # noqa: B023  called here
        for count in (1, 100):
            gone = np.sort(rng.choice(data.num_users, count, replace=False))
            model = build().fit(data)
            took = _seconds(lambda: model.unlearn(rows, gone))  # noqa: B023  called here
            again = build().fit(_others(data, gone))
            print(json.dumps({
                "model": model.name, "users": data.num_users, "items": data.num_items, "interactions": int(rows.nnz),
                "gone": count, "fit_s": fit, "unlearn_s": took,
                "largest_difference": float(abs(model.weights - again.weights).max()),
            }), flush=True)  # fmt: skip


def _others(data: TrainingData, gone: np.ndarray) -> TrainingData:  # type: ignore[type-arg]
    kept = np.setdiff1d(np.arange(data.num_users), gone)
    return TrainingData(data.histories.take(kept), data.side)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return round(time.perf_counter() - begun, 3)


if __name__ == "__main__":
    main()
