"""Trials of a study as MLflow runs: one parent a study and model, one child a finished trial, with its curves.

Beside `training.tune`. Written by the one process that watches the workers, from what the study holds: so nothing is
lost when a tuning is killed, and the workers need no MLflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from training.environment import environment_tags
from training.metrics import TARGET
from training.study import EPOCHS, ERROR, SECONDS
from training.tracking import Run, Tracker

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

STUDY, TRIAL, STATE = "study", "trial", "trial_state"
_ENDS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED"}


class TrialRuns:
    """The runs of one model's study. A study that goes on goes on in the run it had."""

    def __init__(self, tracker: Tracker, experiment: str, study: str, model: str) -> None:
        self._tracker = tracker
        self._client = tracker.client
        self._experiment = tracker.experiment(experiment)
        self._study = study
        self._model = model
        self._logged: set[str] = set()
        self.id = ""

    @contextmanager
    def open(self, params: Mapping[str, Any]) -> Iterator[None]:
        """The parent run, running within the block."""
        self.id = self._find() or self._make(params)
        self._client.update_run(self.id, status="RUNNING")
        self._logged = self._children()
        try:
            yield
        except BaseException:
            self._client.set_terminated(self.id, "FAILED")
            raise
        self._client.set_terminated(self.id, "FINISHED")

    def sync(self, study: Study) -> None:
        """Logs every finished trial that has no run yet."""
        for trial in study.get_trials(deepcopy=False):
            if trial.state.is_finished() and str(trial.number) not in self._logged:
                self._log(trial)
                self._logged.add(str(trial.number))

    def best(self, document: Mapping[str, Any] | None) -> None:
        """What the study found, on the parent."""
        if document is None:
            return
        run = Run(self._tracker, self.id, self._experiment)
        run.tags({"chosen": f"trial {document['trial']} of {document['trials']}: {document['settings']}"})
        run.metrics({TARGET: document["validation"]}, prefix="validation/", step=document["trials"])
        run.flush()
        run.document(document, "best.json")

    def _find(self) -> str | None:
        wanted = f"tags.study = '{self._study}' and tags.model = '{self._model}' and tags.kind = 'study'"
        found = self._client.search_runs([self._experiment], wanted, max_results=1)
        return str(found[0].info.run_id) if found else None

    def _make(self, params: Mapping[str, Any]) -> str:
        tags = {STUDY: self._study, "model": self._model, "kind": "study", **environment_tags()}
        made = self._client.create_run(self._experiment, run_name=f"tune {self._model} ({self._study})", tags=tags)
        Run(self._tracker, made.info.run_id, self._experiment).params({"model": self._model, **params})
        return str(made.info.run_id)

    def _children(self) -> set[str]:
        """Numbers of the trials that are logged; a run that a kill left half written is taken away."""
        found, token = set(), None
        while True:
            page = self._client.search_runs(
                [self._experiment], f"tags.`mlflow.parentRunId` = '{self.id}'", max_results=1000, page_token=token
            )
            for run in page:
                if run.info.status == "RUNNING":
                    self._client.delete_run(run.info.run_id)
                else:
                    found.add(run.data.tags[TRIAL])
            token = page.token
            if not token:
                return found

    def _log(self, trial: FrozenTrial) -> None:
        state = trial.state.name
        interrupted = state == "FAIL" and ERROR not in trial.user_attrs
        tags = {
            "mlflow.parentRunId": self.id,
            STUDY: self._study,
            "model": self._model,
            "kind": "trial",
            TRIAL: str(trial.number),
            STATE: "interrupted" if interrupted else state.lower(),
        }
        if ERROR in trial.user_attrs:
            tags[ERROR] = trial.user_attrs[ERROR][:500]
        begun, ended = (None if when is None else int(when.timestamp() * 1000)
                        for when in (trial.datetime_start, trial.datetime_complete))  # fmt: skip
        made = self._client.create_run(
            self._experiment, start_time=begun, run_name=f"{self._model} {trial.number}", tags=tags
        )
        run = Run(self._tracker, made.info.run_id, self._experiment)
        run.params({"model": self._model, **trial.params})
        self._log_measures(run, trial)
        self._client.set_terminated(run.id, "KILLED" if interrupted else _ENDS[state], end_time=ended)

    def _log_measures(self, run: Run, trial: FrozenTrial) -> None:
        for name, points in trial.user_attrs.get(EPOCHS, {}).items():
            for step, value in points:
                run.metrics({name: value}, step=step, prefix="epoch/")
        if trial.value is not None:
            run.metrics({TARGET: trial.value}, prefix="validation/")
        if SECONDS in trial.user_attrs:
            run.metrics({"seconds/fit": trial.user_attrs[SECONDS]})
        run.flush()
