"""The plan of a cluster is arithmetic: checked on round numbers by hand."""

from __future__ import annotations

import pytest

from benchmarks.cluster import Cluster, Graph, lines

RATES = {
    "ingest": {"a_core_second": 100_000},
    "snapshot": {"a_core_second": 500_000},
    "ials": {"a_core_second": 9},
    "lightgcn": {"edges_a_core_second": 9, "pairs_a_core_second": 1_000_000},
    "sasrec": {"a_core_second": 25_000},
    "large": {"ials_a_core_second": 1_000_000, "edges_a_core_second": 40_000_000},
}


def test_each_line_is_what_a_pencil_gives() -> None:
    graph = Graph(interactions=1e9, users=18e6, items=2e6, triples=80e6)
    cluster = Cluster(machines=4, cores=100, share=0.5, network=10e9, memory=100e9)
    found = {line.stage.split(",")[0]: line for line in lines(RATES, graph, cluster)}
    assert found["ingest"].hours == pytest.approx(1.1e9 / 100_000 / 3600)
    assert found["snapshot"].hours == pytest.approx(1.08e9 / 500_000 / 3600)
    assert found["iALS"].hours == pytest.approx(10 * 1e9 / 1e6 / 3600), "by the rate on the larger graph"
    assert found["iALS"].memory == pytest.approx(28e9 + 64 * 4 * 20e6)
    step, softmax = 4 * 2e9 / 40e6 / 50, 1e9 / 1e6 / 50
    assert found["LightGCN"].hours == pytest.approx(50 * (125 * step + softmax) / 3600)
    table = 128 * 4 * 2e6
    epoch = 1e9 / 25_000 / 50 / 4 + 500 * (2 * 0.75 * table / 10e9 + 7 * table / 100e9)
    assert found["SASRec"].hours == pytest.approx(30 * epoch / 3600)
    assert found["SASRec"].memory == pytest.approx(28e9 + 7 * table)
    assert found["SASRec"].row().startswith("| SASRec, 128 wide, 1 block | 2.6 | 4 | 35 |")
