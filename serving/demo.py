"""The main job, once through: MovieLens 100K to a page with recommendations and reasons.

Every arrow of the flow in order, each a step that is skipped when nothing it reads has changed (`serving.steps`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graph.store import GraphStore
from serving.progress import EpochMonitor, Reporter, Step, parts
from serving.settings import Settings
from serving.steps import Done, Steps, code_version, files_version

DATASET = "ml-100k"
PLATFORM = "movielens"
LIKED = 4.0
"""A rating of 4 or 5 is a like."""
BUDGET = 120.0
"""Seconds after which `auto` begins no new fit: the whole job shall take five minutes on two cores."""


@dataclass(frozen=True)
class DemoReport:
    """What was done: sizes, test metrics of each model, what was chosen, seconds of each step when it was done."""

    counts: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]]
    chosen: str
    model: str
    version: str
    index: str
    promoted: bool
    why: str
    seconds: Mapping[str, float]
    reused: tuple[str, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Demo:
    """One run: settings, where progress shows, and the steps' memory.

    `names` limits the models that are tried; `folder` is a dataset folder in place of MovieLens 100K.
    """

    settings: Settings
    reporter: Reporter
    steps: Steps
    names: tuple[str, ...] = ()
    folder: Path | None = None

    @property
    def home(self) -> Path:
        return self.settings.home

    def run(self, store: AbstractContextManager[GraphStore]) -> DemoReport:
        """Everything up to the published index. `store` is entered once, for all steps that need it."""
        data = self.fetch()
        with store as graph:
            ingested = self.ingest(graph, data)
            encoded = self.encode(graph, ingested)
            frozen = self.freeze(graph, encoded)
        trained = self.train(frozen)
        index = self.publish(trained)
        return _report(self.steps.log, data, frozen, trained, index)

    def fetch(self) -> Done:
        """Data set and, where they can be had, posters."""
        if self.folder is not None:
            found = {"path": str(self.folder.resolve()), "notes": []}
            return self.steps.run("data", found, lambda: found)
        from graph.datasets import get

        mirror = self.settings.mirror

        def work() -> dict[str, Any]:
            said: list[str] = []
            with self.reporter.step(f"fetching {DATASET}") as step:
                path = get(DATASET, home=self.home, mirror=mirror, progress=tell(step, said))
            return {"path": str(path.resolve()), "notes": [text for text in said if text.startswith("without ")]}

        inputs = {"name": DATASET, "mirror": mirror, "code": code_version("graph/datasets.py")}
        return self.steps.run("data", inputs, work, holds=lambda result: Path(result["path"]).is_dir())

    def ingest(self, graph: GraphStore, data: Done) -> Done:
        """Users, items, ratings and the knowledge graph into the store."""
        from graph.ingest import ingest

        path = Path(data.result["path"])

        def work() -> dict[str, Any]:
            with self.reporter.step("building the graph") as step:
                report = ingest(graph, path, platform=PLATFORM, home=self.home, progress=step.advance)
            return {"report": asdict(report), "nodes": count_nodes(graph)}

        inputs = {
            "files": files_version([path]),
            "store": self.settings.store_url,
            "code": code_version("graph/ingest.py", "graph/sources", "graph/media.py"),
        }
        return self.steps.run("ingest", inputs, work, holds=lambda result: count_nodes(graph) == result["nodes"])

    def encode(self, graph: GraphStore, ingested: Done) -> Done:
        """Titles, plots and posters to vectors on the graph."""

        def work() -> dict[str, Any]:
            from encoders.encode import encode_items

            with self.reporter.step("encoding text and images") as step:
                report = encode_items(graph, home=self.home, progress=parts(step))
            return {"report": report.as_dict()}

        inputs = {"ingest": ingested.result, "store": self.settings.store_url, "code": code_version("encoders")}
        return self.steps.run("encode", inputs, work)

    def freeze(self, graph: GraphStore, encoded: Done) -> Done:
        """The graph as a snapshot."""
        from serving.workflow import SNAPSHOTS, freeze
        from training.environment import sizes

        def work() -> dict[str, Any]:
            with self.reporter.step("freezing the graph"):
                frozen = freeze(graph, self.home)
            return {"snapshot": frozen.hash, "dataset": frozen.dataset, "counts": sizes(frozen.snapshot)}

        inputs = {"encode": encoded.result, "code": code_version("graph")}
        kept = self.home / SNAPSHOTS
        return self.steps.run("snapshot", inputs, work, holds=lambda result: (kept / result["snapshot"]).is_dir())

    def train(self, frozen: Done) -> Done:
        """Every model and their blend, measured, logged, registered."""

        def work() -> dict[str, Any]:
            with self.reporter.step("training") as step:
                return self._train(frozen, step)

        inputs = {
            "snapshot": frozen.result["snapshot"],
            "seed": self.settings.seed,
            "names": self.names,
            "mlflow": self.settings.mlflow,
            "code": code_version("training"),
        }
        return self.steps.run("train", inputs, work, holds=lambda _result: self._has_runs())

    def _has_runs(self) -> bool:
        """Is MLflow's database still there; one elsewhere is taken to be."""
        prefix = "sqlite:///"
        address = self.settings.mlflow
        return not address.startswith(prefix) or Path(address.removeprefix(prefix)).is_file()

    def _train(self, frozen: Done, step: Step) -> dict[str, Any]:
        from serving.workflow import open_registry, thaw
        from training.train import Plan, Watch, train

        data = thaw(self.home, frozen.result["snapshot"])
        plan = Plan(names=self.names, min_value=LIKED, seed=self.settings.seed, budget=BUDGET)
        said: list[str] = []
        watch = Watch(tell(step, said), lambda _name: EpochMonitor(step))
        registry = open_registry(self.settings.mlflow)
        report = train(data.snapshot, data.hash, registry, plan, dataset=frozen.result["dataset"], watch=watch)
        return {**report.as_dict(), "notes": [text for text in said if "skipped" in text]}

    def publish(self, trained: Done) -> Done:
        """The champion's index."""
        from serving.index import FOLDER, MANIFEST

        def work() -> dict[str, Any]:
            from serving.workflow import open_registry, publish_version, thaw

            with self.reporter.step("publishing the index") as step:
                registry = open_registry(self.settings.mlflow)
                champion = registry.find("champion")
                frozen = thaw(self.home, trained.result["snapshot"])
                folder = publish_version(frozen, registry, champion, self.home, step.note)
            return {"index": folder.name, "model": champion.model, "version": champion.version}

        inputs = {"train": trained.result, "code": code_version("serving/publish.py", "serving/index.py")}
        published = self.home / FOLDER
        return self.steps.run(
            "publish", inputs, work, holds=lambda result: (published / result["index"] / MANIFEST).is_file()
        )


def tell(step: Step, said: list[str]) -> Callable[[str], None]:
    """Shows what is said, and keeps it."""

    def both(text: str) -> None:
        step.note(text)
        said.append(text)

    return both


def count_nodes(graph: GraphStore) -> int:
    """All nodes: a store that was emptied or filled from elsewhere shows in it."""
    return int(graph.query("MATCH (n) RETURN count(n) AS nodes", {}).rows[0][0])


def _report(log: list[Done], data: Done, frozen: Done, trained: Done, index: Done) -> DemoReport:
    result = trained.result
    notes = [*data.result["notes"], *result["notes"]]
    return DemoReport(
        counts=frozen.result["counts"],
        metrics={**result["models"], result["model"]: result["metrics"]},
        chosen=result["chosen"],
        model=index.result["model"],
        version=index.result["version"],
        index=index.result["index"],
        promoted=result["promoted"],
        why=result["why"],
        seconds={done.name: done.seconds for done in log},
        reused=tuple(done.name for done in log if done.reused),
        notes=tuple(notes),
    )
