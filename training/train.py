"""One training from snapshot to registered model: split, fit by validation, one look at test, MLflow, the gate.

Third arrow of the flow: the command line, the demo and the refresh call `train`; `serving.publish` takes it from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

from graph.snapshot import Snapshot
from training.artifacts import curves_of, log_per_user, log_plots, log_report
from training.auto import choose, fit_auto
from training.blend import told_by
from training.cards import FILE as CARD_FILE
from training.cards import description, model_card
from training.environment import environment, sizes
from training.evaluate import Evaluation
from training.fitted import (
    POPULARITY,
    Children,
    Clock,
    Fitted,
    Measured,
    Watch,
    everything,
    log_fit,
    measure,
    of_auto,
    register,
)
from training.gate import guarded
from training.leaks import as_dicts, find_leaks, order_of
from training.metrics import TARGET
from training.model_files import ModelCard, settings_of
from training.plan import (
    AUTO,
    VERDICT,
    Decide,
    Decided,
    Job,
    Plan,
    TrainReport,
    check,
    check_needs,
    report_of,
)
from training.prepare import Prepared, prepare
from training.privacy.guarantee import guarantee_of, log_guarantee
from training.privacy.spent import log_spent, spent, tags_of
from training.recommender import Monitor, Recommender
from training.refit import refit
from training.registry import Promotion, Registry, Version
from training.report import full_report
from training.sessions import held_sessions, learn_sessions
from training.split import Split, split_of
from training.tracking import Run
from training.zoo import find

__all__ = ["Job", "Plan", "TrainReport", "Watch", "check", "everything", "train"]


def train(
    snapshot: Snapshot, content_hash: str, registry: Registry, plan: Plan, *, dataset: str, watch: Watch | None = None
) -> TrainReport:
    """Trains by `plan`, logs to the MLflow experiment `dataset`, registers the model and asks the gate for promotion.

    Errors: `NotFound` for an unknown model, `InvalidData` for a setting it has not or data that cannot be split,
    `Unsupported` when the data lacks what the model needs.
    """
    job = Job(snapshot, content_hash, registry, plan, dataset, watch or Watch())

    def decide(prepared: Prepared, runs: Children, clock: Clock) -> Decided:
        fitted, measured = fit_and_measure(job, prepared, runs, clock)
        return Decided(fitted, measured, None, chosen_on(snapshot))

    return carry_out(job, decide)


def carry_out(job: Job, decide: Decide) -> TrainReport:
    """Splits, lets `decide` fit and measure, refits on everything, registers and promotes."""
    plan, snapshot, registry = job.plan, job.snapshot, job.registry
    check(plan)
    clock = Clock()
    split = split_of(snapshot, how=plan.how, min_value=plan.min_value, seed=plan.seed)
    prepared = prepare(snapshot, split, seed=plan.seed)
    check_needs(plan, prepared.data)
    clock.lap("split")
    tags = {"model": plan.model, **plan.tags}
    with registry.tracker.run(job.dataset, plan.model, tags) as run, ExitStack() as children:
        if plan.system_metrics:
            children.enter_context(run.system_metrics())
        _describe(run, job)
        leaks = _leaks(run, job, prepared)
        runs = Children(run, children, plan.tags)
        decided = decide(prepared, runs, clock)
        report = full_report(decided.measured.evaluation, prepared, snapshot)
        card = card_of(job, decided, guards=guarded(decided.measured.evaluation, report), leaks=leaks)
        card = replace(card, sessions=_sessions(job, decided, prepared, split))
        run.tags({"chosen": card.chosen})
        log_guarantee(run, card.privacy)
        if card.privacy:
            log_spent(run, spent(registry.list_models(), card.privacy))
        _record(run, job, decided.measured.evaluation, report)
        clock.lap("evaluate")
        final = _refitted(job, decided.fitted)
        clock.lap("refit")
        job.watch.say("registering")
        version = _register(run, job, decided, final, card, _card_text(run, job, decided, card, report))
        promotion = registry.promote(version.version, snapshot=job.content_hash, verdict=decided.verdict)
        conclude(run, promotion)
        clock.lap("register")
        run.metrics(clock.laps, prefix="seconds/")
        if plan.plots:
            _draw(job, runs, decided, prepared, report)
    return report_of(card, version, promotion, dataset=job.dataset, laps=clock.laps)


def _sessions(job: Job, decided: Decided, prepared: Prepared, split: Split) -> Mapping[str, Any]:
    """How sessions are scored, by validation; nothing of a private model, which counts beside it would undo."""
    if guarantee_of(decided.fitted.recommender):
        return {}
    job.watch.say("weighing what says how a session goes on")
    held_out = held_sessions(split.train, split.validation, prepared.data.num_items, seed=job.plan.seed)
    learned = learn_sessions(decided.fitted.recommender, prepared.data, held_out, seed=job.plan.seed)
    return {} if learned is None else learned.json()


def fit_and_measure(job: Job, prepared: Prepared, runs: Children, clock: Clock) -> tuple[Fitted, Measured]:
    """Chooses a model by validation, then looks at test once."""
    fitted = _fit(job.plan, prepared, job.watch, runs)
    clock.lap("fit")
    return fitted, measured_and_logged(job, fitted, prepared, runs, clock)


def measured_and_logged(job: Job, fitted: Fitted, prepared: Prepared, runs: Children, clock: Clock) -> Measured:
    """The look at test, and all of it into MLflow."""
    job.watch.say("measuring on test")
    measured = measure(fitted, prepared)
    log_fit(runs.parent, runs, fitted, measured, job.about)
    clock.lap("evaluate")
    return measured


def chosen_on(snapshot: Snapshot) -> dict[str, Any]:
    """The origin of a recipe that was chosen on this snapshot."""
    return {"how": "chosen", "interactions": len(snapshot.interactions), "carried": 0}


def conclude(run: Run, promotion: Promotion) -> None:
    """What became of the run's version."""
    run.tags({"version": promotion.version, "promoted": str(promotion.promoted).lower(), "gate": promotion.why})


