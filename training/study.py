"""Where tuning keeps its trials: one journal a study below the home folder, shared by processes, safe from kills.

Below `training.tune`. `HOME/tuning/NAME/trials.journal` is Optuna's journal (a line an event, appended under a lock);
`HOME/tuning/NAME/MODEL.json` holds the best settings found, for `train --settings NAME`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psutil

from graph.errors import Conflict, InvalidData, NotFound
from training.metrics import TARGET
from training.model_files import typed_settings
from training.space import within
from training.zoo import find

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

FOLDER = "tuning"
JOURNAL = "trials.journal"
WORKER, ERROR, EPOCHS, SECONDS = "worker", "error", "epochs", "seconds"
"""Attributes of a trial: who runs it, why it failed, its curves, how long its fit took."""
STARTUP = 8
"""Trials drawn at random before TPE has enough to go by."""
FIXED = "fixed"
"""Member of a study's data: settings that were not searched."""
_DATA = "data"
_INSTANT = 5.0
"""Seconds within which a process that has begun a trial has put its name on it."""
_NAME = re.compile(r"\w[\w.+ -]*")

Pruner = Literal["halving", "hyperband", "none"]


@dataclass(frozen=True)
class Studies:
    """The studies of one name, one for each model."""

    folder: Path
    name: str

    @classmethod
    def of(cls, home: Path, name: str) -> Studies:
        """Raises `InvalidData` for a name that cannot be a folder's."""
        if not _NAME.fullmatch(name):
            raise InvalidData(f"{name!r} cannot name a study", valid="letters, digits, spaces and . _ + -",
                              remedy="choose another --study")  # fmt: skip
        return cls(home / FOLDER / name, name)

    def create(self, model: str, data: Mapping[str, Any]) -> Study:
        """The study of a model, made with the model's own defaults as its first trial, or found and put in order.

        Raises `Conflict` when the trials in it were measured on other data than `data`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        _mend(self.folder / JOURNAL)
        study = self.open(model)
        known = study.user_attrs.get(_DATA)
        if known is None:
            study.set_user_attr(_DATA, dict(data))
        elif known != dict(data):
            raise Conflict(
                f"study {self.name!r} was measured on other data: {_differences(known, data)}",
                valid="the data, split and seed that its trials were measured on",
                remedy="choose another --study",
            )
        _requeue(study)
        if not study.get_trials(deepcopy=False):
            study.enqueue_trial(within(find(model).space(), vars(find(model).config())))
        return study

    def open(self, model: str, *, seed: int = 42, pruner: Pruner = "none", epochs: int = 0) -> Study:
        """One process's own handle. `seed`: of its sampler; `epochs`: the most that a fit runs, for `hyperband`."""
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        journal = str(self.folder / JOURNAL)
        storage = optuna.storages.JournalStorage(JournalFileBackend(journal, lock_obj=JournalFileOpenLock(journal)))
        return optuna.create_study(
            storage=storage,
            study_name=f"{self.name}/{model}",
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=STARTUP),
            pruner=_pruner(pruner, epochs),
            load_if_exists=True,
        )

    def best_file(self, model: str) -> Path:
        """Where the best settings of a model are."""
        return self.folder / f"{model}.json"

    def write_best(self, model: str, study: Study) -> dict[str, Any] | None:
        """The best settings so far, written by rename; None when no trial was completed."""
        done = [one for one in study.get_trials(deepcopy=False) if one.state.name == "COMPLETE"]
        if not done:
            return None
        best = max(done, key=lambda one: one.value or 0.0)
        document = {
            "model": model,
            "settings": {**best.params, **study.user_attrs[_DATA].get(FIXED, {})},
            "measure": f"validation {TARGET}",
            "validation": best.value,
            "trial": best.number,
            "trials": counted(study),
            "study": self.name,
            "data": study.user_attrs[_DATA],
        }
        file = self.best_file(model)
        aside = file.with_suffix(f".{os.getpid()}.tmp")
        aside.write_text(json.dumps(document, indent=1), encoding="utf-8")
        aside.replace(file)
        return document


