"""An erasure carried on place by place, from its record to its receipt; after a kill, from where it was.

`serving.erasure.begin` has done what a request waits for. The rest is done for everything that is open together, so
that many people cost one new index; each place is noted when it is done, and what was cut off is done again. One
process at a time carries on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graph.errors import Conflict
from graph.file_lock import alone
from graph.store import GraphStore
from serving.erasure import graph, record
from serving.erasure.files import mlflow_folder
from serving.erasure.places import PLACES
from serving.erasure.receipt import receipt
from serving.erasure.record import Erasure
from serving.erasure.search import Trace, in_graph, living, summary, traces
from serving.erasure.wanted import Wanted, wanted_names
from serving.erasure.work import Place, Work, graph_of
from serving.progress import Reporter
from serving.settings import Settings

LOCK = "lock"


@dataclass(frozen=True)
class Eraser:
    """What erases people of one home. `places`: all of `PLACES`, in their order; `store`: one that is open already."""

    settings: Settings
    reporter: Reporter
    places: Sequence[Place] = PLACES
    store: GraphStore | None = None

    @property
    def home(self) -> Path:
        return self.settings.home

    def carry_on(self) -> list[dict[str, Any]]:
        """Does all that is open to its end; returns the receipts. Raises `Conflict` while another process does.

        Errors: what a place raises (a store that is down, a refresh that goes on): what was done stays noted.
        """
        found = []
        with _alone(self.home), graph_of(self.settings, self.store) as store:
            erasures = [self._resolved(one, store) for one in record.still_open(self.home)]
            for place in self.places:
                with self.reporter.step(f"erasing: {place.name}"):
                    erasures = [one if place.name in one.done else self._done(one, place, store) for one in erasures]
            for one in erasures:
                with self.reporter.step("searching for traces"):
                    left = search(self.settings, one.users, store())
                found.append(receipt(self.settings, one, summary(left)))
                if not left:
                    record.close(self.home, one, found[-1])
                else:
                    record.save(self.home, replace(one, done={}))
        return found

    def _resolved(self, erasure: Erasure, store: Callable[[], GraphStore]) -> Erasure:
        """With the ids on other platforms; what was done at once is done for these too."""
        if erasure.resolved:
            return erasure
        users, persons = graph.resolve(store(), erasure.users) if erasure.whole else (list(erasure.users), [])
        found = replace(erasure, users=tuple(users), persons=tuple(persons))
        for place in self.places:
            if place.name in found.done:
                found = self._done(found, place, store)
        found = replace(found, resolved=True)
        record.save(self.home, found)
        return found

    def _done(self, erasure: Erasure, place: Place, store: Callable[[], GraphStore]) -> Erasure:
        work = Work(self.settings, erasure.users, erasure.persons, store, self.reporter)
        after = erasure.with_done(place.name, place.erase(work))
        record.save(self.home, after)
        return after


def search(settings: Settings, users: Iterable[str], store: GraphStore | None) -> list[Trace]:
    """Every trace of these users."""
    there, items = living(settings.home, store)
    return find(settings, wanted_names(users, there, items), store)


def find(settings: Settings, wanted: Wanted, store: GraphStore | None) -> list[Trace]:
    """Every trace of what is wanted, in files and in the graph."""
    found = traces(roots(settings), wanted)
    return found if store is None else [*found, *in_graph(store, wanted)]


def roots(settings: Settings) -> list[Path]:
    """Folders that are searched: the home, the local store where it is elsewhere, MLflow's."""
    scheme, _, folder = settings.store_url.partition(":")
    others = [Path(folder) if scheme == "local" else None, mlflow_folder(settings.mlflow)]
    return [settings.home, *(one for one in others if one is not None and one.is_dir())]


def _alone(home: Path) -> AbstractContextManager[None]:
    busy = Conflict(
        f"another process erases people of {str(home)!r}",
        valid="one at a time",
        remedy="wait until it has ended, then interlace erase: what was asked for is recorded",
    )
    return alone(home / record.FOLDER / LOCK, busy)
