"""What one core does in a second, from ingest to an epoch: what a cluster is planned from (docs/guide/cluster.md).

    python -m benchmarks.rates                             # 1,000,000 interactions; --interactions N for others
    python -m benchmarks.rates > rates.json && python -m benchmarks.cluster rates.json

A synthetic graph of power laws (50 interactions a user, 100 an item, an attribute for ten interactions) goes through a
fresh local store; models are fitted on what is read back, one thread each. The rate of a fit is the slope between a
short and a long one, without validation, so set-up is not in it. Prints one JSON object; a core second is one of
processor time, of this process and, for ingest and snapshot, of the store's server.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from training.processes import THREADS

USER_HAS, ITEM_HAS = 50, 100
"""Interactions of a user and of an item, on average."""
NEVER = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=1_000_000)
    options = parser.parse_args()
    os.environ.update(dict.fromkeys(THREADS, "1"))  # before NumPy and torch load
    load = os.getloadavg()[0]
    found: dict[str, Any] = {"machine": platform.machine(), "cores": os.cpu_count(), "load_before": round(load, 1)}
    with tempfile.TemporaryDirectory(prefix="interlace-rates-") as folder:
        data, stages = through_the_store(Path(folder), options.interactions)
    found |= {
        "interactions": len(data.histories.items),
        "pairs": data.matrix.nnz,
        "users": data.num_users,
        "items": data.num_items,
        **stages,
    }
    for measure in (ials, lightgcn, sasrec, large, all_reduce):
        name = measure.__name__
        found[name] = measure(data)
        print(name, found[name], file=sys.stderr, flush=True)
    print(json.dumps(found))


def through_the_store(folder: Path, interactions: int) -> tuple[Any, dict[str, Any]]:
    """Ingest and a full snapshot; the training data of it."""
    from benchmarks.ingest import fresh_server
    from benchmarks.synthetic import Size, make
    from graph.ingest import ingest
    from graph.snapshot_fresh import take_snapshot
    from training.fitted import everything

    make(folder / "data", Size(interactions // USER_HAS, interactions // ITEM_HAS, interactions, interactions // 10))
    home = folder / "home"
    with fresh_server("local") as server:
        report, ingested = server.timed(lambda: ingest(server.store, folder / "data", platform="made", home=home))
        taken, read = server.timed(lambda: take_snapshot(server.store, home, full=True))
    rows = report.nodes + report.relationships
    known = len(taken.snapshot.interactions) + len(taken.snapshot.triples)
    stages = {
        "ingest": {**ingested, "rows": rows, "a_core_second": _rate(rows, ingested["cpu"] + ingested["store_cpu"])},
        "snapshot": {**read, "rows": known, "a_core_second": _rate(known, read["cpu"] + read["store_cpu"])},
    }
    return everything(taken.snapshot, None), stages


def ials(data: Any) -> dict[str, Any]:
    """Interactions a core second and sweep (users and items solved once), 64 factors."""
    from training.models.ials import IALS, IALSConfig

    seconds = _slope(lambda epochs: IALS(IALSConfig(epochs=epochs)).fit(data), 1, 3)
    return {"epoch_cpu": round(seconds, 3), "a_core_second": _rate(data.matrix.nnz, seconds)}


def lightgcn(data: Any) -> dict[str, Any]:
    """Edges that one core propagates in a second (64 columns, one direction of one product), and pairs it learns from.

    A step propagates over the whole graph and back in each layer, whatever its batch; what is left of an epoch of few
    steps is the softmax over 4,096 candidates of every user in it.
    """
    from training.models.lightgcn import LightGCN, LightGCNConfig

    product, edges = _product(data)
    steps, pairs = 4, data.matrix.nnz
    config = {"batch_size": -(-pairs // steps), "evaluate_every": NEVER, "patience": NEVER}
    epoch = _slope(_fitting(LightGCN, LightGCNConfig, data, config), 1, 3)
    passed = epoch - steps * 2 * LightGCNConfig().num_layers * product
    return {
        "product_cpu": round(product, 4),
        "epoch_cpu_4_steps": round(epoch, 3),
        "edges_a_core_second": _rate(edges, product),
        "pairs_a_core_second": _rate(pairs, passed),
    }


def _product(data: Any) -> tuple[float, int]:
    """CPU seconds of A x with 64 columns, and the edges of A."""
    import torch

    from training.graph_ops import Propagation, bipartite, symmetric_normalised

    adjacency = symmetric_normalised(bipartite(data.matrix))
    x = torch.randn(adjacency.shape[0], 64)
    propagation = Propagation.of(adjacency, symmetric=True)
    return median(_spent(lambda: propagation(x)) for _ in range(7)), adjacency.nnz


def sasrec(data: Any) -> dict[str, Any]:
    """Interactions a core second of an epoch: 128 wide, one block, 50 newest items, 1,024 negatives."""
    from training.models.sasrec import SASRec, SASRecConfig

    config = {"batch_size": 16_384, "evaluate_every": NEVER, "patience": NEVER}
    seconds = _slope(_fitting(SASRec, SASRecConfig, data, config), 1, 2)
    return {"epoch_cpu": round(seconds, 3), "a_core_second": _rate(len(data.histories.items), seconds)}


def large(data: Any) -> dict[str, Any]:
    """iALS' sweep and LightGCN's product again on ten times the interactions, users and items, made in memory.

    Their tables (77 MB) are far beyond a core's caches, as those of the plan are.
    """
    import numpy as np

    from benchmarks.synthetic import power_law
    from training.data import Histories

    count, users, items = 10 * data.matrix.nnz, 10 * data.num_users, 10 * data.num_items
    rng = np.random.default_rng(42)
    user, item = power_law(rng, count, users, exponent=1.7), power_law(rng, count, items)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=users))]).astype(np.int64)
    known = Histories(indptr, item[np.argsort(user)].astype(np.int32), np.zeros(count, np.int64), items)
    ten = replace(data, histories=known, validation=None)
    product, edges = _product(ten)
    return {
        "pairs": ten.matrix.nnz,
        "ials_a_core_second": ials(ten)["a_core_second"],
        "edges_a_core_second": _rate(edges, product),
    }


def all_reduce(_data: Any) -> dict[str, Any]:
    """Bytes of gradient that two processes of this machine average in a second of the clock, by gloo.

    No network is in it: it bounds what the machine itself lets through.
    """
    import torch
    import torch.distributed as dist

    from training.scale.runtime import Place
    from training.scale.team import first_of

    size = 16 << 20
    with tempfile.TemporaryDirectory() as folder:
        import multiprocessing

        address = (Path(folder) / "store").as_uri()
        other = multiprocessing.get_context("spawn").Process(target=_reduce_along, args=(address,), daemon=True)
        other.start()
        with first_of(Place(0, 2, 0, 2), address):
            tensor = torch.ones(size)
            dist.all_reduce(tensor)
            started = time.perf_counter()
            for _ in range(5):
                dist.all_reduce(tensor)
            seconds = (time.perf_counter() - started) / 5
        other.join()
    return {"bytes": 4 * size, "seconds": round(seconds, 4), "bytes_a_second": _rate(4 * size, seconds)}


def _reduce_along(address: str) -> None:
    import torch
    import torch.distributed as dist

    from training.scale.runtime import Place
    from training.scale.team import serve
    from training.scale.world import join, leave

    join(Place(1, 2, 1, 2), address=address)
    tensor = torch.ones(16 << 20)
    for _ in range(6):
        dist.all_reduce(tensor)
    serve(1, 2)
    leave()


def _fitting(model: Any, config: Any, data: Any, settings: dict[str, Any]) -> Callable[[int], object]:
    return lambda epochs: model(config(**settings, epochs=epochs)).fit(data)


def _slope(fit: Callable[[int], object], short: int, long: int) -> float:
    """CPU seconds of one epoch more."""
    fit(1)  # imports, compilation
    few, many = (_spent(lambda epochs=epochs: fit(epochs)) for epochs in (short, long))
    return max(1e-9, (many - few) / (long - short))


def _spent(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _rate(count: float, seconds: float) -> int:
    return round(count / max(1e-9, seconds))


if __name__ == "__main__":
    main()
