"""What a training is asked to do, and what it says it did: the nouns of `training.train`, and what they may hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from graph.errors import InvalidData, Unsupported
from graph.snapshot import Snapshot
from training.auto import BUDGET
from training.data import TrainingData
from training.fitted import Children, Clock, Fitted, Measured, Watch
from training.gate import Verdict
from training.model_files import ModelCard
from training.prepare import Prepared
from training.registry import Promotion, Registry, Version
from training.scale.runtime import ONE, Scale
from training.split import How
from training.zoo import ZOO, find

AUTO = "auto"
VERDICT = "verdict"
"""Tag of a version that passed the gate before it was registered: why it did."""


@dataclass(frozen=True)
class Plan:
    """What to train and how to measure it. `names` limits what `auto` tries; `budget`: seconds for its fits.

    `tags` go on the runs and on the version: by them a refresh that was killed finds what it had made. `plots` draws
    and `system_metrics` samples the machine while it trains, both into MLflow. `scale`: processes, bits, checkpoints.
    """

    model: str = AUTO
    overrides: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    how: How = "random"
    min_value: float | None = None
    seed: int = 42
    budget: float | None = BUDGET
    refit: bool = True
    plots: bool = False
    system_metrics: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    scale: Scale = ONE

    @property
    def split_text(self) -> str:
        """The split as one line: models are compared only when theirs are equal."""
        least = "every value" if self.min_value is None else f"values from {self.min_value:g}"
        return f"{self.how}, {least}, seed {self.seed}"


@dataclass(frozen=True)
class TrainReport:
    """What `train` did. `models`: test metrics of every model fitted; `metrics`: of the one that was registered.

    `comparisons`: that one against each of them, user by user, Holm-corrected. `leaks`: see `training.leaks`.
    `feedback`: by model, what kinds and values of interactions were learned to count.
    """

    model: str
    version: str
    snapshot: str
    split: str
    chosen: str
    validation: float
    metrics: Mapping[str, float]
    popularity: Mapping[str, float]
    beats_popularity: Mapping[str, float]
    models: Mapping[str, Mapping[str, float]]
    brings: Mapping[str, Any]
    origin: Mapping[str, Any]
    promoted: bool
    why: str
    run_id: str
    experiment: str
    seconds: Mapping[str, float]
    comparisons: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    leaks: Sequence[Mapping[str, Any]] = ()
    feedback: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Job:
    """One training: data, plan, and where it is logged."""

    snapshot: Snapshot
    content_hash: str
    registry: Registry
    plan: Plan
    dataset: str
    watch: Watch

    @property
    def about(self) -> dict[str, str]:
        """What its measures are of: only what has the same can be compared."""
        return {"snapshot": self.content_hash, "split": self.plan.split_text}


@dataclass(frozen=True)
class Decided:
    """What is to be registered. `verdict`: the gate's, where it was heard. `origin`: where its recipe is from."""

    fitted: Fitted
    measured: Measured
    verdict: Verdict | None
    origin: Mapping[str, Any]


Decide = Callable[[Prepared, Children, Clock], Decided]


def check(plan: Plan) -> None:
    """Raises for a model, or a setting of it, that does not exist: before any data is read."""
    check_team(plan.model, plan.scale)
    if plan.model != AUTO:
        find(plan.model).config(plan.overrides)
        return
    for name in plan.names:
        find(name)
    if plan.overrides:
        raise InvalidData(
            f"`auto` has no settings of its own, but {', '.join(plan.overrides)} was set",
            valid="--set together with --model NAME",
            remedy=f"name the model that the setting belongs to: {', '.join(ZOO)}",
        )


def check_team(model: str, scale: Scale) -> None:
    """Raises `Unsupported` for several processes where one model alone would not use them."""
    if scale.processes > 1 and (model == AUTO or not find(model).slow):
        raise Unsupported(
            f"{model!r} is not trained by {scale.processes} processes",
            valid=f"a network: {', '.join(name for name, one in ZOO.items() if one.slow)}",
            remedy="name one of these with --model, or leave the others out",
        )


def check_needs(plan: Plan, data: TrainingData) -> None:
    """Raises `Unsupported` when the data has not what the model learns from."""
    if plan.model != AUTO and not find(plan.model).fits(data):
        needs = " and ".join(find(plan.model).needs)
        raise Unsupported(
            f"model {plan.model!r} needs {needs}, which this snapshot does not have",
            valid=", ".join(name for name, model in ZOO.items() if model.fits(data)),
            remedy="interlace encode, or ingest triples; or choose another model",
        )


def report_of(
    card: ModelCard, version: Version, promotion: Promotion, *, dataset: str, laps: Mapping[str, float]
) -> TrainReport:
    """What a training did, from what the registry holds of it."""
    return TrainReport(
        model=card.model,
        version=version.version,
        snapshot=card.snapshot,
        split=card.split,
        chosen=card.chosen,
        validation=card.validation or 0.0,
        metrics=card.metrics,
        popularity=card.popularity,
        beats_popularity=card.beats_popularity,
        models=card.models,
        brings=card.brings,
        origin=card.origin,
        promoted=promotion.promoted,
        why=promotion.why,
        run_id=version.run_id,
        experiment=dataset,
        seconds=dict(laps),
        comparisons=card.comparisons,
        leaks=card.leaks,
        feedback=card.feedback,
    )
