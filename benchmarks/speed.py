"""CPU seconds, memory and quality of the classic models beside their rivals', in one run on one machine.

    python -m benchmarks.speed SPLITS DATASET [--peers VENVS --peer-scripts DIR] [--json]

SPLITS are the rivals' fixed splits (`benchmarks.peer_splits`), VENVS and DIR their environments and runners, which are
started as they are. Every model runs in fresh processes of one thread each: one chooses the settings on validation, one
times (median of `--repeats` fits and rankings, compiled code from numba's cache on disk), one times the first fit with
an empty cache: `compile_cpu_s` is what an installation pays once. Rivals run with the settings their own tables chose.
`limit_cpu_s` is the fit's arithmetic at the speed of a float32 matrix product on this machine: a bound, not a goal.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.peer_splits import PeerSplit, load_peer_split
from training.auto import choose
from training.evaluate import BLOCK_CELLS, evaluate
from training.recommender import Recommender
from training.topk import top_k
from training.zoo import find

MODELS = ("ease", "ials", "item-knn")
DEPTH = 20
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "RAYON", "LK", "NUMBA")
}  # fmt: skip
RIVALS: Mapping[str, tuple[tuple[str, str, Mapping[str, dict[str, Any]]], ...]] = {
    "ease": (
        ("cornac", "ease", {"ml-100k": {"lamb": 300}, "ml-1m": {"lamb": 1000}}),
        ("lenskit", "ease", {"ml-100k": {"regularization": 300}, "ml-1m": {"regularization": 1000}}),
    ),
    "ials": (
        (
            "implicit",
            "als",
            {
                "ml-100k": {"factors": 64, "alpha": 1.0, "regularization": 10.0},
                "ml-1m": {"factors": 128, "alpha": 1.0, "regularization": 30.0},
            },
        ),
    ),
    "item-knn": (("implicit", "itemknn", {"ml-100k": {"K": 300}, "ml-1m": {"K": 20}}),),
}


def main() -> None:
    options = _options()
    if options.child:
        print(json.dumps(_child(options)))
        return
    lines = [line for name in options.models.split(",") for line in _compare(name, options)]
    if options.json:
        print(json.dumps({"dataset": options.dataset, "sgemm_gflops": _sgemm_gflops(), "runs": lines}))
        return
    print(_table(lines))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("splits", type=Path)
    parser.add_argument("dataset", choices=["ml-100k", "ml-1m"])
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--peers", type=Path, help="folder of the rivals' environments")
    parser.add_argument("--peer-scripts", type=Path, help="folder of the rivals' runners")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", choices=["choose", "time", "compile"], help=argparse.SUPPRESS)
    parser.add_argument("--place", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Our model, then its rivals with the ratio of ours to theirs (below 1: ours is cheaper)."""
    chosen = _own(name, options, "choose")
    ours = {"system": "interlace", "model": name, **_own(name, options, "time", chosen["place"])}
    with tempfile.TemporaryDirectory() as empty:
        first = _own(name, options, "compile", chosen["place"], {"NUMBA_CACHE_DIR": empty})
    ours["compile_cpu_s"] = round(first["fit_cpu_s"] - ours["fit_cpu_s"], 2)
    lines = [ours]
    for peer, model, settings in RIVALS[name] if options.peers else ():
        theirs = _rival(peer, model, settings[options.dataset], options)
        for part in ("fit", "rank"):
            theirs[f"{part}_ratio"] = round(ours[f"{part}_cpu_s"] / max(1e-9, theirs[f"{part}_cpu_s"]), 2)
        lines.append(theirs)
    return lines


