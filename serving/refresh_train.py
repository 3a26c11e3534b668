"""The training step of a refresh: which way to train, and how one that was killed goes on.

`HOME/steps/train.begun.json` says what a training sets out to do before it does anything. Its `key` is a tag of the
MLflow runs and of the version: whoever comes after a kill finds by it what was registered already, and nothing is made
twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.progress import EpochMonitor, Reporter
from serving.refresh_choice import BUDGET, Choice
from serving.settings import Settings
from serving.steps import FOLDER, code_version, fingerprint

if TYPE_CHECKING:
    from serving.workflow import Frozen
    from training.registry import Registry, Version
    from training.retrain import Carried
    from training.train import Plan

BEGUN = "train.begun.json"
KEY = "refresh_step"
"""Tag of MLflow runs and versions: which training made them."""


@dataclass(frozen=True)
class Begun:
    """A training that was begun: of which inputs, from which champion (empty: none), and why models are chosen anew."""

    inputs: str = ""
    full: bool = False
    champion: str = ""
    choose: str = ""
    key: str = ""


@dataclass(frozen=True)
class Training:
    """The training step of one run. `full`: models are chosen anew."""

    settings: Settings
    reporter: Reporter
    choice: Choice
    full: bool = False

    def inputs(self, snapshot: str) -> dict[str, Any]:
        """What the result depends on."""
        return {
            "snapshot": snapshot,
            "min value": self.choice.min_value,
            "models to try": list(self.choice.names or ()),
            "seed": self.settings.seed,
            "MLflow": self.settings.mlflow,
            "code of training": code_version("training"),
        }

    def holds(self, _result: Mapping[str, Any]) -> bool:
        """Is MLflow's database still there; one elsewhere is taken to be."""
        prefix = "sqlite:///"
        address = self.settings.mlflow
        return not address.startswith(prefix) or Path(address.removeprefix(prefix)).is_file()

    def forget(self) -> None:
        """A training that ended is not gone on with."""
        self._write(Begun())

    def run(self, snapshot: str, dataset: str) -> dict[str, Any]:
        """Trains, or goes on with a training that was cut short, or takes the champion that learned from this."""
        from serving.workflow import open_registry
        from training.retrain import reported, resume
        from training.tracking import end_interrupted

        registry, mark = open_registry(self.settings.mlflow), fingerprint(self.inputs(snapshot))
        before = self._read()
        if before is not None and before.key:
            end_interrupted(registry.tracker, {KEY: before.key})
        champion = registry.champion()
        if before is None and champion is not None and self._adopts(registry, champion, snapshot):
            return reported(registry, champion, dataset=dataset).as_dict()
        again = before is not None and (before.inputs, before.full) == (mark, self.full)
        begun = before if before is not None and again else self._begin(registry, champion, snapshot, mark)
        made = registry.tagged({KEY: begun.key})
        if made is not None:
            return resume(registry, made, dataset=dataset).as_dict()
        return self._train(registry, begun, snapshot, dataset)

    def _adopts(self, registry: Registry, champion: Version, snapshot: str) -> bool:
        """At a home's first refresh: `interlace train` has been here, on this very snapshot."""
        from training.model_files import read_card

        if self.full or champion.snapshot != snapshot:
            return False
        return read_card(registry.folder(champion)).min_value == self.choice.min_value

    def _begin(self, registry: Registry, champion: Version | None, snapshot: str, mark: str) -> Begun:
        from serving.workflow import thaw
        from training.model_files import read_card
        from training.retrain import why_choose

        choose = "asked for: --full" if self.full else ""
        if not choose:
            card = None if champion is None else read_card(registry.folder(champion))
            every, growth = self.settings.choose_every, self.settings.choose_growth
            choose = why_choose(card, thaw(self.settings.home, snapshot).snapshot, every=every, growth=growth)
        serving = "" if champion is None else champion.version
        begun = Begun(mark, self.full, serving, choose, fingerprint({"": [mark, choose, len(registry.list_models())]}))
        self._write(begun)
        return begun

    def _train(self, registry: Registry, begun: Begun, snapshot: str, dataset: str) -> dict[str, Any]:
        from serving.workflow import thaw
        from training.retrain import retrain
        from training.train import Job, Watch

        frozen, said = thaw(self.settings.home, snapshot), list[str]()
        with self.reporter.step("training") as step:

            def say(text: str) -> None:
                step.note(text)
                said.append(text)

            watch = Watch(say, lambda _name: EpochMonitor(step))
            job = Job(frozen.snapshot, snapshot, registry, self._plan(begun), dataset, watch)
            report = retrain(job, self._carried(registry, begun, frozen), choose=begun.choose)
        return {**report.as_dict(), "notes": [text for text in said if "skipped" in text]}

    def _plan(self, begun: Begun) -> Plan:
        from training.train import Plan

        choice = self.choice
        return Plan(
            names=choice.names or (),
            how=choice.how,
            min_value=choice.min_value,
            seed=self.settings.seed,
            budget=choice.budget or BUDGET,
            tags={KEY: begun.key},
        )

    def _carried(self, registry: Registry, begun: Begun, frozen: Frozen) -> Carried | None:
        from graph.snapshot_fresh import SNAPSHOTS
        from training.registry import SAW_ERASED
        from training.retrain import Carried

        if not begun.champion:
            return None
        champion = registry.find(begun.champion)
        if SAW_ERASED in champion.tags:  # its recipe says nothing of anybody; its weights and measures do
            return Carried(champion.version, registry.folder(champion))
        same = champion.snapshot == frozen.hash
        kept = self.settings.home / SNAPSHOTS / champion.snapshot
        users = frozen.snapshot.users.ids if same else _ids(kept, "users")
        return Carried(champion.version, registry.folder(champion), users)

    @property
    def _path(self) -> Path:
        return self.settings.home / FOLDER / BEGUN

    def _read(self) -> Begun | None:
        try:
            return Begun(**json.loads(self._path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _write(self, begun: Begun) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(asdict(begun)), encoding="utf-8")
        temporary.replace(self._path)


def _ids(snapshot: Path, name: str) -> tuple[str, ...]:
    """Ids by position of a kept snapshot, without reading the rest of it; none where it has been removed."""
    import pyarrow.parquet as pq

    path = snapshot / f"{name}.parquet"
    return tuple(pq.read_table(path).column("id").to_pylist()) if path.is_file() else ()
