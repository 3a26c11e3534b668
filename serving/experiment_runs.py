"""Which experiments and which shadow go on in a home: frozen when they start, read by every worker.

What runs is what was started: to edit `experiments.yaml` changes nothing until it is stopped and started again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from graph.errors import Conflict, NotFound
from serving.experiments import MODEL, Experiment
from serving.ledger import Ledger

FILE = "experiments.sqlite"
MOST_OTHER = 3
"""Other indexes than the current one that experiments and the shadow may need at the same time."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, definition TEXT NOT NULL, started INTEGER NOT NULL, stopped INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS shadows (
    id INTEGER PRIMARY KEY, version TEXT NOT NULL, rate REAL NOT NULL, started INTEGER NOT NULL, stopped INTEGER
) STRICT;
"""


@dataclass(frozen=True)
class Run:
    """An experiment that was started; `stopped` is None while it goes on. Unix times."""

    experiment: Experiment
    started: int
    stopped: int | None

    @property
    def since(self) -> int:
        """When its first answers may have been given."""
        return max(self.started, self.experiment.start or 0)


@dataclass(frozen=True)
class ShadowRun:
    """A challenger's index that answers beside the champion, to a share `rate` of the requests."""

    version: str
    rate: float
    started: int
    stopped: int | None


class ExperimentRuns:
    """The runs of one home. `clock`: Unix seconds."""

    def __init__(self, home: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.ledger = Ledger(home / FILE, SCHEMA)
        self._clock = clock

    def start(self, experiment: Experiment) -> Run:
        """From now on, or from its own start. Raises `Conflict` where it goes on already, or what it sets is set by
        another that does.
        """
        now = int(self._clock())
        going = [one.experiment for one in self.running()]
        for other in going:
            if other.name == experiment.name:
                raise Conflict(f"experiment {experiment.name!r} goes on already", valid="one that does not",
                               remedy=f"interlace experiment stop {experiment.name}, then start it")  # fmt: skip
            shared = sorted(other.sets & experiment.sets)
            if shared:
                raise Conflict(f"experiment {other.name!r} sets {', '.join(shared)} too",
                               valid="experiments that set different options",
                               remedy=f"interlace experiment stop {other.name}, or wait for its end")  # fmt: skip
        self._room({*self.pinned(), *versions_of(experiment)})
        with self.ledger.open(make=True) as connection:
            text = json.dumps(experiment.as_dict())
            connection.execute(
                "INSERT INTO runs (name, definition, started) VALUES (?, ?, ?)", (experiment.name, text, now)
            )
        return Run(experiment, now, None)

    def stop(self, name: str) -> Run:
        """Everybody gets what all get again. Raises `NotFound` for one that does not go on."""
        run = next((one for one in self.running() if one.experiment.name == name), None)
        if run is None:
            known = ", ".join(one.experiment.name for one in self.running()) or "none goes on"
            raise NotFound(f"no experiment {name!r} goes on", valid=known, remedy="interlace experiment list")
        now = int(self._clock())
        with self.ledger.open() as connection:
            connection.execute("UPDATE runs SET stopped = ? WHERE name = ? AND stopped IS NULL", (now, name))
        return replace(run, stopped=now)

    def all(self) -> list[Run]:
        """Every run, the newest first."""
        if not self.ledger.there:
            return []
        with self.ledger.open() as connection:
            rows = connection.execute("SELECT definition, started, stopped FROM runs ORDER BY id DESC").fetchall()
        return [Run(Experiment.of(json.loads(text)), started, stopped) for text, started, stopped in rows]

    def running(self) -> list[Run]:
        """Those that nobody stopped and whose end has not come."""
        now = self._clock()
        return [one for one in self.all() if one.stopped is None and (one.experiment.end or now + 1) > now]

    def latest(self, name: str) -> Run:
        """The newest run of an experiment. Raises `NotFound`."""
        found = next((one for one in self.all() if one.experiment.name == name), None)
        if found is None:
            known = ", ".join(sorted({one.experiment.name for one in self.all()})) or "none has been started"
            raise NotFound(f"experiment {name!r} was never started", valid=known,
                           remedy=f"interlace experiment start {name}")  # fmt: skip
        return found

    def shadow(self) -> ShadowRun | None:
        """The one that goes on."""
        found = self.shadows()
        return found[0] if found and found[0].stopped is None else None

    def shadows(self) -> list[ShadowRun]:
        """Every one, the newest first."""
        if not self.ledger.there:
            return []
        with self.ledger.open() as connection:
            rows = connection.execute("SELECT version, rate, started, stopped FROM shadows ORDER BY id DESC").fetchall()
        return [ShadowRun(*row) for row in rows]

    def start_shadow(self, version: str, rate: float) -> ShadowRun:
        """In place of one that goes on."""
        now = int(self._clock())
        self._room({*(one for run in self.running() for one in versions_of(run.experiment)), version})
        with self.ledger.open(make=True) as connection:
            connection.execute("UPDATE shadows SET stopped = ? WHERE stopped IS NULL", (now,))
            connection.execute("INSERT INTO shadows (version, rate, started) VALUES (?, ?, ?)", (version, rate, now))
        return ShadowRun(version, rate, now, None)

    def stop_shadow(self) -> ShadowRun:
        """Raises `NotFound` where none goes on."""
        found = self.shadow()
        if found is None:
            raise NotFound("no shadow goes on", valid="one that was started", remedy="interlace shadow start VERSION")
        now = int(self._clock())
        with self.ledger.open() as connection:
            connection.execute("UPDATE shadows SET stopped = ? WHERE stopped IS NULL", (now,))
        return replace(found, stopped=now)

    def pinned(self) -> set[str]:
        """Versions of the index that must stay: some running experiment, or the shadow, answers from them."""
        shadow = self.shadow()
        found = {version for run in self.running() for version in versions_of(run.experiment)}
        return found if shadow is None else found | {shadow.version}

    def stamp(self) -> int:
        """Another number whenever somebody else started or stopped something."""
        return self.ledger.stamp()

    def close(self) -> None:
        self.ledger.close()

    def _room(self, versions: set[str]) -> None:
        if len(versions) > MOST_OTHER:
            raise Conflict(f"{len(versions)} versions of the index would have to be open beside the current one",
                           valid=f"at most {MOST_OTHER}", remedy="stop an experiment or the shadow first")  # fmt: skip


def versions_of(experiment: Experiment) -> set[str]:
    """The versions of the index that its arms name."""
    return {str(arm.options[MODEL]) for arm in experiment.arms if MODEL in arm.options}