def _own(
    name: str, options: argparse.Namespace, task: str, place: int = 0, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.speed", str(options.splits), options.dataset, "--models", name]
    command += ["--child", task, "--place", str(place), "--repeats", str(options.repeats)]
    return _last_line(command, environment or {})


def _rival(peer: str, model: str, setting: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    command = [str(options.peers / peer / "bin" / "python"), str(options.peer_scripts / f"run_{peer}.py")]
    command += [str(options.splits), options.dataset, "--models", model, "--setting", json.dumps(setting)]
    found = _last_line([*command, "--repeats", str(options.repeats)], {})
    return {
        "system": peer,
        "model": model,
        "setting": setting,
        "ndcg@10": found["ndcg@10"],
        "fit_cpu_s": found["train_cpu_s"],
        "rank_cpu_s": found["rank_cpu_s"],
        "peak_mib": found["peak_mib"],
    }


def _last_line(command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        command, env={**os.environ, **ONE_THREAD, **environment}, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _child(options: argparse.Namespace) -> dict[str, Any]:
    model, split = find(options.models), load_peer_split(options.splits, options.dataset)
    if options.child == "choose":
        return {"place": model.grid().index(choose(model, split.data).config)}
    config = model.grid()[options.place]
    _ = split.data.matrix, split.test.histories.matrix  # the rivals get their matrices ready made, too
    if options.child == "compile":
        return {"fit_cpu_s": _cpu(lambda: model.build(config).fit(split.data))[1]}
    return _timed(lambda: model.build(config), split, options.repeats) | {"setting": config.__dict__}


def _timed(build: Callable[[], Recommender], split: PeerSplit, repeats: int) -> dict[str, Any]:
    fits, ranks = [], []
    for _ in range(repeats):
        recommender, fit = _cpu(lambda: build().fit(split.data))
        _, rank = _cpu(lambda: _rank(recommender, split))  # noqa: B023 - called at once
        fits.append(fit)
        ranks.append(rank)
    peak = _peak_mib()
    limit = _fit_flops(recommender, split) / (_sgemm_gflops() * 1e9)
    return {
        "ndcg@10": round(evaluate(recommender, split.test, ks=(10,)).metrics["ndcg@10"], 4),
        "fit_cpu_s": round(median(fits), 4),
        "rank_cpu_s": round(median(ranks), 4),
        "first_fit_cpu_s": round(fits[0], 3),
        "limit_cpu_s": round(limit, 4),
        "peak_mib": peak,
    }


def _rank(recommender: Recommender, split: PeerSplit) -> None:
    """What the rivals' runners do: 20 unseen items for every test user."""
    step = max(1, BLOCK_CELLS // split.data.num_items)
    for start in range(0, len(split.test), step):
        rows = slice(start, start + step)
        top_k(recommender.score(split.test.batch(rows)), split.test.excluded[rows], DEPTH)


def _fit_flops(recommender: Recommender, split: PeerSplit) -> float:
    """Arithmetic of the fit: EASE Cholesky and inverse n^3 and half the Gram; iALS its products; k-NN the Gram."""
    matrix, config = split.data.matrix, getattr(recommender, "config", None)
    lengths = np.diff(matrix.indptr).astype(np.float64)
    pairs, (num_users, num_items) = float((lengths**2).sum()), matrix.shape
    if recommender.name == "ease":
        return float(num_items) ** 3 + pairs / 2
    if recommender.name == "item-knn" or config is None:
        return pairs
    d, applied = config.embedding_size, (config.cg_steps + 1) * config.epochs
    return float(applied * (2 * 4 * matrix.nnz * d + 2 * (num_users + num_items) * d * d))


def _sgemm_gflops(size: int = 1500) -> float:
    one = np.ones((size, size), np.float32)
    return 2 * size**3 / min(_cpu(lambda: one @ one)[1] for _ in range(5)) / 1e9


def _cpu(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    value = call()
    return value, time.process_time() - started


def _peak_mib() -> int:
    """This process's own high-water mark (Linux): `ru_maxrss` would carry the parent's over."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def _table(lines: list[dict[str, Any]]) -> str:
    columns = ["system", "model", "ndcg@10", "fit_cpu_s", "fit_ratio", "rank_cpu_s", "rank_ratio", "peak_mib",
               "compile_cpu_s", "limit_cpu_s", "setting"]  # fmt: skip
    rows = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(
        [*rows, *("| " + " | ".join(str(line.get(name, "")) for name in columns) + " |" for line in lines)]
    )


if __name__ == "__main__":
    main()
