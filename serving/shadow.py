"""A challenger answers beside the champion: after the answer was sent, in a thread, for a share of the requests.

Nobody waits for it: at most `MOST_WAITING` requests wait, what comes then is left out and counted. Both answers go to
the exposures' file; `interlace shadow report` compares them.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from graph.errors import InterlaceError
from serving.exposures import Shadowed
from serving.live import Live
from serving.recommend import Wish, recommend
from serving.versions import Versions, viewer_by

MOST_WAITING = 256
log = logging.getLogger("interlace.api")


@dataclass(frozen=True, slots=True)
class Job:
    """A request that the champion has answered: `items` are ids, `live` the catalogue it answered from."""

    request: str
    at: int
    version: str
    live: Live
    wish: Wish
    items: list[str]
    milliseconds: float


class Shadow:
    """One a worker. `keep` gets each pair of answers. `left_out`: requests that found too many waiting."""

    def __init__(self, versions: Versions, keep: Callable[[Shadowed], None]) -> None:
        self.left_out = 0
        self._versions = versions
        self._keep = keep
        self._jobs: queue.Queue[Job | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._trouble = ""

    def offer(self, job: Job) -> None:
        """Takes the request, or leaves it out; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self.left_out += 1

    def close(self) -> None:
        """Ends after the request that is being answered; those that wait are left out."""
        if self._thread is None:
            return
        while True:
            try:
                self._jobs.get_nowait()
            except queue.Empty:
                break
        self._jobs.put(None)
        self._thread.join()

    def drain(self) -> None:
        """Waits until nothing waits."""
        self._jobs.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._keep(self._answered(job))
            except (InterlaceError, KeyError) as error:  # stopped meanwhile, or its index cannot answer
                if str(error) != self._trouble:
                    log.warning("the shadow %s did not answer: %s", job.version, error)
                self._trouble = str(error)
            finally:
                self._jobs.task_done()

    def _answered(self, job: Job) -> Shadowed:
        began = time.perf_counter()
        live = self._versions.live(job.version, job.live)
        found = recommend(live, job.wish, viewer_by(live, job.wish.user))
        took = 1000 * (time.perf_counter() - began)
        items = [live.id(item) for item in found.items]
        return Shadowed(job.request, job.wish.user, job.at, job.live.index.version, job.version, job.items, items,
                        job.milliseconds, took)  # fmt: skip
