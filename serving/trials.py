"""What a request is part of: its user's arms, drawn orders, interleaving, the shadow; and the log of what was shown.

Request path. A route asks for a `Turn`, ranks with it, and lets it end the answer. Where nothing goes on (the usual
case) a turn is a look at the clock; once a second it looks whether an experiment or a shadow was started or stopped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from starlette.background import BackgroundTask

from serving.brief import computed
from serving.experiment_runs import ExperimentRuns, ShadowRun, versions_of
from serving.experiments import DEFAULT_POOL, DIVERSITY, EXPLORE, INTERLEAVE, MODEL, POOL, Experiment, Option
from serving.exposures import Exposure, ExposureLog, ExposureWriter
from serving.foldin import Viewer, personal
from serving.index_files import MISSING
from serving.interleave import explore, team_draft
from serving.live import Live
from serving.recommend import Recommendations, Wish, at_hand, recommend
from serving.settings import Settings
from serving.shadow import Job, Shadow
from serving.versions import Versions, viewer_by

CHECK_SECONDS = 1.0
BOTH = "both"
"""The arm that answers of an interleaving are logged with."""
log = logging.getLogger("interlace.api")


@dataclass(frozen=True, slots=True)
class Side:
    """From what one ranking is made."""

    live: Live
    wish: Wish
    who: Viewer


@dataclass(slots=True)
class Extra:
    """What is done with the answer: `second` is interleaved with it, or `share` of such answers is drawn."""

    arms: dict[str, str]
    n: int
    second: Side | None = None
    share: float = 0.0
    shadow: ShadowRun | None = None
    began: float = 0.0


@dataclass(slots=True)
class Turn:
    """One request: rank `wish` for `who` on `live`, then `end`. `after`: what is done once the answer was sent."""

    live: Live
    wish: Wish
    who: Viewer
    trials: Trials
    extra: Extra | None = None
    after: BackgroundTask | None = None

    async def end(self, found: Recommendations) -> Recommendations:
        """The answer as it is shown; what is shown is logged."""
        return found if self.extra is None else await self.trials.end(self, self.extra, found)


@dataclass
class _Going:
    """What goes on now, as last looked up."""

    experiments: list[Experiment] = field(default_factory=list)
    shadow: ShadowRun | None = None


class Trials:
    """One a worker; lives in the service. `clock` gives Unix time, `rng` draws coins and orders."""

    def __init__(
        self, home: Path, settings: Settings, *, clock: Callable[[], float] = time.time, rng: Random | None = None
    ) -> None:
        self.runs = ExperimentRuns(home)
        self.exposures = ExposureWriter(ExposureLog(home), days=settings.exposure_days)
        self.versions = Versions(home, settings.consent_defaults)
        self.shadow = Shadow(self.versions, self.exposures.add)
        self._logs = settings.exposures
        self._clock = clock
        self._rng = rng or Random()  # noqa: S311  fair, not secret
        self._next = 0.0
        self._stamp = -1
        self._going = _Going()

    def turn(self, live: Live, wish: Wish) -> Turn:
        """Raises `NotFound` for a user whom the current index does not know. Who withholds their consent to
        recommendations takes no part in anything, and is not logged.
        """
        now = self._clock()
        if now >= self._next:
            self._look(now)
        turn = Turn(live, wish, personal(live, wish.user), self)
        going = self._going
        if not turn.who.impersonal and (going.experiments or going.shadow is not None or self._logs == "all"):
            self._take_part(turn, now)
        return turn

    async def end(self, turn: Turn, extra: Extra, found: Recommendations) -> Recommendations:
        """See `Turn.end`."""
        took = 1000 * (time.perf_counter() - extra.began)
        propensities = teams = None
        ranked = found.items[: extra.n]
        if extra.second is not None:
            found, teams = await self._interleaved(turn, extra.second, found)
        elif extra.share and found.items:
            found, propensities = self._drawn(found, extra)
        request, now = f"{self._rng.getrandbits(64):016x}", int(self._clock())
        ids = [turn.live.id(item) for item in found.items]
        if (extra.arms and self._logs != "none") or self._logs == "all":
            version = turn.live.index.version
            self.exposures.add(
                Exposure(request, turn.wish.user, now, version, extra.arms, ids, propensities, teams)
            )  # fmt: skip
        if extra.shadow is not None:
            wish = replace(turn.wish, n=extra.n)
            before = [turn.live.id(item) for item in ranked]  # as it ranked: no draw is the challenger's concern
            job = Job(request, now, extra.shadow.version, turn.live, wish, before, took)
            turn.after = BackgroundTask(_offered, self.shadow, job)
        return found

    def close(self) -> None:
        self.shadow.close()
        self.exposures.close()
        self.versions.close()
        self.runs.close()

    def _look(self, now: float) -> None:
        self._next = now + CHECK_SECONDS
        stamp = self.runs.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            running, shadow = [one.experiment for one in self.runs.running()], self.runs.shadow()
            wanted = {version for one in running for version in versions_of(one)}
            failed = self.versions.keep(wanted | ({shadow.version} if shadow else set()))
            for version, error in failed.items():
                log.error("no experiment or shadow can answer from %s: %s", version, error)
            whole = [one for one in running if not versions_of(one) & failed.keys()]
            self._going = _Going(whole, shadow if shadow and shadow.version not in failed else None)

    def _take_part(self, turn: Turn, now: float) -> None:
        """The options of the user's arms, laid over the request."""
        extra = Extra({}, turn.wish.n, began=time.perf_counter())
        options: dict[str, Option] = {}
        drafted: Experiment | None = None
        for experiment in self._going.experiments:
            arm = experiment.arm_of(turn.wish.user) if experiment.goes_on(now) else None
            if arm is None:
                continue
            if experiment.form == INTERLEAVE:
                drafted = experiment
            else:
                options |= arm.options
            extra.arms[experiment.name] = BOTH if experiment is drafted else arm.name
        if drafted is not None:  # what other experiments set holds for both of its sides
            first, second = ({**options, **arm.options} for arm in drafted.arms)
            extra.second = self._side(turn, second)
            options = first
        shadow = self._going.shadow
        if shadow is not None and extra.second is None and self._rng.random() < shadow.rate:
            extra.shadow = shadow
        if extra.arms or extra.shadow is not None or self._logs == "all":
            self._lay_over(turn, options, extra)
            turn.extra = extra

    def _lay_over(self, turn: Turn, options: dict[str, Option], extra: Extra) -> None:
        side = self._side(turn, options)
        turn.live, turn.wish, turn.who = side.live, side.wish, side.who
        extra.share = float(options.get(EXPLORE, 0.0))
        if extra.share:
            turn.wish = replace(turn.wish, n=max(extra.n, int(options.get(POOL, DEFAULT_POOL))))

    def _side(self, turn: Turn, options: Mapping[str, Option]) -> Side:
        live, wish, who = turn.live, turn.wish, turn.who
        if DIVERSITY in options:
            wish = replace(wish, diversity=float(options[DIVERSITY]))
        if MODEL in options:
            live = self.versions.live(str(options[MODEL]), live)
            who = viewer_by(live, wish.user) if live is not turn.live else who
        return Side(live, wish, who)

    def _drawn(self, found: Recommendations, extra: Extra) -> tuple[Recommendations, list[float]]:
        scores = dict(zip(found.items, found.scores, strict=True))
        items, chances = explore(found.items, extra.n, extra.share, self._rng)
        return replace(found, items=items, scores=[scores[item] for item in items]), chances

    async def _interleaved(self, turn: Turn, side: Side, first: Recommendations) -> tuple[Recommendations, list[int]]:
        """Both rankings, drafted; the second's items under the first's positions, those it does not know left out."""
        second = at_hand(side.live, side.wish, side.who)
        if second is None:
            second = await computed(side.live.index, recommend, side.live, side.wish, side.who)
        own = side.live is turn.live
        places = second.items if own else [turn.live.find(side.live.id(item)) for item in second.items]
        known = [(place, score) for place, score in zip(places, second.scores, strict=True) if place != MISSING]
        items, teams = team_draft(first.items, [place for place, _ in known], turn.wish.n, self._rng)
        scores = dict(known) | dict(zip(first.items, first.scores, strict=True))
        return replace(first, items=items, scores=[scores[item] for item in items]), teams


async def _offered(shadow: Shadow, job: Job) -> None:
    shadow.offer(job)
