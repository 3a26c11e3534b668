"""Training again on a graph that went on: the champion's recipe carried over, or, when it is time, models chosen anew.

Between snapshot and registry, called by the refresh. A recipe is a choice: models, settings, blend weights. Carrying it
over fits it anew, without a grid. What the gate may compare: only what was fitted on one train part and measured on one
test part (`stable` split: a pair of user and item keeps its part from snapshot to snapshot, so nothing that is measured
has been seen). The champion as it serves was fitted on everything and is never measured again. See
docs/decisions/0005-refresh-gate.md for why this is fair.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from graph.snapshot import Snapshot
from training.auto import Chosen, Tried
from training.blend import NAME as BLEND
from training.blend import Blend, BlendConfig, MemberConfig, labels
from training.evaluate import evaluate
from training.fitted import POPULARITY, Children, Clock, Fitted, Measured
from training.gate import Verdict
from training.metrics import TARGET
from training.model_files import ModelCard, read_card, read_items, read_tested, typed_settings
from training.plan import VERDICT, Decided, Job, TrainReport, report_of
from training.prepare import Prepared
from training.recommender import Monitor
from training.registry import CHALLENGER, PROMOTED, Promotion, Registry, Version
from training.scale.fit import fit
from training.scale.runtime import ONE, Scale
from training.significance import paired_test
from training.tracking import Run
from training.train import carry_out, chosen_on, conclude, fit_and_measure, measured_and_logged
from training.warm import Start, places
from training.warm_files import FINAL, MEASURED, load_weights
from training.zoo import find

CARRIED = "carried "


@dataclass(frozen=True)
class Carried:
    """The champion to carry over: its version, its saved folder, and the ids of the users it was measured on."""

    version: str
    folder: Path
    users: Sequence[str] = ()

    @property
    def card(self) -> ModelCard:
        return read_card(self.folder)


def retrain(job: Job, carried: Carried | None, *, choose: str = "") -> TrainReport:
    """Fits, measures, registers and promotes by the rules below. `choose`: why models are chosen anew, empty for no.

    Carried over: promoted when it beats popularity and has not fallen significantly below what was recorded of it (over
    the users of both test parts); if it does not, models are chosen anew. Newly chosen: takes the carried recipe's
    place only when it is significantly better on the same train and test parts. Where popularity is no worse than
    either, popularity serves.
    """

    def decide(prepared: Prepared, runs: Children, clock: Clock) -> Decided:
        return _Contest(job, carried, prepared, runs, clock).decide(choose)

    return carry_out(job, decide)


def why_choose(champion: ModelCard | None, snapshot: Snapshot, *, every: int, growth: float) -> str:
    """Why models should be chosen anew rather than the champion carried over; empty when they need not be.

    `every`: number of refreshes that share a choice, 0 for any number; `growth`: share of new interactions.
    """
    if champion is None:
        return "there is no champion yet"
    origin, now = champion.origin, len(snapshot.interactions)
    before = int(origin.get("interactions", now))
    if every and int(origin.get("carried", 0)) + 1 >= every:
        return f"{every} refreshes since models were chosen"
    if now > before * (1 + growth):
        return f"{now:,} interactions where there were {before:,} when models were chosen"
    return ""


def resume(registry: Registry, version: Version, *, dataset: str) -> TrainReport:
    """Ends a training that was killed after its model was registered, as it would have ended.

    Done twice, it changes nothing the second time.
    """
    if not version.champion:
        if CHALLENGER not in version.aliases:
            registry.challenge(version.version)
        verdict = Verdict(better=True, why=version.tags[VERDICT]) if VERDICT in version.tags else None
        registry.promote(version.version, snapshot=version.snapshot, verdict=verdict)
    report = reported(registry, registry.find(version.version), dataset=dataset)
    conclude(Run(registry.tracker, version.run_id, ""), Promotion(version.version, report.promoted, report.why, None))
    registry.tracker.client.set_terminated(version.run_id, "FINISHED")
    return report


def reported(registry: Registry, version: Version, *, dataset: str) -> TrainReport:
    """What the training of a registered version did, from what is kept of it."""
    why = version.tags.get(PROMOTED, "")
    promotion = Promotion(version.version, promoted=version.champion, why=why, before=None)
    return report_of(read_card(registry.folder(version)), version, promotion, dataset=dataset, laps={})


class _Contest:
    """One decision: what was fitted on the way is measured on one test part, each once."""

    def __init__(self, job: Job, carried: Carried | None, prepared: Prepared, runs: Children, clock: Clock) -> None:
        self._job = job
        self._carried = carried
        self._prepared = prepared
        self._runs = runs
        self._clock = clock

    def decide(self, choose: str) -> Decided:
        """By the rules of `retrain`."""
        mine = self._carry()
        fallen = "" if mine is None else self._fallen(mine[1])
        if mine is not None and not (choose or fallen):
            return self._or_popularity(*mine, self._passed(mine[1]), self._carried_on())
        fitted, measured = fit_and_measure(self._job, self._prepared, self._runs, self._clock)
        origin = {**chosen_on(self._job.snapshot), "because": choose or fallen}
        if mine is None:
            return self._or_popularity(fitted, measured, f"chosen: {choose}", origin)
        found = paired_test(measured.evaluation.per_user[TARGET], mine[1].evaluation.per_user[TARGET])
        text = f"{TARGET} {found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}], p = {found.p_value:.4f}"
        if found.better:
            why = f"chosen ({choose or fallen}): significantly better than the recipe carried over: {text}"
            return self._or_popularity(fitted, measured, why, origin)
        why = f"carried over: what was chosen anew ({choose or fallen}) is not significantly better: {text}"
        return self._or_popularity(*mine, why, {**origin, "how": "carried"})

    def _carry(self) -> tuple[Fitted, Measured] | None:
        if self._carried is None:
            return None
        fitted = carry_over(self._carried, self._job, self._prepared, self._monitor)
        self._clock.lap("fit")
        if fitted is None:
            return None
        return fitted, measured_and_logged(self._job, fitted, self._prepared, self._runs, self._clock)

    def _monitor(self, name: str) -> Monitor:
        return self._runs.monitor(CARRIED + name, self._job.watch.monitor(name))

    def _fallen(self, measured: Measured) -> str:
        """Why the recipe is no longer trusted; empty when it is."""
        mine, popular = measured.evaluation.metrics[TARGET], measured.popularity.metrics[TARGET]
        if mine <= popular:
            return f"the recipe no longer beats popularity: {TARGET} {mine:.4f}, {popular:.4f}"
        found = self._against_recorded(measured)
        if found is not None and found[0] < 0 and found[1] < 0.05:
            return f"the recipe fell by {-found[0]:.4f} {TARGET}, p = {found[1]:.4f}"
        return ""

    def _against_recorded(self, measured: Measured) -> tuple[float, float] | None:
        """Mean change and p over the users of both test parts; None where the recorded one was split otherwise."""
        assert self._carried is not None
        tested, ids = read_tested(self._carried.folder), self._carried.users
        if tested is None or not ids or self._carried.card.split != self._job.plan.split_text:
            return None
        positions = self._job.snapshot.users.positions
        before = {positions.get(ids[user]): place for place, user in enumerate(tested.users)}
        rows = [(row, before[user]) for row, user in enumerate(measured.evaluation.users.tolist()) if user in before]
        if not rows:
            return None
        now, then = np.array(rows).T
        found = paired_test(measured.evaluation.per_user[TARGET][now], tested.measures[TARGET][then])
        return found.difference, found.p_value

    def _passed(self, measured: Measured) -> str:
        mine, popular = measured.evaluation.metrics[TARGET], measured.popularity.metrics[TARGET]
        found = self._against_recorded(measured)
        text = "" if found is None else f", {found[0]:+.4f} since it was last measured (p = {found[1]:.4f})"
        return f"carried over: better than popularity ({TARGET} {mine:.4f}, {popular:.4f}){text}"

    def _carried_on(self) -> dict[str, Any]:
        assert self._carried is not None
        before = self._carried.card.origin
        chosen = before.get("interactions", len(self._job.snapshot.interactions))
        return {"how": "carried", "interactions": chosen, "carried": int(before.get("carried", 0)) + 1}

    def _or_popularity(self, fitted: Fitted, measured: Measured, why: str, origin: dict[str, Any]) -> Decided:
        mine, popular = measured.evaluation.metrics[TARGET], measured.popularity.metrics[TARGET]
        if mine > popular or fitted.recommender.name == POPULARITY:
            return Decided(fitted, measured, Verdict(better=True, why=why), origin)
        text = f"nothing beats popularity on this data: {TARGET} {mine:.4f}, {popular:.4f}"
        model = find(POPULARITY)
        config = model.config()
        chosen = _chosen(POPULARITY, config, self._prepared, lambda _name: self._job.watch.monitor(POPULARITY))
        plain = Fitted(chosen.recommender, config, text, chosen.best.validation, (chosen,), {})
        seen = Measured(measured.popularity, measured.popularity, {POPULARITY: measured.popularity})
        return Decided(plain, seen, Verdict(better=True, why=text), {**origin, "how": "popularity"})


def carry_over(carried: Carried, job: Job, prepared: Prepared, monitor: Callable[[str], Monitor]) -> Fitted | None:
    """The champion's recipe fitted on the train part, its weights kept; None when the data has what no member needs.

    Networks start from the champion's: for what is measured, from weights that were fitted on a train part of the same
    stable split; for what serves, from those that serve.
    """
    members = _members(carried.card)
    there = [one for one in members if find(one.name).fits(prepared.data)]
    if not there:
        return None
    clean = job.plan.how == "stable" and carried.card.split == job.plan.split_text
    final = _starts(carried, job.snapshot, FINAL) if clean else {}
    starts = {name: one for name, one in _starts(carried, job.snapshot, MEASURED).items() if name in final}
    chosen = []
    for label, member in zip(labels(one.name for one in there), there, strict=True):
        job.watch.say(f"{label}: fitting as version {carried.version} was")
        config = find(member.name).config(typed_settings(member.settings))
        start = starts.get(label)
        chosen.append(_chosen(member.name, config, prepared, monitor, start=start, scale=job.plan.scale))
    if carried.card.model != BLEND:
        only = chosen[0]
        text = _text(carried.version, only.best.name, only.best.validation)
        return Fitted(only.recommender, only.config, text, only.best.validation, tuple(chosen), {}, CARRIED, final)
    total = 1.0 if len(there) == len(members) else sum(one.weight for one in there)
    config = BlendConfig(tuple(replace(one, weight=one.weight / total) for one in there))
    blend = Blend(config, [one.recommender for one in chosen])
    validation = _validation(blend, prepared)
    text = _text(carried.version, " + ".join(f"{one.weight:.2f} {one.name}" for one in config.members), validation)
    return Fitted(blend, None, text, validation, tuple(chosen), carried.card.brings, CARRIED, final)


def _members(card: ModelCard) -> list[MemberConfig]:
    if card.model != BLEND:
        return [MemberConfig(card.model, 1.0, card.settings)]
    return [
        MemberConfig(one["name"], one["weight"], typed_settings(one["settings"])) for one in card.settings["members"]
    ]


def _starts(carried: Carried, snapshot: Snapshot, file: str) -> dict[str, Start]:
    if not carried.users:
        return {}
    users, items = places(carried.users, snapshot.users.ids), places(read_items(carried.folder), snapshot.items.ids)
    found = load_weights(carried.folder, file)
    starts = {name: Start(weights, users, items, len(carried.users)) for name, weights in found.items()}
    return {name: start for name, start in starts.items() if start.epochs}


def _chosen(
    name: str,
    config: Any,
    prepared: Prepared,
    monitor: Callable[[str], Monitor],
    *,
    start: Start | None = None,
    scale: Scale = ONE,
) -> Chosen:
    started = time.perf_counter()
    bounded = config if start is None else replace(config, epochs=start.enough)
    recommender = fit(find(name), bounded, prepared.data, monitor(name), scale=scale, start=start)
    seconds = time.perf_counter() - started
    best = Tried(name, asdict(config), _validation(recommender, prepared), seconds)
    return Chosen(recommender, config, best, (best,))


def _validation(recommender: Any, prepared: Prepared) -> float:
    assert prepared.data.validation is not None
    return float(evaluate(recommender, prepared.data.validation, ks=(10,)).metrics[TARGET])


def _text(version: str, recipe: str, validation: float) -> str:
    return f"{recipe}: the recipe of version {version}, validation {TARGET} {validation:.4f}"
