"""MLflow runs: parameters, metrics per epoch, data set, environment and artifacts of every fit.

Beside training and evaluation; `training.registry` adds models to the same server. Only `MlflowClient` is used: no
active run or tracking address is kept in a global. MLflow takes seconds to import, so it is imported when opened.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph.errors import InvalidData, StoreUnavailable, Unsupported
from graph.snapshot import Snapshot
from training.environment import environment_tags, sizes

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}
"""MLflow's mark for experiments of trained models, as against language model applications."""
EPOCH = "epoch/"
"""Before the names of what is measured by epoch: `Run.curves` keeps them too."""
ARTIFACTS = "artifacts"
"""Folder of all artifacts, beside a local MLflow database."""
FLUSH_SECONDS = 2.0
"""How old a logged epoch may get before it is written: one write an epoch would cost more than a small model's fit."""
_BATCH = 1000
_LONGEST = 6000
"""What MLflow takes: metrics a batch, characters a parameter."""
_NOT_A_NAME = re.compile(r"[^\w\-. /:]")


def metric_name(name: str) -> str:
    """A measure's name as MLflow takes it: `ndcg@10` -> `ndcg_at_10`."""
    return _NOT_A_NAME.sub("_", name.replace("@", "_at_"))


@dataclass(frozen=True)
class Tracker:
    """An open MLflow. `folder` is where a local one keeps its artifacts, None where the server decides."""

    uri: str
    client: MlflowClient
    folder: Path | None

    def experiment(self, name: str) -> str:
        """Id of the experiment of this name, made when new."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        if found is not None:
            return str(found.experiment_id)
        place = None if self.folder is None else (self.folder / ARTIFACTS / name).as_uri()
        try:
            return str(self.client.create_experiment(name, artifact_location=place, tags=EXPERIMENT))
        except MlflowException:
            found = self.client.get_experiment_by_name(name)  # somebody else made it just now
            if found is None:
                raise
            return str(found.experiment_id)

    @contextmanager
    def run(self, experiment: str, name: str, tags: Mapping[str, str] | None = None) -> Iterator[Run]:
        """A run that is finished when the block ends, and failed when it raises."""
        with self._run(self.experiment(experiment), name, dict(tags or {}) | environment_tags()) as run:
            yield run

    @contextmanager
    def _run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> Iterator[Run]:
        made = self.client.create_run(experiment_id, run_name=name, tags=dict(tags))
        run = Run(self, made.info.run_id, experiment_id)
        try:
            yield run
        except BaseException:
            run.flush()
            self.client.set_terminated(run.id, "FAILED")
            raise
        run.flush()
        self.client.set_terminated(run.id, "FINISHED")


class Run:
    """One open run; itself a training `Monitor`, so a fit's epochs go straight into it."""

    def __init__(self, tracker: Tracker, run_id: str, experiment_id: str) -> None:
        self.tracker = tracker
        self.id = run_id
        self.experiment_id = experiment_id
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self._waiting: list[Metric] = []
        self._flushed = time.monotonic()

    def params(self, values: Mapping[str, Any]) -> None:
        """Logs parameters; what is too long for MLflow is cut."""
        from mlflow.entities import Param

        params = [Param(metric_name(name), str(value)[:_LONGEST]) for name, value in values.items()]
        for start in range(0, len(params), 100):
            self.tracker.client.log_batch(self.id, params=params[start : start + 100])

    def tags(self, values: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self.tracker.client.log_batch(self.id, tags=[RunTag(name, value) for name, value in values.items()])

    def metrics(self, values: Mapping[str, float], *, step: int = 0, prefix: str = "") -> None:
        """Logs metrics, `prefix` before each name (`test/`). Written at the latest when the run ends."""
        from mlflow.entities import Metric

        if prefix.startswith(EPOCH):
            for name, value in values.items():
                self.curves.setdefault(prefix.removeprefix(EPOCH) + name, []).append((step, float(value)))
        now = int(time.time() * 1000)
        self._waiting.extend(
            Metric(metric_name(prefix + name), float(value), now, step) for name, value in values.items()
        )
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:  # noqa: ARG002 - the contract
        """A training epoch's metrics (`training.recommender.Monitor`)."""
        self.metrics(metrics, step=number, prefix=EPOCH)

    def flush(self) -> None:
        """Writes what waits."""
        for start in range(0, len(self._waiting), _BATCH):
            self.tracker.client.log_batch(self.id, metrics=self._waiting[start : start + _BATCH])
        self._waiting.clear()
        self._flushed = time.monotonic()

    def dataset(self, snapshot: Snapshot, content_hash: str, *, name: str, context: str = "training") -> None:
        """Records which data the run read: name, hash and size of the snapshot."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"snapshot": content_hash})
        record = Dataset(name, content_hash[:36], "snapshot", source, profile=json.dumps(sizes(snapshot)))
        tags = [InputTag("mlflow.data.context", context)]
        self.tracker.client.log_inputs(self.id, [DatasetInput(record, tags)])
        self.tags({"snapshot": content_hash})

    def text(self, text: str, path: str) -> None:
        """Logs a text as an artifact."""
        self.tracker.client.log_text(self.id, text, path)

    def read_text(self, path: str) -> str:
        """A text that was logged; empty where there is none."""
        if not any(one.path == path for one in self.tracker.client.list_artifacts(self.id)):
            return ""
        with tempfile.TemporaryDirectory() as folder:
            file = self.tracker.client.download_artifacts(self.id, path, folder)
            return Path(file).read_text(encoding="utf-8")

    @contextmanager
    def system_metrics(self) -> Iterator[None]:
        """CPU, memory, disk, network and GPU, sampled by MLflow itself every ten seconds within the block."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)
        monitor = SystemMetricsMonitor(self.id, tracking_uri=self.tracker.uri)
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()

    def document(self, value: Any, path: str) -> None:
        """Logs `value` as a JSON artifact."""
        self.tracker.client.log_text(self.id, json.dumps(value, indent=1, ensure_ascii=False), path)

    def folder(self, folder: Path, path: str) -> None:
        """Logs all files of a folder below `path`."""
        self.tracker.client.log_artifacts(self.id, str(folder), path)

    @contextmanager
    def child(self, name: str, tags: Mapping[str, str] | None = None) -> Iterator[Run]:
        """A nested run: a member of a blend."""
        parent = {"mlflow.parentRunId": self.id}
        with self.tracker._run(self.experiment_id, name, dict(tags or {}) | parent) as run:  # noqa: SLF001 - one class in two halves
            yield run


def open_tracker(uri: str) -> Tracker:
    """Opens MLflow at `uri`: `sqlite:///FILE` (made when new), another database, or a tracking server's http address.

    Raises `Unsupported` for a file store (MLflow has retired it), `StoreUnavailable` when it does not answer.
    """
    _refuse_file_store(uri)
    uri, folder = _local(uri)
    _no_telemetry()
    import mlflow
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    for chatter in ("mlflow", "alembic"):  # after the import, which sets its own levels
        logging.getLogger(chatter).setLevel(logging.WARNING)
    try:
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError) as error:
        raise StoreUnavailable(
            f"MLflow does not answer at {uri!r} ({str(error).splitlines()[0][:200]})",
            valid="sqlite:///mlruns/mlflow.db, or the address of a running tracking server",
            remedy="start it, or set INTERLACE_MLFLOW",
        ) from error
    return Tracker(uri, client, folder)