def _describe(run: Run, job: Job) -> None:
    plan = job.plan
    least = "" if plan.min_value is None else plan.min_value
    names = ",".join(plan.names) or "all that the data allows"
    run.params(
        {
            "model": plan.model,
            **({"names": names} if plan.model == AUTO else {}),
            "split": plan.how,
            "min_value": least,
            "seed": plan.seed,
            "refit": plan.refit,
            "precision": plan.scale.precision or "by device",
            "processes": plan.scale.processes,
            "pieces": plan.scale.batch_pieces,
        }
    )
    run.dataset(job.snapshot, job.content_hash, name=job.dataset)
    run.tags(job.about)
    run.document(environment(), "environment.json")


def _leaks(run: Run, job: Job, prepared: Prepared) -> list[dict[str, Any]]:
    """Looks for what gives the test part away; said aloud, and kept with the run."""
    found = find_leaks(job.snapshot, prepared, order=order_of(job.plan.how))
    for leak in found:
        job.watch.say(leak.text)
    run.document(as_dicts(found), "leaks.json")
    run.metrics({"leaks": len(found)})
    return as_dicts(found)


def _record(run: Run, job: Job, evaluation: Evaluation, report: Mapping[str, Any]) -> None:
    """Per-user measures and the report, into MLflow."""
    log_per_user(run, evaluation, job.about)
    log_report(run, report)


def _draw(job: Job, runs: Children, decided: Decided, prepared: Prepared, report: Mapping[str, Any]) -> None:
    """Plots of the run: last of all, so that nothing depends on them."""
    measured, recommender = decided.measured, decided.fitted.recommender
    job.watch.say("drawing")
    reports = {recommender.name: report, POPULARITY: full_report(measured.popularity, prepared, job.snapshot)}
    log_plots(
        runs.parent,
        curves_of(runs.runs),
        reports,
        evaluation=measured.evaluation,
        prepared=prepared,
        snapshot=job.snapshot,
        recommender=recommender,
    )


def _card_text(run: Run, job: Job, decided: Decided, card: ModelCard, report: Mapping[str, Any]) -> str:
    """The model card in words, kept with the run; what the registry keeps of it."""
    measured = decided.measured
    text = model_card(card, report, evaluation=measured.evaluation, popularity=measured.popularity,
                      dataset=job.dataset, sizes=sizes(job.snapshot))  # fmt: skip
    run.text(text, CARD_FILE)
    return description(text)


def card_of(
    job: Job, decided: Decided, *, guards: Mapping[str, float], leaks: Sequence[Mapping[str, Any]] = ()
) -> ModelCard:
    """What the registry will say of the model."""
    fitted, measured = decided.fitted, decided.measured
    return ModelCard(
        model=fitted.recommender.name,
        settings=settings_of(fitted.recommender, fitted.config),
        snapshot=job.content_hash,
        split=job.plan.split_text,
        min_value=job.plan.min_value,
        chosen=fitted.chosen,
        metrics=measured.evaluation.metrics,
        validation=fitted.validation,
        popularity=measured.popularity.metrics,
        beats_popularity=asdict(measured.beats_popularity),
        models={name: evaluation.metrics for name, evaluation in measured.models.items()},
        brings=fitted.brings,
        refitted=job.plan.refit,
        origin=decided.origin,
        comparisons={name: asdict(one) for name, one in measured.compared(fitted.recommender.name).items()},
        guards=guards,
        leaks=leaks,
        feedback=told_by(fitted.recommender),
        privacy=guarantee_of(fitted.recommender),
    )


def _refitted(job: Job, fitted: Fitted) -> Recommender:
    """Fitted on every positive interaction, the test's too: it has said what it had to say."""
    plan = job.plan
    if not plan.refit:
        return fitted.recommender
    job.watch.say("refitting on everything")
    data = everything(job.snapshot, plan.min_value, plan.seed)
    return refit(fitted.recommender, fitted.config, data, job.watch.monitor, starts=fitted.starts, scale=plan.scale)


def _register(run: Run, job: Job, decided: Decided, final: Recommender, card: ModelCard, text: str) -> Version:
    verdict = {} if decided.verdict is None else {VERDICT: decided.verdict.why}
    return register(
        run,
        job.registry,
        final,
        card,
        items=job.snapshot.items.ids,
        measured=decided.fitted.recommender,
        evaluation=decided.measured.evaluation,
        tags={**job.plan.tags, **verdict, **tags_of(card.privacy)},
        description=text,
    )


def _fit(plan: Plan, prepared: Prepared, watch: Watch, runs: Children) -> Fitted:
    def monitor(name: str) -> Monitor:
        return runs.monitor(name, watch.monitor(name))

    if plan.model == AUTO:
        auto = fit_auto(
            prepared.data,
            names=plan.names or None,
            budget=plan.budget,
            monitors=monitor,
            progress=watch.say,
            precision=plan.scale.precision,
        )
        return of_auto(auto)
    watch.say(f"{plan.model}: fitting")
    chosen = choose(
        find(plan.model), prepared.data, overrides=plan.overrides, monitor=monitor(plan.model), scale=plan.scale
    )
    text = f"{plan.model}, best of {len(chosen.tried)} settings by validation {TARGET} {chosen.best.validation:.4f}"
    return Fitted(chosen.recommender, chosen.config, text, chosen.best.validation, (chosen,), {})
