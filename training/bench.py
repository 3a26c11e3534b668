"""`interlace bench`: one task on one data set, measured by the rules of the dataset folder, as one JSON object.

The whole flow without a store: folder -> snapshot -> split -> fit on train -> choose on validation -> one look at test.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from graph.snapshot import EmbeddingTable, Snapshot
from graph.snapshot_read import FolderData, read_folder
from training.ablation import ablate
from training.appeal import appeal
from training.auto import BUDGET, Chosen, Progress, choose, fit_auto
from training.blend import Blend, BlendConfig, MemberConfig, told_by
from training.data import TrainingData
from training.evaluate import Evaluation, on_test
from training.leaks import Leak, as_dicts, find_leaks, order_of
from training.pairs import auc, label_scores, user_auc
from training.plan import check_team
from training.prepare import Prepared
from training.recommender import Recommender
from training.refit import refit as refitted
from training.report import full_report
from training.scale.runtime import ONE, Scale
from training.significance import Comparison, family, paired_test
from training.tasks import Task, TaskData, find_task, task_data
from training.zoo import ZOO, find

Embed = Callable[[Snapshot, Path], Mapping[str, EmbeddingTable]]


@dataclass(frozen=True)
class BenchResult:
    """What `bench --json` prints: see the dataset folder's rules of measurement.

    `report`: what is beside accuracy (`training.report`). `without`, where a task measures a kind of side information:
    the same without it, and the paired `difference` in `measure` that it makes. `comparisons`: with popularity, with
    that and, for newcomers among items, with `appeal` (`training.appeal`), as one family (Holm-corrected). `leaks`:
    what gives the test part away (`training.leaks`). `feedback`: by model, what kinds and values of interactions were
    learned to count (`training.feedback`).
    """

    task: str
    model: str
    metrics: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    chosen: str
    seconds: Mapping[str, float]
    peak_mb: int
    users: int
    items: int
    split: str
    refit: bool
    validation: float
    beats_popularity: Mapping[str, float]
    tried: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    brings: Mapping[str, Any] = field(default_factory=dict)
    without: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    comparisons: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    leaks: Sequence[Mapping[str, Any]] = ()
    feedback: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Fitted:
    recommender: Recommender
    config: Any
    chosen: str
    validation: float
    tried: tuple[Mapping[str, Any], ...]
    brings: Mapping[str, Any]


def bench(  # noqa: PLR0913 - each is an option of the command
    task: str,
    path: Path,
    *,
    model: str = "auto",
    min_value: float | None = None,
    refit: bool = False,
    budget: float | None = BUDGET,
    seed: int = 42,
    overrides: Mapping[str, Any] | None = None,
    embed: Embed | None = None,
    ablation: bool = False,
    progress: Progress = lambda _text: None,
    scale: Scale = ONE,
) -> BenchResult:
    """Measures `model` on `path`. `embed` adds item embeddings (encoders are not this package's to call).

    `ablation`: what the graph, friends and each modality bring to `auto`'s blend, or to the model named, is measured
    too, on validation.

    Errors: `Unsupported` for a task this version does not measure, `InvalidData` for data that cannot be split.
    """
    asked = find_task(task)
    if model != "auto":
        find(model)
    check_team(model, scale)
    started = time.perf_counter()
    folder = _read(path, embed, progress)
    parts = task_data(asked, folder, min_value=min_value, seed=seed)
    plan = _Plan(asked, parts, model, overrides, budget, refit or asked.cold, seed, progress, ablation, scale)
    return _measured(plan, folder.snapshot, time.perf_counter() - started)


@dataclass(frozen=True)
class _Plan:
    """What was asked for, and the data it is asked of."""

    task: Task
    parts: TaskData
    model: str
    overrides: Mapping[str, Any] | None
    budget: float | None
    refit: bool
    seed: int
    progress: Progress
    ablation: bool = False
    scale: Scale = ONE

    @property
    def measure(self) -> str:
        """What comparisons are made in."""
        return "gauc" if self.parts.labelled else "ndcg@10"


def _measured(plan: _Plan, snapshot: Snapshot, read: float) -> BenchResult:
    """Looks for leaks, fits, and looks at test; `read`: seconds that reading took."""
    parts = plan.parts
    leaks = _leaks(plan, snapshot)
    started, cpu = time.perf_counter(), time.process_time()
    fitted = _fitted(plan, parts.prepared)
    fit, fit_cpu = time.perf_counter(), time.process_time() - cpu
    evaluation = _on_test(plan, fitted.recommender, parts.prepared)
    evaluation = replace(evaluation, cost={"fit_cpu_s": fit_cpu, **evaluation.cost})
    baseline = _on_test(plan, find("popularity").build().fit(parts.prepared.data), parts.prepared)
    seconds = {"read": read, "fit": fit - started, "evaluate": time.perf_counter() - fit}
    expected = _appeal(plan)
    beats = {"popularity": _compared(plan, evaluation, baseline)}
    beats |= {name: _compared(plan, evaluation, one) for name, one in expected.items()}
    without = _without(plan, evaluation)
    return BenchResult(
        task=plan.task.name,
        model=plan.model,
        metrics=evaluation.metrics,
        baselines={"popularity": baseline.metrics, **{name: one.metrics for name, one in expected.items()}},
        chosen=fitted.chosen,
        feedback=told_by(fitted.recommender),
        seconds=seconds,
        peak_mb=peak_mb(),
        users=len(snapshot.users),
        items=len(snapshot.items),
        split=parts.split,
        refit=plan.refit,
        validation=fitted.validation,
        beats_popularity=asdict(beats["popularity"]),
        tried=fitted.tried,
        brings=fitted.brings,
        without=without,
        report=full_report(evaluation, parts.prepared, snapshot),
        comparisons=_family(beats, without),
        leaks=as_dicts(leaks),
    )


def _leaks(plan: _Plan, snapshot: Snapshot) -> tuple[Leak, ...]:
    found = find_leaks(snapshot, plan.parts.prepared, order=order_of(plan.task.how))
    for leak in found:
        plan.progress(leak.text)
    return found


def _fitted(plan: _Plan, prepared: Prepared) -> _Fitted:
    fitted = _fit(plan, prepared.data)
    if not plan.refit:
        return fitted
    plan.progress("refitting on train and validation")
    again = refitted(fitted.recommender, fitted.config, prepared.everything, scale=plan.scale)
    return replace(fitted, recommender=again)


def _on_test(plan: _Plan, recommender: Recommender, prepared: Prepared) -> Evaluation:
    """The one look at test; labelled pairs give their areas under the curve besides."""
    plan.progress(f"measuring {recommender.name} on test")
    evaluation = on_test(recommender, prepared, ks=plan.task.ks)
    if not plan.parts.labelled:
        return evaluation
    scores, labels = label_scores(recommender, prepared.test)
    by_user = user_auc(scores, labels, prepared.test)
    return replace(
        evaluation,
        metrics={"auc": auc(scores, labels), "gauc": float(by_user.mean()), **evaluation.metrics},
        per_user={"gauc": by_user, **evaluation.per_user},
    )


def _compared(plan: _Plan, challenger: Evaluation, champion: Evaluation) -> Comparison:
    return paired_test(challenger.per_user[plan.measure], champion.per_user[plan.measure], seed=plan.seed)


def _appeal(plan: _Plan) -> dict[str, Evaluation]:
    """The popularity-like baseline of newcomers, who have no popularity."""
    if not plan.task.cold:
        return {}
    plan.progress("appeal: popularity as content tells it")
    found = appeal(plan.parts.prepared)
    return {} if found is None else {"appeal": on_test(found, plan.parts.prepared, ks=plan.task.ks)}


def _family(beats: Mapping[str, Comparison], without: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    found = dict(beats)
    if "difference" in without:
        found[f"without {without['part']}"] = Comparison(**without["difference"])
    return {name: asdict(one) for name, one in family(found).items()}


def _without(plan: _Plan, whole: Evaluation) -> dict[str, Any]:
    """The same task without the side information whose worth it measures."""
    part = plan.task.without
    if not part:
        return {}
    prepared = plan.parts.prepared
    data = replace(prepared.data, side=prepared.data.side.without(part))
    if plan.model != "auto" and not find(plan.model).fits(data):
        return {"part": part, "why": f"{plan.model} cannot be fitted without it"}
    plan.progress(f"the same without {part}")
    everything = replace(prepared.everything, side=prepared.everything.side.without(part))
    less = replace(prepared, data=data, everything=everything)
    fitted = _fitted(plan, less)
    evaluation = _on_test(plan, fitted.recommender, less)
    return {
        "part": part,
        "metrics": evaluation.metrics,
        "chosen": fitted.chosen,
        "validation": fitted.validation,
        "measure": plan.measure,
        "difference": asdict(_compared(plan, whole, evaluation)),
    }


def _read(path: Path, embed: Embed | None, progress: Progress) -> FolderData:
    progress(f"reading {path}")
    folder = read_folder(path)
    if embed is None:
        return folder
    progress("encoding text and images")
    return replace(folder, snapshot=folder.snapshot.with_embeddings(embed(folder.snapshot, path)))


def _fit(plan: _Plan, data: TrainingData) -> _Fitted:
    model = plan.model
    if model == "auto":
        auto = fit_auto(
            data,
            names=_names(plan),
            budget=plan.budget,
            progress=plan.progress,
            ablation=plan.ablation,
            precision=plan.scale.precision,
        )
        tried = tuple(asdict(one) for one in auto.tried)
        return _Fitted(auto.recommender, None, auto.text, auto.validation, tried, auto.brings)
    plan.progress(f"fitting {model}")
    chosen = choose(find(model), data, overrides=plan.overrides, scale=plan.scale)
    text = f"{model} {dict(chosen.best.settings)}, best of {len(chosen.tried)} by validation ndcg@10"
    tried = tuple(asdict(one) for one in chosen.tried)
    brings = _parts(plan, chosen, data) if plan.ablation else {}
    return _Fitted(chosen.recommender, chosen.config, text, chosen.best.validation, tried, brings)


def _parts(plan: _Plan, chosen: Chosen, data: TrainingData) -> dict[str, dict[str, float]]:
    """What each part brings to one model: to a blend of it alone."""
    assert data.validation is not None  # the settings were chosen by it
    member = MemberConfig(chosen.best.name, 1.0, asdict(chosen.config))
    whole = Blend(BlendConfig((member,)), [chosen.recommender])
    return ablate(whole, data, data.validation, progress=plan.progress)


def _names(plan: _Plan) -> list[str] | None:
    """Models that know nothing of a newcomer are not tried on newcomers."""
    return [name for name, model in ZOO.items() if model.reads_content] if plan.task.cold else None


def peak_mb() -> int:
    """This process's high-water mark of resident memory, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1024 * 1024 if sys.platform == "darwin" else 1024))
