"""What privacy costs and what it is worth: quality against epsilon, and what attacks find out about models.

    python -m benchmarks.privacy quality FOLDER [--min-value 4] [--draws 3] [--models dp-ease,dp-autoencoder]
    python -m benchmarks.privacy leaks FOLDER [--min-value 4] [--fits 4] [--models ease,dp-ease:epsilon=1,…]

FOLDER is anything that `interlace ingest` reads. `quality`: ndcg@10 and recall@10 on the validation part of the random
split (seed 42), the mean over `--draws` of the noise, beside popularity and EASE without any; test is not read.
`leaks`: membership inference (`training.privacy.membership`) against models of each kind, each `--fits` times on half
of the users. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr

from graph.snapshot_read import read_folder
from serving.cli.train import parse_settings
from training.data import TrainingData
from training.evaluate import evaluate
from training.privacy.accountant import Budget
from training.privacy.membership import leakage
from training.tasks import find_task, task_data
from training.train import everything
from training.zoo import find

EPSILONS = (1.0, 2.0, 4.0, 8.0, 16.0, math.inf)
PRIVATE = ("dp-popularity", "dp-ease", "dp-autoencoder")
PLAIN = ("popularity", "ease")
ATTACKED = (
    "popularity", "item-knn", "ease", "ials", "lightgcn",
    *(f"{name}:epsilon={epsilon:g}" for name in PRIVATE for epsilon in (1, 4, 16)),
)  # fmt: skip
KS = (10,)


def measured(name: str, settings: dict[str, Any], data: TrainingData) -> dict[str, float]:
    model, began = find(name), time.perf_counter()
    fitted = model.build(model.config(settings)).fit(data)
    seconds = time.perf_counter() - began
    assert data.validation is not None
    return {**evaluate(fitted, data.validation, ks=KS).metrics, "seconds": seconds}


def quality(arguments: argparse.Namespace) -> None:
    folder = read_folder(arguments.folder)
    data = task_data(find_task("top-n"), folder, min_value=arguments.min_value).prepared.data
    names = arguments.models.split(",") if arguments.models else PRIVATE
    for name in PLAIN:
        tell({"model": name, **rounded(measured(name, {}, data))})
    for name in names:
        for epsilon in EPSILONS:
            draws = [measured(name, {"epsilon": epsilon}, data) for _ in range(arguments.draws)]
            mean = {key: float(np.mean([one[key] for one in draws])) for key in ("ndcg@10", "recall@10", "seconds")}
            found = sorted(round(one["ndcg@10"], 4) for one in draws)
            tell({"model": name, "epsilon": shown(epsilon), **rounded(mean), "from": found[0], "to": found[-1]})


def leaks(arguments: argparse.Namespace) -> None:
    data = everything(read_folder(arguments.folder).snapshot, arguments.min_value)
    for spec in arguments.models.split(",") if arguments.models else ATTACKED:
        name, _, settings = spec.partition(":")
        model = find(name)
        config = model.config(parse_settings(settings.split(";") if settings else []))
        found = leakage(lambda part, m=model, c=config: m.build(c).fit(part), data, models=arguments.fits).as_dict()
        attacks = {key: rounded(found[key]) for key in ("user", "interaction")}
        tell({"model": spec, "users": found["users"], **attacks, "bound": bound(config)})


def bound(config: Any) -> float | None:
    """The largest area that any attack on a user can have: Phi(mu / sqrt 2), as all answers here are Gaussian."""
    if getattr(config, "sample_rate", 1) < 1 or not hasattr(config, "epsilon"):
        return None
    return round(float(ndtr(Budget(config.epsilon, config.delta).mu / math.sqrt(2))), 3)


def shown(epsilon: float) -> float | str:
    return "inf" if math.isinf(epsilon) else epsilon


def rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(one, 4) if isinstance(one, float) else one for name, one in values.items()}


def tell(result: dict[str, Any]) -> None:
    print(json.dumps(result), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.privacy", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("what", choices=("quality", "leaks"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--min-value", type=float, default=4.0)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--fits", type=int, default=4)
    parser.add_argument("--models", default="")
    arguments = parser.parse_args()
    {"quality": quality, "leaks": leaks}[arguments.what](arguments)


if __name__ == "__main__":
    main()
