"""MLflow's model registry: versions of one registered model, the champion among them, and the gate it stands behind.

After training; the index is published from the champion. A version is the folder of `training.model_files` in MLflow's
artifacts; its tags say model, snapshot and split, its aliases `champion` and `challenger` which one serves.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph.errors import Conflict, NotFound
from training.gate import LATENCY, Guards, Verdict, judge
from training.model_files import load, read_card
from training.recommender import Recommender
from training.tracking import Run, Tracker

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

NAME = "interlace"
CHAMPION = "champion"
CHALLENGER = "challenger"
PROMOTED = "promoted"
"""Tag of a version that is or was champion: why it became one."""
FORCED = "forced_reason"
"""Tag of a version that was promoted against the gate: the reason that was given."""
SAW_ERASED = "saw_erased_user"
"""Tag of a version that learned from somebody who was erased later: it never serves again, nothing starts from it."""
_FORMER = "former_champions"
"""Tag of the registered model: versions that were champion before, oldest first."""


@dataclass(frozen=True)
class Version:
    """A registered model version. `metrics` are of its test part."""

    version: str
    model: str
    snapshot: str
    split: str
    run_id: str
    created: int
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def champion(self) -> bool:
        return CHAMPION in self.aliases


@dataclass(frozen=True)
class Promotion:
    """What a promotion did, and why."""

    version: str
    promoted: bool
    why: str
    before: str | None


class Registry:
    """The versions of one registered model. `guards`: what a promotion may not make worse, and by how much."""

    def __init__(self, tracker: Tracker, name: str = NAME, *, guards: Guards | None = None) -> None:
        self.tracker = tracker
        self.name = name
        self.guards = guards or Guards()
        self._client = tracker.client

    def register(
        self, run: Run, folder: Path, *, tags: Mapping[str, str] | None = None, description: str = ""
    ) -> Version:
        """Adds the model saved in `folder` (`model_files.save`) as a new version, alias `challenger`.

        The version has its `tags` from its first moment on: whoever finds it by them finds it whole.
        """
        card = read_card(folder)
        tags = {**(tags or {}), "model": card.model, "snapshot": card.snapshot, "split": card.split}
        logged = self._client.create_logged_model(
            run.experiment_id, name=card.model, source_run_id=run.id, tags=tags, model_type="recommender"
        )
        _write_mlmodel(folder, run.id, logged.model_id)
        self._client.log_model_artifacts(logged.model_id, str(folder))
        self._client.finalize_logged_model(logged.model_id, "READY")
        self._ensure()
        made = self._client.create_model_version(
            self.name,
            source=logged.artifact_location,
            run_id=run.id,
            model_id=logged.model_id,
            tags=tags | {"metrics": json.dumps(dict(card.metrics))},
            description=description or card.chosen,
        )
        self.challenge(str(made.version))
        return self.find(str(made.version))

    def challenge(self, version: str) -> None:
        """Makes a version the challenger."""
        self._client.set_registered_model_alias(self.name, CHALLENGER, version)

    def tag(self, version: str, name: str, value: str) -> None:
        """Sets a tag of a version."""
        self._client.set_model_version_tag(self.name, version, name, value)

    def tagged(self, tags: Mapping[str, str]) -> Version | None:
        """The newest version that was registered with these tags."""
        return next((one for one in self.list_models() if tags.items() <= one.tags.items()), None)

    def list_models(self) -> list[Version]:
        """Every version, newest first; empty when none was registered."""
        if self._registered() is None:
            return []
        found = self._client.search_model_versions(f"name = '{self.name}'", max_results=10_000)
        aliases = self._aliases()
        return sorted((_version(one, aliases) for one in found), key=lambda one: -int(one.version))

    def find(self, version: str) -> Version:
        """One version by number, or by alias (`champion`). Raises `NotFound` with those that exist."""
        versions = self.list_models()
        for one in versions:
            if one.version == version or version in one.aliases:
                return one
        valid = ", ".join(one.version for one in versions) or "none: no model has been registered"
        raise NotFound(f"no model version {version!r}", valid=valid, remedy="interlace models list; interlace train")

    def champion(self) -> Version | None:
        """The version that serves, None when there is none."""
        return next((one for one in self.list_models() if one.champion), None)

    def folder(self, version: Version) -> Path:
        """Local folder of a version's files, downloaded first when MLflow is elsewhere."""
        from mlflow.artifacts import download_artifacts

        uri = self._client.get_model_version_download_uri(self.name, version.version)
        return Path(download_artifacts(artifact_uri=uri, tracking_uri=self.tracker.uri))

    def load(self, version: Version) -> Recommender:
        """The fitted model of a version."""
        return load(self.folder(version))

    def promote(
        self, version: str, *, snapshot: str | None = None, reason: str = "", verdict: Verdict | None = None
    ) -> Promotion:
        """Makes a version the champion when it passes the gate, or, with a `reason`, whatever the gate says.

        `verdict`: the gate's word where it was heard before (`training.retrain`); else the gate compares it now.
        Raises `Conflict` for a model of another snapshot than `snapshot` (no reason helps: its ids mean others).
        """
        challenger = self.find(version)
        if snapshot is not None and challenger.snapshot != snapshot:
            raise _other_snapshot(challenger, snapshot)
        champion = self.champion()
        if SAW_ERASED in challenger.tags:
            raise _saw_erased(challenger)
        if champion is not None and champion.version == challenger.version:
            return Promotion(version, promoted=False, why="it is the champion already", before=version)
        verdict = verdict or self._judge(challenger, champion)
        before = None if champion is None else champion.version
        if not (verdict.better or reason):
            return Promotion(challenger.version, promoted=False, why=verdict.why, before=before)
        why = verdict.why if verdict.better else f"forced: {reason} ({verdict.why})"
        self._crown(challenger.version, before, why, forced="" if verdict.better else reason)
        return Promotion(challenger.version, promoted=True, why=why, before=before)

    def rollback(self, *, snapshot: str | None = None) -> Promotion:
        """Makes the champion before this one champion again. Raises `Conflict` when there is none.

        Or when that one learned from another snapshot than `snapshot`.
        """
        former = self._former()
        champion = self.champion()
        if not former or champion is None:
            raise Conflict("there is no earlier champion to go back to", valid="a registry with two promotions",
                           remedy="interlace models promote VERSION")  # fmt: skip
        before = self.find(former[-1])
        if snapshot is not None and before.snapshot != snapshot:
            raise _other_snapshot(before, snapshot)
        if SAW_ERASED in before.tags:
            raise _saw_erased(before)
        self._client.set_registered_model_alias(self.name, CHAMPION, before.version)
        self._client.set_registered_model_tag(self.name, _FORMER, json.dumps(former[:-1]))
        return Promotion(before.version, promoted=True, why="rolled back", before=champion.version)

    def _judge(self, challenger: Version, champion: Version | None) -> Verdict:
        if champion is None:
            return judge(self.folder(challenger), None, self.guards)
        latencies = self._latency(challenger), self._latency(champion)
        return judge(self.folder(challenger), self.folder(champion), self.guards, latencies=latencies)

    def _latency(self, version: Version) -> float | None:
        """Milliseconds a user that the run of a version measured; None where the run is gone or did not."""
        from mlflow.exceptions import MlflowException

        try:
            found: float | None = self._client.get_run(version.run_id).data.metrics.get(LATENCY)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return found

    def _crown(self, version: str, before: str | None, why: str, *, forced: str) -> None:
        """The champion's alias comes last: whoever is killed before does all of it again, to the same end."""
        if before is not None:
            self._client.set_registered_model_tag(self.name, _FORMER, json.dumps([*self._former(), before]))
        self._client.set_model_version_tag(self.name, version, PROMOTED, why)
        if forced:
            self._client.set_model_version_tag(self.name, version, FORCED, forced)
        if self._aliases().get(CHALLENGER) == version:
            self._client.delete_registered_model_alias(self.name, CHALLENGER)
        self._client.set_registered_model_alias(self.name, CHAMPION, version)

    def _former(self) -> list[str]:
        """Without the champion itself, which a promotion or a rollback that was killed may have left at the end."""
        registered = self._registered()
        found: list[str] = json.loads(registered.tags.get(_FORMER, "[]")) if registered is not None else []
        champion = self._aliases().get(CHAMPION)
        return found[:-1] if found and found[-1] == champion else found

    def _aliases(self) -> dict[str, str]:
        registered = self._registered()
        return {} if registered is None else {name: str(number) for name, number in registered.aliases.items()}

    def _registered(self) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_registered_model(self.name)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise

    def _ensure(self) -> None:
        if self._registered() is None:
            self._client.create_registered_model(self.name, description="Models that Interlace serves from")