def _refuse_file_store(uri: str) -> None:
    scheme = uri.partition(":")[0]
    if "://" not in uri or scheme in ("file", "memory"):
        raise Unsupported(
            f"MLflow address {uri!r} is a file store, which MLflow no longer takes",
            valid="sqlite:///mlruns/mlflow.db, postgresql://…, or http://host:5000",
            remedy="set INTERLACE_MLFLOW to one of these",
        )


def _local(uri: str) -> tuple[str, Path | None]:
    """A SQLite address made absolute, and the folder of its database (made when missing)."""
    prefix = "sqlite:///"
    if not uri.startswith(prefix):
        return uri, None
    file = Path(uri.removeprefix(prefix)).resolve()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidData(
            f"cannot make the folder of MLflow's database {str(file)!r} ({error.strerror})",
            valid="a folder that can be written",
            remedy="set INTERLACE_MLFLOW to sqlite:///FILE somewhere else",
        ) from error
    return prefix + str(file), file.parent


def _no_telemetry() -> None:
    """MLflow reads these variables when it is imported: there is no other switch."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


def end_interrupted(tracker: Tracker, tags: Mapping[str, str]) -> int:
    """Ends as KILLED every run with these tags that still says it is running: nobody runs it. Returns how many."""
    wanted = " and ".join([*(f"tags.`{name}` = '{value}'" for name, value in tags.items()), "status = 'RUNNING'"])
    experiments = [one.experiment_id for one in tracker.client.search_experiments()]
    found = tracker.client.search_runs(experiments, wanted, max_results=1000)
    for run in found:
        tracker.client.set_tag(run.info.run_id, "interrupted", "its process ended before it did")
        tracker.client.set_terminated(run.info.run_id, "KILLED")
    return len(found)
