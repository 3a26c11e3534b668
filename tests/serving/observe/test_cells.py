"""The workers' numbers: each sees all, a worker that died leaves its counts and takes its gauges along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.observe import metrics
from serving.observe.cells import CELLS, Cells
from serving.observe.exposition import exposition, merged
from serving.observe.metrics import METRICS
from tests.conftest import ROOT

OTHER = """
import sys, time
from pathlib import Path
from serving.observe import metrics
from serving.observe.cells import Cells
cells = Cells(Path(sys.argv[1]))
cells.add(metrics.SLOW, (), 5)
cells.observe(metrics.STAGE, 0.002, ("score",))
cells.set(metrics.RUNNING, 7)
cells.set(metrics.BREAKER, 2)
cells.set(metrics.MEMORY, 100, ("other",))
print("there", flush=True)
sys.stdin.read()
"""


def samples(cells: Cells) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = exposition(cells, {})[0].decode()
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_a_dead_worker_leaves_its_counts_and_takes_its_gauges(tmp_path: Path) -> None:
    mine = Cells(tmp_path)
    mine.add(metrics.SLOW, (), 2)
    mine.observe(metrics.STAGE, 0.002, ("score",))
    mine.set(metrics.RUNNING, 1)
    mine.set(metrics.BREAKER, 1)
    command = [sys.executable, "-c", OTHER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "there\n"
        both = samples(mine)
        other.kill()
    alone = [samples(mine), samples(mine)]
    assert both["interlace_slow_requests_total", ()] == 7
    assert both["interlace_requests_running", ()] == 8
    assert both["interlace_breaker_state", ()] == 2
    assert both["interlace_workers", ()] == 2
    assert both["interlace_worker_resident_bytes", (("worker", "other"),)] == 100
    for now in alone:
        assert now["interlace_slow_requests_total", ()] == 7, "counts never go back"
        assert now["interlace_stage_seconds_count", (("stage", "score"),)] == 2
        assert now["interlace_requests_running", ()] == 1
        assert now["interlace_breaker_state", ()] == 1
        assert now["interlace_workers", ()] == 1
        assert ("interlace_worker_resident_bytes", (("worker", "other"),)) not in now
    assert len(list(tmp_path.glob(f"*{CELLS}"))) == 1, "its file is gone"
    mine.close()


def test_histograms_are_cumulative_and_hold_every_value() -> None:
    cells = Cells()
    values = [0.0, 0.0005, 0.0006, 0.3, 99.0]
    for value in values:
        cells.observe(metrics.REQUESTS, value, ("GET", "/v1/items", "200"))
    found = samples(cells)
    labels = {"method": "GET", "route": "/v1/items", "status": "200"}

    def bucket(bound: str) -> float:
        return found["interlace_request_seconds_bucket", tuple(sorted({**labels, "le": bound}.items()))]

    assert [bucket(one) for one in ("0.0005", "0.001", "0.25", "0.5", "30.0", "+Inf")] == [2, 3, 3, 4, 4, 5]
    assert found["interlace_request_seconds_sum", tuple(sorted(labels.items()))] == pytest.approx(sum(values))
    cells.close()


def test_every_metric_says_what_it_is() -> None:
    text = exposition(Cells(), {})[0].decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}
    for metric in METRICS.values():
        family = families[metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        assert metric.name.endswith("_total") == (metric.kind == "counter")


def test_an_ended_version_of_the_index_is_no_series() -> None:
    cells = Cells()
    cells.set(metrics.INDEX, 0, ("old", "ease", "1"))
    cells.set(metrics.INDEX, 1, ("new", "ease", "2"))
    found = [dict(labels)["version"] for name, labels in samples(cells) if name == "interlace_index_info"]
    assert found == ["new"]
    assert merged(cells)["interlace_workers", ()] == [1.0]
