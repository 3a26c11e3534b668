"""Runs refreshes that kill themselves at their n-th write; the process that `test_refresh_kill` starts.

Everything is imported once, then each order forks (`tests.forks`): a child refreshes with a hook on every write (graph
queries, bulk batches, MLflow's commits, files opened to write, made, renamed or removed) and SIGKILLs itself just
before the n-th one of a step. The hooks kill; they change nothing else.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import configure_mappers

import encoders.encode
import encoders.zeroshot_labels
import serving.refresh
import serving.refresh_steps
import serving.refresh_train
from graph.local_http import LocalHttp
from graph.local_store import LocalStore
from graph.neo4j_store import Neo4jStore
from graph.store import GraphStore
from serving.progress import Lines
from serving.refresh import Refresh
from serving.refresh_choice import Choice
from serving.refresh_runs import recent
from serving.settings import read_settings
from serving.steps import Done, Step, Steps
from tests.encoders.counting import CountingEncoder
from tests.forks import MLFLOW, serve
from tests.integration.refreshed import left_behind
from training.environment import environment
from training.topk import top_k
from training.tracking import open_tracker

WRITES = re.compile(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|DROP|INSERT)\b", re.IGNORECASE)
FILES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree", "shutil.copytree"}
MODELS = ("popularity", "item-knn", "ease")
USED = (
    *MLFLOW, "encoders.train_clip", "encoders.zeroshot", "httpcore", "pyarrow.dataset", "serving.publish",
    "serving.workflow", "serving.write_back", "training.models.ease", "training.models.item_knn",
    "training.models.popularity", "training.retrain",
)  # fmt: skip
"""What a refresh imports when it needs it: here before the fork, once for all."""


class Killer:
    """Counts the writes of each step; kills before the n-th of one."""

    def __init__(self, step: str, at: int) -> None:
        self.step, self.at = step, at
        self.now = "run"
        self.seen: dict[str, list[str]] = {}

    def point(self, what: str) -> None:
        """A write is about to happen."""
        points = self.seen.setdefault(self.now, [])
        points.append(what)
        if self.now == self.step and len(points) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        """The interpreter's own hook: files opened to write, and what else happens to files."""
        if name == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            if not str(arguments[0]).startswith("/dev/"):
                self.point(f"open {Path(str(arguments[0])).name}")
        elif name in FILES:
            self.point(f"{name} {Path(str(arguments[0])).name}")

    def install(self, base: Path | None, home: Path) -> None:
        """Hooks everything; with `base`, keeps the home as it is before each step."""
        sys.addaudithook(self.audit)
        event.listen(Engine, "commit", lambda _connection: self.point("MLflow commit"))
        for cls in (neo4j.Session, neo4j.Transaction):
            _before(cls, "run", lambda text: self.point(f"query {text[:60]}") if WRITES.search(str(text)) else None)
        _before(neo4j.Transaction, "commit", lambda *_: self.point("commit"))
        _before(LocalHttp, "batch", lambda *_: self.point("batch"))
        _before(LocalHttp, "sql", lambda text: self.point(f"sql {text[:60]}") if WRITES.search(text) else None)
        do = Steps.do

        def counted(steps: Steps, step: Step, *arguments: Any, **options: Any) -> Done:
            outer = self.now
            if step.name in serving.refresh.STEPS:
                if base is not None:
                    self.now = "copying"
                    shutil.copytree(home, base / step.name, dirs_exist_ok=True)
                self.now = step.name
            try:
                return do(steps, step, *arguments, **options)
            finally:
                self.now = outer

        Steps.do = counted  # type: ignore[method-assign]


def _before(cls: Any, name: str, hook: Callable[..., None]) -> None:
    whole = getattr(cls, name)

    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        hook(*arguments[:1])
        return whole(self, *arguments, **options)

    setattr(cls, name, call)


def open_graph(order: dict[str, Any]) -> GraphStore:
    """The store that the order names."""
    if "database" in order:
        return LocalStore.open(Path(order["local"]), database=order["database"])
    return Neo4jStore.open(order["url"], password=order["password"])


def refresh(order: dict[str, Any]) -> None:
    """In the child: one refresh, killed where the order says."""
    home = Path(order["home"])
    for module in (encoders.encode, encoders.zeroshot_labels):
        module.open_encoder = lambda name, **_: CountingEncoder("image" if name == "efficientnet-lite0" else "text")
    for module in (serving.refresh_steps, serving.refresh_train):  # somebody may be editing while this runs
        module.code_version = lambda *_: "code"
    settings = read_settings({"home": home, "store": order["url"], "mlflow": f"sqlite:///{home}/mlflow.db"})
    base = Path(order["base"]) if order.get("base") else None
    killer = Killer(order["step"], order["at"])
    killer.install(base, home)
    store = open_graph(order)
    job = Refresh(settings, Lines(), Choice(4.0, MODELS), "test")
    job.run(store, full=order.get("full", False))
    killer.step = ""
    Path(order["out"]).write_text(json.dumps(killer.seen), encoding="utf-8")
    store.close()


def look(order: dict[str, Any]) -> None:
    """In the child, since MLflow keeps a database open that it has seen: what is left behind."""
    home, store = Path(order["home"]), open_graph(order)
    client = open_tracker(f"sqlite:///{home}/mlflow.db").client
    experiments = [one.experiment_id for one in client.search_experiments()]
    status = {one.info.run_id: one.info.status for one in client.search_runs(experiments)}
    # A run of the graph may be missing in MLflow: the home has been put back to before it.
    runs = [{**run.as_dict(), "tracked": status.get(run.mlflow_run, "")} for run in recent(store)]
    Path(order["out"]).write_text(json.dumps({"left": left_behind(home, store), "runs": runs}), encoding="utf-8")
    store.close()


def warm_up() -> None:
    """What each child would do again, beside imports: MLflow's tables, the compiled ranking, the list of packages."""
    configure_mappers()
    environment()
    top_k(np.zeros((1, 2), np.float32), None, 1)


def act(order: dict[str, Any]) -> None:
    """What a child does."""
    (look if order.get("look") else refresh)(order)


if __name__ == "__main__":
    faulthandler.enable()
    warm_up()
    serve(act, USED)
