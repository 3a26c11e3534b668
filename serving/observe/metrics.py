"""Every metric there is, as data: name, kind, labels, and what its help says.

`cells` holds their values, `exposition` writes them in Prometheus' format. A test compares the dashboard and the alert
rules with this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
STAGE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
LENGTHS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


@dataclass(frozen=True)
class Metric:
    """`buckets`: upper bounds of a histogram. `merge`: how the living workers' gauges become one."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    merge: Literal["sum", "max"] = "sum"

    @property
    def width(self) -> int:
        """Numbers that one series takes: a histogram's buckets, those beyond the last, and the sum."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1


REQUESTS = Metric("interlace_request_seconds", "histogram", "How long requests took, by route template and status.",
                  ("method", "route", "status"), SECONDS)  # fmt: skip
STAGE = Metric("interlace_stage_seconds", "histogram",
               "Time of a request that is a stage's own, without the stages within it.", ("stage",),
               STAGE_SECONDS)  # fmt: skip
SLOW = Metric("interlace_slow_requests_total", "counter", "Requests slower than INTERLACE_SLOW_REQUEST_MS.")
REFUSED = Metric("interlace_refused_requests_total", "counter",
                 "Requests refused: too many waited (full), waited too long (late), or past the deadline (deadline).",
                 ("reason",))  # fmt: skip
DEGRADED = Metric("interlace_degraded_answers_total", "counter", "Answers that a part which was down made poorer.",
                  ("part",))  # fmt: skip
RUNNING = Metric("interlace_requests_running", "gauge", "Requests that are being answered.")
WAITING = Metric("interlace_queue_depth", "gauge", "What waits: requests for a place, work for store and encoders.",
                 ("queue",))  # fmt: skip
SHOWN = Metric("interlace_shown_items_total", "counter", "Items shown in recommendations, by candidate source.",
               ("source",))  # fmt: skip
COVERAGE = Metric("interlace_shown_coverage_ratio", "gauge",
                  "Distinct items shown within INTERLACE_SHOWN_MINUTES over the index's.", merge="max")  # fmt: skip
GINI = Metric("interlace_shown_gini", "gauge",
              "How unequally shows fall on the index's items (0: alike, 1: all on one), old ones weighing less.",
              merge="max")  # fmt: skip
HISTORY = Metric("interlace_history_length", "histogram", "Known interactions of those who got recommendations.", (),
                 LENGTHS)  # fmt: skip
INPUTS = Metric("interlace_input_items_total", "counter", "Item ids that newcomers' requests and events named.",
                ("known",))  # fmt: skip
EVENTS = Metric("interlace_events_total", "counter", "Events taken, by kind.", ("kind",))
SHOWN_MEAN = Metric("interlace_shown_score_mean", "gauge", "Mean of the scores shown lately.", merge="max")
SHOWN_DEVIATION = Metric("interlace_shown_score_deviation", "gauge", "Standard deviation of the scores shown lately.",
                         merge="max")  # fmt: skip
LIST_MEAN = Metric("interlace_published_score_mean", "gauge", "Mean of the first scores of the published lists.",
                   merge="max")  # fmt: skip
LIST_DEVIATION = Metric("interlace_published_score_deviation", "gauge",
                        "Standard deviation of the first scores of the published lists.", merge="max")  # fmt: skip
DRIFT = Metric("interlace_drift_psi", "gauge",
               "Population stability index of what was asked lately against what was published: over 0.25 is a shift.",
               ("of",), merge="max")  # fmt: skip
STORE_UP = Metric("interlace_store_up", "gauge", "1: no trouble with the graph store is known; 0: its breaker is not "
                  "closed. Workers added up.")  # fmt: skip
BREAKER = Metric("interlace_breaker_state", "gauge", "The breaker before the store: 0 closed, 1 half-open, 2 open; the "
                 "worst worker.", merge="max")  # fmt: skip
OPENED = Metric("interlace_breaker_opened_total", "counter", "How often the breaker before the store opened.")
ENCODERS_UP = Metric("interlace_encoders_up", "gauge", "1: the encoders' last answer came; 0: it did not. Workers "
                     "added up.")  # fmt: skip
INDEX = Metric("interlace_index_info", "gauge", "Workers that serve this version of the index.",
               ("version", "model", "model_version"))  # fmt: skip
INDEX_AGE = Metric("interlace_index_age_seconds", "gauge", "Since the index was made; the oldest that a worker serves.",
                   merge="max")  # fmt: skip
INDEX_SIZE = Metric("interlace_index_size", "gauge", "Users and items of the index.", ("of",), merge="max")
INDEX_DAMAGED = Metric("interlace_index_damaged", "gauge", "Workers that could not open a newer index.")
CHANGES = Metric("interlace_live_changes", "gauge", "Changes laid over the index: new, changed and gone items.",
                 ("change",), merge="max")  # fmt: skip
UNWRITTEN = Metric("interlace_overlay_waiting", "gauge", "Changes that the graph does not hold yet.", merge="max")
GRAPH_LAG = Metric("interlace_graph_lag_seconds", "gauge", "How long the graph has been behind the overlay.",
                   merge="max")  # fmt: skip
MEMORY = Metric("interlace_worker_resident_bytes", "gauge", "Resident memory of a worker, mapped pages included.",
                ("worker",))  # fmt: skip
LOOP_LAG = Metric("interlace_loop_lag_seconds", "gauge", "How late the event loop last was; the latest worker.",
                  merge="max")  # fmt: skip
DRAINING = Metric("interlace_draining", "gauge", "Workers that are about to stop.")
WORKERS = Metric("interlace_workers", "gauge", "Workers that live.")

METRICS: Mapping[str, Metric] = MappingProxyType({one.name: one for one in (
    REQUESTS, STAGE, SLOW, REFUSED, DEGRADED, RUNNING, WAITING, SHOWN, COVERAGE, GINI, HISTORY, INPUTS, EVENTS,
    SHOWN_MEAN, SHOWN_DEVIATION, LIST_MEAN, LIST_DEVIATION, DRIFT, STORE_UP, BREAKER, OPENED, ENCODERS_UP, INDEX,
    INDEX_AGE, INDEX_SIZE, INDEX_DAMAGED, CHANGES, UNWRITTEN, GRAPH_LAG, MEMORY, LOOP_LAG, DRAINING, WORKERS,
)})  # fmt: skip
