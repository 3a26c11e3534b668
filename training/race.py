"""Networks share a budget by racing: all get a little time, the better half goes on, until the best has the most.

Successive halving (Jamieson & Talwalkar 2016; Karnin et al. 2013) over fits that pause instead of starting again: each
fit runs in a thread of its own that waits at the end of an epoch until it is given time, so that only one computes. One
that is out of the race ends its fit there, with the best of its epochs: it may still be worth a place in the blend.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from threading import Semaphore, Thread
from typing import Any

from training.data import TrainingData
from training.metrics import TARGET
from training.recommender import Enough, Monitor, Recommender
from training.scale.fit import fit
from training.scale.runtime import ONE, Scale
from training.zoo import Model

LEAST = 2.0
"""Seconds of a turn at least: less would be lost in changing over."""


class Racer:
    """One fit that runs when it is told to. `best`: its validation so far; `seconds`: how long it has run."""

    def __init__(
        self,
        model: Model,
        config: Any,
        data: TrainingData,
        monitor: Monitor,
        clock: Callable[[], float],
        scale: Scale = ONE,
    ) -> None:
        self.model, self.config = model, config
        self.best, self.seconds, self.epochs = -math.inf, 0.0, 0
        self.recommender: Recommender | None = None
        self._error: BaseException | None = None
        self._data, self._monitor, self._clock, self._scale = data, monitor, clock, scale
        self._go, self._back = Semaphore(0), Semaphore(0)
        self._until, self._enough, self._over = 0.0, False, False
        self._thread = Thread(target=self._fit, name=f"fit-{model.name}", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Has its fit ended."""
        return self._over

    def run(self, seconds: float) -> None:
        """Lets it run for about so long (to the end of an epoch), or to the end of its fit."""
        if self._over:
            return
        started = self._clock()
        self._until = started + seconds
        self._go.release()
        self._back.acquire()
        self.seconds += self._clock() - started
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Ends the fit at the epoch where it waits."""
        self._enough = True
        self.run(math.inf)
        self._thread.join()

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        """As `Monitor.epoch`; called from the fit's own thread, which waits here between its turns."""
        if self._enough:
            raise Enough
        self._monitor.epoch(number, total, metrics)
        self.epochs = number
        self.best = max(self.best, metrics.get(TARGET, -math.inf))
        if self._clock() >= self._until:
            self._back.release()
            self._go.acquire()
            if self._enough:
                raise Enough

    def _fit(self) -> None:
        self._go.acquire()
        try:
            if not self._enough:
                self.recommender = fit(self.model, self.config, self._data, self, scale=self._scale)
        except Enough:
            pass  # a fit that does not keep what it has: nothing to show
        except BaseException as error:  # noqa: BLE001 - raised again where the race is run
            self._error = error
        finally:
            self._over = True
            self._back.release()


def race(
    entries: Sequence[tuple[Model, Any]],
    data: TrainingData,
    seconds: float,
    *,
    monitors: Callable[[str], Monitor],
    progress: Callable[[str], None] = lambda _text: None,
    clock: Callable[[], float] = time.monotonic,
    scale: Scale = ONE,
) -> list[Racer]:
    """Fits every entry (a model and its config) within about `seconds` in all; returns those with something to show.

    `seconds` may be infinite: then each runs to its own end.
    """
    with ExitStack() as stack:
        racers = []
        for model, config in entries:
            racer = Racer(model, config, data, monitors(model.name), clock, scale)
            stack.callback(racer.end)
            racers.append(racer)
        _run(racers, seconds, progress, clock)
    return [racer for racer in racers if racer.recommender is not None]


def _run(racers: list[Racer], seconds: float, progress: Callable[[str], None], clock: Callable[[], float]) -> None:
    end = clock() + seconds
    rounds = 1 + math.ceil(math.log2(len(racers))) if racers else 0
    running = list(racers)
    for left in range(rounds, 0, -1):
        round_end = clock() + (end - clock()) / left
        for place, racer in enumerate(running):
            turn = (round_end - clock()) / (len(running) - place)
            progress(f"{racer.model.name}: fitting")
            racer.run(max(LEAST, turn))
            if math.isfinite(racer.best):
                progress(f"{racer.model.name}: validation {TARGET} {racer.best:.4f} after {racer.epochs} epochs")
        running = [racer for racer in running if not racer.over]
        for racer in _worse_half(running):
            racer.end()
            running.remove(racer)
        if not running:
            break


def _worse_half(running: Sequence[Racer]) -> list[Racer]:
    ordered = sorted(running, key=lambda racer: -racer.best)
    return ordered[math.ceil(len(ordered) / 2) :]
