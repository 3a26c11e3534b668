"""Seconds an epoch of LightGCN, beside RecBole's in the same run, and of the products that an epoch is made of.

    python -m benchmarks.epoch SPLITS [--dataset ml-100k] [--recbole VENV --peer-scripts DIR --data DIR] [--products]

One thread. Both sides: d 64, batches of 2,048 positives, 3 layers, an epoch is one pass over the train positives, with
validation every second epoch. A rate is the slope between a short and a long fit, so start-up and the first compilation
count for neither. `lightgcn-bpr` has the paper's loss, RecBole's; `lightgcn-softmax` is our default. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
LAYERS, NEVER = 3, 10**6


@dataclass(frozen=True)
class Spent:
    """Seconds of the clock and of the processor, over all threads."""

    wall: float
    cpu: float


def main() -> None:
    options = _options()
    os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy and torch load; the rival's process inherits it
    short, long = options.epochs
    found: dict[str, object] = {"dataset": options.dataset, "epochs": [short, long], "threads": 1}
    for loss in ("bpr", "softmax"):
        found[f"lightgcn-{loss}"] = _slope(_ours(options, loss), short, long)
    if options.recbole:
        found["recbole"] = _slope(lambda epochs: _recbole(options, epochs), short, long)
    if options.products:
        found["products_ms"] = _products(options)
    print(json.dumps(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("splits", type=Path)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--epochs", type=int, nargs=2, default=(2, 10), metavar=("SHORT", "LONG"))
    parser.add_argument("--recbole", type=Path, help="RecBole's virtual environment")
    parser.add_argument("--peer-scripts", type=Path, help="folder of run_recbole.py")
    parser.add_argument("--data", type=Path, help="folder of the published data, as run_recbole.py wants it")
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


def _ours(options: argparse.Namespace, loss: str) -> Callable[[int], Spent]:
    from benchmarks.peer_splits import load_peer_split
    from training.models.lightgcn import LightGCN, LightGCNConfig

    data = load_peer_split(options.splits, options.dataset).data

    def fit(epochs: int) -> Spent:
        config = LightGCNConfig(num_layers=LAYERS, epochs=epochs, loss=loss, evaluate_every=2, patience=NEVER)
        return timed(lambda: LightGCN(config).fit(data))

    fit(1)  # imports and first-call set-up
    return fit


def _recbole(options: argparse.Namespace, epochs: int) -> Spent:
    with tempfile.TemporaryDirectory() as work:
        command = [
            options.recbole / "bin" / "python", "run_recbole.py", options.splits.resolve(), options.dataset,
            "--work", work, "--data", options.data.resolve(), "--models", "LightGCN", "--repeats", "1",
            "--epochs", str(epochs),
        ]  # fmt: skip
        call = [str(part) for part in command]
        run = subprocess.run(call, cwd=options.peer_scripts, capture_output=True, text=True, check=False)
    line = json.loads(run.stdout.strip().splitlines()[-1]) if run.stdout.strip() else {"error": run.stderr[-500:]}
    if "error" in line:
        raise SystemExit(f"RecBole failed: {line['error']}")
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
