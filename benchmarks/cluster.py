"""Plans a cluster for a large graph from what one core was measured to do: docs/guide/cluster.md's table.

    python -m benchmarks.rates > rates.json
    python -m benchmarks.cluster rates.json                # 1,000,000,000 interactions on 8 machines of 64 cores
    python -m benchmarks.cluster rates.json --machines 2 --cores 32

Prints Markdown: each line with the arithmetic that gives it. What is assumed and not measured is in `Cluster`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOUR = 3600.0
GB = 1e9
FLOAT = 4


@dataclass(frozen=True)
class Graph:
    """How much there is."""

    interactions: float = 1e9
    users: float = 20e6
    items: float = 2e6
    triples: float = 100e6


@dataclass(frozen=True)
class Cluster:
    """Assumed, all of it. `share`: of the cores' rate that is left when all of them work (memory is shared).

    `network`, `memory`: bytes a second, of a machine.
    """

    machines: int = 8
    cores: int = 64
    share: float = 0.6
    network: float = 12.5e9
    memory: float = 200e9

    @property
    def speed(self) -> float:
        """One machine, in cores of the measured kind."""
        return self.cores * self.share


@dataclass(frozen=True)
class Line:
    """One stage: hours by the clock, machines it can use, memory of one (0: not known), and how that comes about."""

    stage: str
    hours: float
    machines: int
    memory: float
    how: str

    def row(self) -> str:
        memory = f"{self.memory / GB:.0f}" if self.memory else "not measured"
        return f"| {self.stage} | {self.hours:.1f} | {self.machines} | {memory} | {self.how} |"


def lines(rates: dict[str, Any], graph: Graph, cluster: Cluster) -> Iterator[Line]:
    """Every stage."""
    yield _ingest(rates["ingest"]["a_core_second"], graph)
    yield _snapshot(rates["snapshot"]["a_core_second"], graph)
    yield _ials(rates["large"]["ials_a_core_second"], graph)
    yield _lightgcn({**rates["lightgcn"], **rates["large"]}, graph, cluster)
    yield _sasrec(rates["sasrec"]["a_core_second"], graph, cluster)


def histories(graph: Graph) -> float:
    """Bytes of the training data: an item (4) and a time (8) an interaction, and the binary matrix (4 + 4)."""
    return graph.interactions * (4 + 8 + 4 + 4)


def _ingest(rate: float, graph: Graph) -> Line:
    rows = graph.interactions + graph.users + graph.items + graph.triples
    how = f"{rows:.3g} rows / {rate:,.0f} a core second; one store, one core's pace"
    return Line("ingest", rows / rate / HOUR, 1, 0, how)


def _snapshot(rate: float, graph: Graph) -> Line:
    rows = graph.interactions + graph.triples
    size = 2 * 21 * graph.interactions
    how = f"{rows:.3g} rows / {rate:,.0f} a core second, one reader; memory: 21 bytes an interaction and a sorted copy"
    return Line("snapshot, in full", rows / rate / HOUR, 1, size, how)


def _ials(rate: float, graph: Graph) -> Line:
    sweeps = 10
    seconds = sweeps * graph.interactions / rate
    size = histories(graph) + 8 * graph.interactions + 64 * FLOAT * (graph.users + graph.items)
    how = (
        f"{sweeps} sweeps x {graph.interactions:.3g} / {rate:,.0f} a core second, one core; "
        "memory: data + transpose (8 bytes) + 64 factors"
    )
    return Line("iALS, 64 factors", seconds / HOUR, 1, size, how)


def _lightgcn(rates: dict[str, float], graph: Graph, cluster: Cluster) -> Line:
    epochs, layers, batch = 50, 2, 8e6
    edges = 2 * graph.interactions
    steps = graph.interactions / batch
    step = 2 * layers * edges / rates["edges_a_core_second"] / cluster.speed
    passed = graph.interactions / rates["pairs_a_core_second"] / cluster.speed
    table = 64 * FLOAT * (graph.users + graph.items)
    logits = batch / graph.interactions * graph.users * 4096 * FLOAT
    how = (
        f"{epochs} epochs x ({steps:.0f} steps of {batch:.0e} pairs x {step:.0f} s [{2 * layers} products of "
        f"{edges:.0e} edges / {rates['edges_a_core_second']:,.0f} a core second / {cluster.speed:.0f} cores] + "
        f"{passed:.0f} s of softmax); memory: data + pairs (16 bytes) + edges (8 bytes) + 12 tables of "
        f"{table / GB:.1f} GB (weights, gradient, 2 of Adam, best, layers there and back) + "
        f"3 x {logits / GB:.1f} GB of logits"
    )
    size = histories(graph) + 16 * graph.interactions + 8 * edges + 12 * table + 3 * logits
    return Line("LightGCN, 64 wide, 2 layers", epochs * (steps * step + passed) / HOUR, 1, size, how)


def _sasrec(rate: float, graph: Graph, cluster: Cluster) -> Line:
    epochs, batch, size = 30, 2e6, 128
    table = size * FLOAT * graph.items
    steps = graph.interactions / batch
    compute = graph.interactions / rate / cluster.speed / cluster.machines
    reduce = steps * 2 * (cluster.machines - 1) / cluster.machines * table / cluster.network
    adam = steps * 7 * table / cluster.memory
    how = (
        f"{epochs} epochs x ({compute:.0f} s of {graph.interactions:.0e} / {rate:,.0f} a core second / "
        f"{cluster.machines} x {cluster.speed:.0f} cores + {reduce:.0f} s of network [{steps:.0f} steps x 2 x "
        f"{cluster.machines - 1}/{cluster.machines} x {table / GB:.1f} GB / {cluster.network / GB:.1f} GB/s] + "
        f"{adam:.0f} s of Adam [7 passes over the table a step / {cluster.memory / GB:.0f} GB/s]), one process a "
        f"machine; memory: data + windows (8 bytes) + 7 tables of {table / GB:.1f} GB"
    )
    memory = histories(graph) + 8 * graph.interactions + 7 * table
    hours = epochs * (compute + reduce + adam) / HOUR
    return Line("SASRec, 128 wide, 1 block", hours, cluster.machines, memory, how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rates", type=Path)
    parser.add_argument("--interactions", type=float, default=Graph.interactions)
    parser.add_argument("--machines", type=int, default=Cluster.machines)
    parser.add_argument("--cores", type=int, default=Cluster.cores)
    options = parser.parse_args()
    rates = json.loads(options.rates.read_text(encoding="utf-8"))
    share = options.interactions / Graph.interactions
    graph = Graph(options.interactions, Graph.users * share, Graph.items * share, Graph.triples * share)
    print("| stage | hours | machines | GB of each | arithmetic |\n|---|---|---|---|---|")
    for line in lines(rates, graph, Cluster(options.machines, options.cores)):
        print(line.row())


if __name__ == "__main__":
    main()