def read_best(where: str, model: str, home: Path) -> dict[str, Any]:
    """Settings of `model` from a file that `tune` wrote, or from the study of that name.

    Raises `NotFound` for neither, `InvalidData` for a file of another model or with settings it does not have.
    """
    file = Path(where) if where.endswith(".json") else Studies.of(home, where).best_file(model)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        settings, owner = typed_settings(document["settings"]), document["model"]
    except FileNotFoundError as error:
        studies = sorted(one.parent.name for one in (home / FOLDER).glob(f"*/{model}.json"))
        raise NotFound(f"no tuned settings of {model!r} at {where!r}",
                       valid=f"a file that tune wrote, or a study: {', '.join(studies) or 'none has this model'}",
                       remedy=f"interlace tune --model {model} --study NAME") from error  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidData(f"{str(file)!r} holds no settings ({error!r})", valid="a file that tune wrote",
                          remedy="interlace tune") from error  # fmt: skip
    if owner != model:
        raise InvalidData(f"{str(file)!r} holds settings of {owner!r}, not of {model!r}",
                          valid=f"settings of {model!r}", remedy=f"--model {owner}")  # fmt: skip
    find(model).config(settings)
    return settings


def counted(study: Study) -> int:
    """Trials that are done: completed, pruned, or failed by themselves; not those that were interrupted."""
    return sum(_done(trial) for trial in study.get_trials(deepcopy=False))


def _done(trial: FrozenTrial) -> bool:
    return trial.state.name in ("COMPLETE", "PRUNED") or (trial.state.name == "FAIL" and ERROR in trial.user_attrs)


def this_worker() -> str:
    """Names this process so that others on this machine can tell whether it still runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_gone(worker: str) -> bool:
    """Has the process ended. One of another machine cannot be asked: it counts as running."""
    host, pid, started = worker.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(started)) > 0.5
    except psutil.NoSuchProcess:
        return True


def _requeue(study: Study) -> None:
    """Trials whose process was killed are put in line again with the settings they had. Queued first, then failed."""
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name == "RUNNING" and _is_orphan(trial):
            again(study, trial.number, trial.params)


def _is_orphan(trial: FrozenTrial) -> bool:
    """Nobody works on it. One without a worker's name is: it gets that an instant after it is made."""
    if WORKER in trial.user_attrs:
        return is_gone(trial.user_attrs[WORKER])
    return trial.datetime_start is None or time.time() - trial.datetime_start.timestamp() > _INSTANT


def again(study: Study, number: int, params: Mapping[str, Any]) -> None:
    """Ends a trial that was interrupted, and puts one with the same settings in line."""
    from optuna.trial import TrialState

    if params:
        study.enqueue_trial(dict(params))
    study.tell(number, state=TrialState.FAIL)


def _mend(journal: Path) -> None:
    """Cuts off a last line that a kill left unfinished: appended to, it would make the journal unreadable."""
    if not journal.is_file():
        return
    from optuna.storages.journal import JournalFileOpenLock
    from optuna.storages.journal._file import get_lock_file

    with get_lock_file(JournalFileOpenLock(str(journal))), journal.open("r+b") as file:
        text = file.read()
        if text and not text.endswith(b"\n"):
            file.truncate(text.rfind(b"\n") + 1)


def _pruner(name: Pruner, epochs: int) -> BasePruner:
    """`halving`: asynchronous successive halving (Li et al. 2020, MLSys): of two that reach a rung, one goes on.

    Rungs at a fifth of the epochs, twice that, and so on: earlier, a high learning rate looks better than it is.
    """
    from optuna import pruners

    if name == "none" or epochs < 2:
        return pruners.NopPruner()
    if name == "hyperband":
        return pruners.HyperbandPruner(min_resource=4, max_resource=max(8, epochs), reduction_factor=3)
    return pruners.SuccessiveHalvingPruner(min_resource=max(4, epochs // 5), reduction_factor=2)


def _differences(known: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    names = [name for name in {**known, **asked} if known.get(name) != asked.get(name)]
    return ", ".join(f"{name} {known.get(name)!r}, not {asked.get(name)!r}" for name in names)
