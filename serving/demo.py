"""The main job, once through: MovieLens 100K to a page with recommendations and reasons.

The data set is fetched; everything after that is a refresh (`serving.refresh`), whose steps are skipped when nothing
that they read has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graph.store import GraphStore
from serving.progress import Reporter, Step
from serving.refresh import Refresh, RefreshReport
from serving.refresh_choice import Choice
from serving.refresh_sources import Source, remember
from serving.settings import Settings
from serving.steps import Done, Steps, code_version

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

    def run(self, store: AbstractContextManager[GraphStore]) -> DemoReport:
        """Everything up to the published index."""
        data = self.fetch()
        source = Source(Path(data.result["path"]), PLATFORM, store=self.settings.store_url)
        remember(self.settings.home, source)
        choice = Choice(LIKED, self.names, BUDGET, "random")
        with store as graph:
            refreshed = Refresh(self.settings, self.reporter, choice, "demo").run(graph)
        return _report(data, refreshed)

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
                path = get(DATASET, home=self.settings.home, mirror=mirror, progress=tell(step, said))
            return {"path": str(path.resolve()), "notes": [text for text in said if text.startswith("without ")]}

        inputs = {"name": DATASET, "mirror": mirror, "code": code_version("graph/datasets.py")}
        return self.steps.run("data", inputs, work, holds=lambda result: Path(result["path"]).is_dir())


def tell(step: Step, said: list[str]) -> Callable[[str], None]:
    """Shows what is said, and keeps it."""

    def both(text: str) -> None:
        step.note(text)
        said.append(text)

    return both


def _report(data: Done, refreshed: RefreshReport) -> DemoReport:
    trained, index = refreshed.results["train"], refreshed.results["publish"]
    log = (data, *refreshed.log)
    return DemoReport(
        counts=refreshed.results["snapshot"]["sizes"],
        metrics={**trained["models"], trained["model"]: trained["metrics"]},
        chosen=trained["chosen"],
        model=index["model"],
        version=index["version"],
        index=index["index"],
        promoted=trained["promoted"],
        why=trained["why"],
        seconds={done.name: done.seconds for done in log},
        reused=tuple(done.name for done in log if done.reused),
        notes=(*data.result["notes"], *trained["notes"]),
    )
