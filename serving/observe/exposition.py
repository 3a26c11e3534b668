"""The numbers of all workers in Prometheus' text format, through its own client library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from serving.observe.cells import Cells, Key, Values, add_up, read
from serving.observe.metrics import INDEX, METRICS, WORKERS, Metric


def merged(cells: Cells) -> Values:
    """The numbers of all workers of the server as one: counts of the dead included, their gauges not."""
    if cells.folder is None:
        workers: Iterable[tuple[str, Values, bool]] = [(cells.name, cells.values(), True)]
    else:
        workers = read(cells.folder)
    total: Values = {}
    living = 0
    for _, values, lives in workers:
        living += lives
        add_up(total, {key: one for key, one in values.items() if METRICS[key[0]].merge == "sum"})
        for key, one in values.items():
            if METRICS[key[0]].merge == "max":
                total[key] = [max(one[0], *total.get(key, one))]
    total[WORKERS.name, ()] = [float(living)]
    return total


def exposition(cells: Cells, more: Mapping[Key, float]) -> tuple[bytes, str]:
    """The answer to a scrape, and its media type. `more`: what is known without the workers' numbers."""
    from prometheus_client import CollectorRegistry, generate_latest  # a worker that nobody scrapes does without it
    from prometheus_client.exposition import CONTENT_TYPE_LATEST

    registry = CollectorRegistry()
    registry.register(_Collector(merged(cells) | {key: [value] for key, value in more.items()}))
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Collector:
    """What the library's registry asks for families of metrics."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def collect(self) -> Iterator[Any]:
        by_name: dict[str, list[tuple[tuple[str, ...], list[float]]]] = {}
        for (name, labels), values in sorted(self._values.items()):
            by_name.setdefault(name, []).append((labels, values))
        for metric in METRICS.values():
            yield _family(metric, by_name.get(metric.name, []))


def _family(metric: Metric, series: list[tuple[tuple[str, ...], list[float]]]) -> Any:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        bounds = [*(str(bound) for bound in metric.buckets), "+Inf"]
        for labels, values in series:
            histogram.add_metric(labels, list(zip(bounds, accumulate(values[:-1]), strict=True)), values[-1])
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, values in series:
        if metric is not INDEX or values[0]:  # one that nobody serves any more is no series
            family.add_metric(labels, values[0])
    return family
