"""What every route shares: the settings, the current index (swapped when a new one is published) and the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock

from fastapi import Request

from graph.erased import ErasedList
from graph.errors import InterlaceError, StoreUnavailable
from graph.private import Cipher
from graph.store import GraphStore
from serving.access.caller import caller_of
from serving.access.scope import OnePlatform
from serving.admission import Admission
from serving.breaker import Breaker
from serving.connect import connect
from serving.consent import Consents
from serving.corrections import Corrections
from serving.cypher import Cypher
from serving.drain import Drain
from serving.encoder_client import EncoderClient
from serving.erasure.later import Later
from serving.event_writer import EventWriter
from serving.events import EventLog
from serving.gateway import Gateway
from serving.index import CURRENT, FOLDER, Index, open_index
from serving.interests import Population
from serving.live import Live
from serving.live_holder import LiveHolder
from serving.observe.observer import Observer, make_observer
from serving.overlay import Overlay
from serving.private import cipher_of
from serving.reasons import Reasoner
from serving.scenarios.columns import ColumnsHolder
from serving.scenarios.find import Scenarios
from serving.settings import Settings
from serving.settler import Settler
from serving.trials import Trials

CHECK_SECONDS = 1.0
FINISH_SECONDS = 8.0
MOST_PLATFORMS = 100
log = logging.getLogger("interlace.api")


class IndexHolder:
    """The current index of a home folder.

    Looks at most once a second whether another version was published. A damaged new version is logged and the old one
    served on; `trouble` says so.
    """

    def __init__(self, home: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._pointer = home / FOLDER / CURRENT
        self._clock = clock
        self._lock = Lock()
        self._next_check = 0.0
        self._stamp: tuple[int, int] | None = None
        self._index: Index | None = None
        self.trouble: InterlaceError | None = None

    def look(self) -> None:
        """Looks now, so that requests, which look once a second, seldom have to open an index themselves."""
        with self._lock:
            self._refresh()

    def get(self) -> Index:
        """Raises `NotFound` when none has been published, `Conflict` when the only one is damaged."""
        # The first request's thread opens the index while others wait; later checks hold nobody up.
        if self._clock() >= self._next_check and self._lock.acquire(blocking=self._index is None):
            try:
                if self._clock() >= self._next_check:
                    self._refresh()
            finally:
                self._lock.release()
        if self._index is None:
            raise self.trouble or StoreUnavailable("the index is not open yet")
        return self._index

    def _refresh(self) -> None:
        stamp = self._read_stamp()
        if self._index is None or stamp != self._stamp:
            self._open(stamp)
        self._next_check = self._clock() + CHECK_SECONDS

    def _open(self, stamp: tuple[int, int] | None) -> None:
        try:
            self._index = open_index(self._home)
            self._stamp, self.trouble = stamp, None
        except InterlaceError as error:
            self.trouble = error
            if self._index is not None:
                self._stamp = stamp
                log.error("the new index cannot be used, the old one stays: %s", error)

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            status = self._pointer.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino


@dataclass(frozen=True)
class Service:
    """One a worker; lives in `app.state.service`."""

    settings: Settings
    holder: IndexHolder
    gateway: Gateway
    changes: LiveHolder | OnePlatform
    overlay: Overlay
    """Where changes are written; `changes` reads them through a connection of its own."""
    encoders: EncoderClient
    events: EventWriter
    settler: Settler
    observer: Observer
    admission: Admission
    drain: Drain
    trials: Trials
    corrections: Corrections
    """What users took out of their profiles."""
    consents: Consents
    """Where what users agree to is written and read."""
    reasoner: Reasoner
    scenarios: Scenarios
    cipher: Cipher | None
    """Of users' private properties; None where none are."""
    later: Later
    """Carries erasures on."""
    erased: ErasedList
    columns: ColumnsHolder = field(default_factory=ColumnsHolder)
    """What items are, for filters of home pages."""
    population: Population = field(default_factory=Population)
    """What all like, for profiles."""
    narrowed: dict[str, Service] = field(default_factory=dict)
    """For callers that see one platform alone, by platform."""

    @cached_property
    def cypher(self) -> Cypher:
        """Made at the first use, as its threads are."""
        return Cypher(self.settings, self.gateway)

    def for_platform(self, platform: str) -> Service:
        """This service, with the catalogue of one platform."""
        if platform not in self.narrowed:
            if len(self.narrowed) >= MOST_PLATFORMS:
                self.narrowed.clear()
            self.narrowed[platform] = replace(self, changes=OnePlatform(self.changes, platform))
        return self.narrowed[platform]

    async def finish(self) -> None:
        """Waits for what goes on in the background."""
        await self.settler.finish(FINISH_SECONDS)

    def close(self) -> None:
        """Ends queries, then closes the store."""
        self.later.close()
        if "cypher" in self.__dict__:
            self.cypher.close()
        self.corrections.close()
        self.consents.close()
        self.gateway.close()
        self.encoders.close()
        self.changes.close()
        self.overlay.close()
        self.events.close()
        self.observer.close()
        self.trials.close()

    @property
    def index(self) -> Index:
        """The published index; raises as `IndexHolder.get`."""
        return self.holder.get()

    @property
    def live(self) -> Live:
        """The catalogue as it is now: the index, and what has been put or deleted since."""
        return self.changes.get(self.holder.get())


def make_service(settings: Settings, *, gateway: Gateway | None = None, metrics: Path | None = None) -> Service:
    """Opens nothing yet: the index at the first request (or at start), the store when something needs it.

    `gateway`: to a store that is open already. `metrics`: where the server's workers share their numbers.
    """
    home = settings.home
    gateway = gateway or _gateway(settings)
    return Service(
        settings,
        IndexHolder(home),
        gateway,
        LiveHolder(home, settings.consent_defaults),
        Overlay(home),
        EncoderClient(home),
        EventWriter(EventLog(home)),
        Settler(home, gateway),
        make_observer(settings, metrics),
        Admission(settings.requests_running, settings.requests_waiting, settings.requests_wait_seconds),
        Drain(settings.drain_seconds),
        Trials(home, settings),
        Corrections(home),
        Consents(home, settings.consent_defaults),
        Reasoner(settings.k_anonymity),
        Scenarios(home),
        cipher_of(settings),
        Later(settings),
        ErasedList(home),
    )


def _gateway(settings: Settings) -> Gateway:
    breaker = Breaker(failures=settings.breaker_failures, pause=settings.breaker_pause)
    return Gateway(lambda: _connect(settings), breaker=breaker, slow=settings.store_slow_seconds)


def service_of(request: Request) -> Service:
    """The service of the application that handles this request, narrowed to what its caller may see."""
    service: Service = request.app.state.service
    platform = caller_of(request).platform
    return service.for_platform(platform) if platform else service


def has_store(settings: Settings) -> bool:
    """Whether the settings name a remote store, or a local one that exists: serving must not create an empty one."""
    path = settings.store_url.removeprefix("local:")
    return path == settings.store_url or Path(path).is_dir()


def _connect(settings: Settings) -> GraphStore:
    if not has_store(settings):
        raise StoreUnavailable(
            f"there is no graph store at {settings.store_url!r}",
            valid="a store that data was ingested into",
            remedy="run interlace ingest, or name the store with --store",
        )
    return connect(settings)
