"""CPU seconds an epoch of a network, beside its rivals' in the same run and what the machine's arithmetic allows.

    python -m benchmarks.epoch SPLITS [--dataset ml-100k] [--recbole VENV --peer-scripts DIR --data DIR] [--products]
    python -m benchmarks.epoch SPLITS --dataset beauty --model sasrec [--rectools VENV] [--recbole VENV] …

One thread. An epoch is one pass over the train positives, with validation every second epoch. A rate is the slope
between a short and a long fit, so start-up and the first compilation count for neither. Prints a table; `--json` more.

LightGCN, both sides: d 64, batches of 2,048 positives, 3 layers. `lightgcn-bpr` has the paper's loss, RecBole's;
`lightgcn-softmax` is our default. `sasrec`: our default, without validation; `sasrec-as-rectools`: d 64, 2 layers, 2
heads, 50 items and 256 negatives, as `run_rectools.py` has it (RecBole's own default is of that size too).

The limit counts one epoch's products: dense ones at the speed of a large product, those with the graph by the rows they
read at the speed of the second-level cache, where the rows that are read most lie (`benchmarks.limits`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.peers import ONE_THREAD

PEERS = ("recbole", "rectools")
LOSSES = ("bpr", "softmax")
LAYERS, NEVER = 3, 10**6

Build: TypeAlias = Callable[[int], Any]
"""From a number of epochs to an unfitted model."""


@dataclass(frozen=True)
class Spent:
    """Seconds of the clock and of the processor, over all threads."""

    wall: float
    cpu: float


def main() -> None:
    options = _options()
    os.environ.update(ONE_THREAD)  # before NumPy and torch load; the rival's process inherits it
    short, long = options.epochs
    found: dict[str, object] = {"dataset": options.dataset, "epochs": [short, long], "threads": 1}
    ours: dict[str, dict[str, float]] = {}
    for name, build in _builders(options.model).items():
        ours[name] = {**_slope(_ours(options, build), short, long), "limit_cpu_s": _limit(options, build)}
    theirs = {peer: _slope(partial(_peer, options, peer), short, long) for peer in PEERS if getattr(options, peer)}
    found |= ours | theirs
    if options.products:
        found["products_ms"] = _products(options)
    print(json.dumps(found) if options.json else _table(options.dataset, ours, theirs))


def _table(dataset: str, ours: dict[str, dict[str, float]], theirs: dict[str, dict[str, float]]) -> str:
    """Rows of ours with every rival: seconds, and ours over theirs."""
    rivals = [f"{peer} (ours / its)" for peer in theirs]
    lines = [["data", "model", "CPU s an epoch", "limit (reached)", *rivals]]
    lines.append(["---"] * len(lines[0]))
    for name, one in ours.items():
        spent, limit = one["cpu_s"], one["limit_cpu_s"]
        beside = [f"{peer['cpu_s']:.3g} ({spent / max(1e-9, peer['cpu_s']):.2f})" for peer in theirs.values()]
        lines.append([dataset, name, f"{spent:.3g}", f"{limit:.2g} ({limit / max(1e-9, spent):.0%})", *beside])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("splits", type=Path)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--model", choices=("lightgcn", "sasrec", "bert4rec"), default="lightgcn")
    parser.add_argument("--epochs", type=int, nargs=2, default=(2, 10), metavar=("SHORT", "LONG"))
    parser.add_argument("--recbole", type=Path, help="RecBole's virtual environment")
    parser.add_argument("--rectools", type=Path, help="RecTools' virtual environment, for sasrec")
    parser.add_argument("--peer-scripts", type=Path, help="folder of run_recbole.py and run_rectools.py")
    parser.add_argument("--data", type=Path, help="folder of the published data, as run_recbole.py wants it")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--products", action="store_true", help="time the sparse product in four libraries too")
    return parser.parse_args()


def _slope(fit: Callable[[int], Spent], short: int, long: int) -> dict[str, float]:
    """Seconds an epoch between two fits of different length."""
    brief, full = fit(short), fit(long)
    steps = long - short
    return {"wall_s": round((full.wall - brief.wall) / steps, 4), "cpu_s": round((full.cpu - brief.cpu) / steps, 4)}


def timed(call: Callable[[], object]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def _builders(model: str) -> dict[str, Build]:
    """By name, what makes an unfitted model of so many epochs."""
    from training.zoo import find

    entry = find(model)
    ways: dict[str, dict[str, Any]] = {
        model: {"evaluate_every": NEVER},
        f"{model}-as-rectools": {"evaluate_every": NEVER, "embedding_size": 64, "num_layers": 2, "candidates": 256},
    }
    if model == "lightgcn":
        ways = {f"lightgcn-{loss}": {"loss": loss, "num_layers": LAYERS, "patience": NEVER} for loss in LOSSES}

    def build(setting: dict[str, Any], epochs: int) -> Any:
        return entry.build(entry.config({**setting, "epochs": epochs}))

    return {name: partial(build, setting) for name, setting in ways.items()}


def _data(options: argparse.Namespace) -> Any:
    from benchmarks.peer_splits import load_peer_split

    data = load_peer_split(options.splits, options.dataset).data
    return data if options.model == "lightgcn" else replace(data, validation=None)


def _ours(options: argparse.Namespace, build: Build) -> Callable[[int], Spent]:
    data = _data(options)

    def fit(epochs: int) -> Spent:
        return timed(lambda: build(epochs).fit(data))

    fit(1)  # imports and first-call set-up
    return fit


def _limit(options: argparse.Namespace, build: Build) -> float:
    """CPU seconds of the products of the second epoch, forward and backward."""
    from benchmarks.limits import seconds
    from benchmarks.products import counted

    data = replace(_data(options), validation=None)
    one, two = (seconds(counted(lambda epochs=epochs: build(epochs).fit(data))) for epochs in (1, 2))
    return round(two - one, 4)


def _peer(options: argparse.Namespace, peer: str, epochs: int) -> Spent:
    """A rival's script in its own environment; it prints one JSON object a model."""
    models = {"lightgcn": "LightGCN", "sasrec": "SASRec"} if peer == "recbole" else {"sasrec": "sasrec-sampled"}
    with tempfile.TemporaryDirectory() as work:
        command = [
            getattr(options, peer).resolve() / "bin" / "python",
            options.peer_scripts.resolve() / f"run_{peer}.py",
        ]
        command += [options.splits.resolve(), options.dataset, "--models", models[options.model]]
        command += ["--repeats", "1", "--epochs", str(epochs)]
        if peer == "recbole":
            command += ["--work", work, "--data", options.data.resolve()]
        call = [str(part) for part in command]
        run = subprocess.run(call, cwd=work, capture_output=True, text=True, check=False)
    line = json.loads(run.stdout.strip().splitlines()[-1]) if run.stdout.strip() else {"error": run.stderr[-500:]}
    if "error" in line:
        raise SystemExit(f"{peer} failed: {line['error']}")
    return Spent(line["train_s"], line["train_cpu_s"])