def _version(found: ModelVersion, aliases: Mapping[str, str]) -> Version:
    mine = tuple(sorted(name for name, number in aliases.items() if number == str(found.version)))
    tags = found.tags
    return Version(
        version=str(found.version),
        model=tags.get("model", "?"),
        snapshot=tags.get("snapshot", ""),
        split=tags.get("split", ""),
        run_id=found.run_id or "",
        created=int(found.creation_timestamp or 0),
        aliases=mine,
        metrics=json.loads(tags.get("metrics", "{}")),
        tags=dict(tags),
    )


def _other_snapshot(version: Version, snapshot: str) -> Conflict:
    return Conflict(
        f"model version {version.version} was trained on snapshot {version.snapshot[:12]}, not on {snapshot[:12]}",
        valid="a version trained on the present graph",
        remedy="train again: interlace train",
    )


def _saw_erased(version: Version) -> Conflict:
    return Conflict(
        f"model version {version.version} learned from a user who was erased",
        valid="a version that learned after the erasure",
        remedy="train again: interlace refresh",
    )


def _write_mlmodel(folder: Path, run_id: str, model_id: str) -> None:
    """`MLmodel` with the signature: a pyfunc that is opened by module name, so nothing is pickled.

    The flavor is written by its documented fields: `mlflow.pyfunc` itself takes seconds to import.
    """
    from mlflow.models import Model

    model = Model(run_id=run_id, model_id=model_id, signature=signature())
    model.add_flavor("python_function", loader_module="training.pyfunc", python_version=platform.python_version())
    model.save(str(folder / "MLmodel"))
    (folder / "requirements.txt").write_text(f"interlace=={installed('interlace')}\n", encoding="utf-8")


def signature() -> ModelSignature:
    """What goes in and comes out of the model as a pyfunc."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Array, ColSpec, DataType, Schema

    history = ColSpec(Array(DataType.string), "history")
    count = ColSpec(DataType.long, "n", required=False)
    items, scores = ColSpec(Array(DataType.string), "items"), ColSpec(Array(DataType.double), "scores")
    return ModelSignature(inputs=Schema([history, count]), outputs=Schema([items, scores]))
