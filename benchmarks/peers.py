"""The rivals of the classic models: their settings, and one run of a rival's own runner in its own environment.

Settings are those that the rivals' own table chose on validation; where it has none for a data set, the smaller one's.
RecBole's BPR gets two epochs on ML-1M, as in that table: for seconds an epoch, not for quality.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATASETS = ("ml-100k", "ml-1m")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "RAYON", "LK", "NUMBA")}


@dataclass(frozen=True)
class Rival:
    """`small`, `large`: what it is set to on ML-100K and ML-1M. `epochs` names the setting that counts epochs.

    `slope`: a short and a long fit on ML-100K from which seconds an epoch come; a tenth of the epochs serve on ML-1M.
    """

    peer: str
    model: str
    small: Mapping[str, Any]
    large: Mapping[str, Any]
    size: str = ""
    epochs: str = ""
    slope: tuple[int, int] = (0, 0)

    def setting(self, dataset: str) -> dict[str, Any]:
        return dict(self.small if dataset == DATASETS[0] else self.large)

    def lengths(self, dataset: str) -> tuple[int, int]:
        short, long = self.slope
        return (short, long) if dataset == DATASETS[0] else (max(1, short // 10), max(3, long // 10))


ALS = {"alpha": 1.0}
MF = {"embedding_size": 64, "weight": 1, "regularization": 20.0}
QUICK = {"embedding_size": 64, "learning_rate": 0.005, "epochs": 60}
CORNAC_BPR = {"k": 128, "learning_rate": 0.05, "max_iter": 200}
FLEX = {"embedding_size": 64, "epochs": 30}
RIVALS: Mapping[str, tuple[Rival, ...]] = {
    "ease": (
        Rival("cornac", "ease", {"lamb": 300}, {"lamb": 1000}),
        Rival("lenskit", "ease", {"regularization": 300}, {"regularization": 1000}),
        Rival("recbole", "EASE", {"reg_weight": 300.0}, {"reg_weight": 1000.0}),
    ),
    "ials": (
        Rival(
            "implicit", "als", ALS | {"factors": 64, "regularization": 10.0},
            ALS | {"factors": 128, "regularization": 30.0},
        ),
        Rival("lenskit", "implicitmf", MF, MF),
    ),
    "item-knn": (
        Rival("implicit", "itemknn", {"K": 300}, {"K": 20}),
        Rival("lenskit", "itemknn", {"max_nbrs": 100}, {"max_nbrs": 100}),
        Rival("recbole", "ItemKNN", {"k": 100}, {"k": 100}),
    ),
    "bpr": (
        Rival(
            "implicit", "bpr", {"factors": 128, "learning_rate": 0.01, "iterations": 100},
            {"factors": 64, "learning_rate": 0.01, "iterations": 100}, "factors", "iterations", (20, 220),
        ),
        Rival("cornac", "bpr", CORNAC_BPR, CORNAC_BPR, "k", "max_iter", (20, 220)),
        Rival("lenskit", "bpr", FLEX, FLEX, "embedding_size", "epochs", (50, 1050)),
        Rival("recbole", "BPR", QUICK, QUICK | {"epochs": 2}, "embedding_size", "epochs", (2, 10)),
    ),
}  # fmt: skip


def run(rival: Rival, dataset: str, options: argparse.Namespace, **changed: int) -> dict[str, Any]:
    """What the rival's runner prints of one model. RecBole leaves files where it is started: an empty folder."""
    setting = rival.setting(dataset) | changed
    # LensKit compiles in the first fit of a process: to be told from the epochs, it must be in both fits of a slope.
    repeats = 1 if changed and rival.peer == "lenskit" else options.repeats
    command = [str(options.peers.resolve() / rival.peer / "bin" / "python")]
    command += [str(options.peer_scripts.resolve() / f"run_{rival.peer}.py"), str(options.splits.resolve()), dataset]
    command += ["--models", rival.model, "--setting", json.dumps(setting), "--repeats", str(repeats)]
    with tempfile.TemporaryDirectory() as work:
        if rival.peer == "recbole":
            command += ["--work", work, "--data", str(options.data.resolve())]
        found = last_line(command, folder=Path(work))
    if "error" in found:
        raise SystemExit(f"{rival.peer} failed: {found['error']}")
    return found


def seconds_an_epoch(rival: Rival, dataset: str, options: argparse.Namespace) -> float:
    """CPU seconds: the slope between a short and a long fit."""
    short, long = rival.lengths(dataset)
    few, many = (run(rival, dataset, options, **{rival.epochs: epochs}) for epochs in (short, long))
    return float(many["train_cpu_s"] - few["train_cpu_s"]) / (long - short)


def last_line(
    command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> dict[str, Any]:
    """The JSON object that a process of one thread prints last."""
    variables = {**os.environ, **ONE_THREAD, **(environment or {})}
    done = subprocess.run(command, env=variables, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