def _products(options: argparse.Namespace) -> dict[str, float]:
    """CPU milliseconds of one normalised product, forward and backward where the library has it."""
    import torch

    from benchmarks.peer_splits import load_peer_split
    from training.graph_ops import Propagation, bipartite, symmetric_normalised

    adjacency = symmetric_normalised(bipartite(load_peer_split(options.splits, options.dataset).data.matrix))
    x = torch.randn(adjacency.shape[0], 64, requires_grad=True)
    propagation = Propagation.of(adjacency, symmetric=True)
    edges, values = _edge_index(adjacency)
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: propagation(x).sum().backward(),
        "torch CSR, its own backward": lambda: (propagation.matrix @ x).sum().backward(),
        "PyG EdgeIndex, cached": lambda: edges.matmul(x, values).sum().backward(),
        "SciPy, forward alone": lambda: adjacency @ x.detach().numpy(),
    }
    return {name: _milliseconds(call) for name, call in ways.items()}


def _edge_index(adjacency):  # type: ignore[no-untyped-def]
    import numpy as np
    import torch

    from training.pyg import EdgeIndex

    coo = adjacency.tocoo()
    pairs = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
    edges = EdgeIndex(pairs, sparse_size=adjacency.shape, sort_order="row", is_undirected=True)
    return edges.fill_cache_(), torch.from_numpy(coo.data)


def _milliseconds(call: Callable[[], object], times: int = 20) -> float:
    call()
    return round(1000 * timed(lambda: [call() for _ in range(times)]).cpu / times, 3)


if __name__ == "__main__":
    main()
