"""A real server on a home of the sample snapshot, and crowds of clients at it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from graph.snapshot import IdMap
from serving.index import ModelInfo
from serving.publish import publish
from tests.conftest import ROOT
from tests.serving.samples import sample_snapshot
from training.train import everything
from training.zoo import find


def publish_version(home: Path, version: str) -> None:
    """The sample snapshot, its items `p:VERSION:NN`, by the model's version of that name."""
    snapshot = sample_snapshot()
    items = IdMap(tuple(f"p:{version}:{place:02d}" for place in range(len(snapshot.items))), "item")
    snapshot = replace(snapshot, items=items)
    publish(
        snapshot,
        find("popularity").build().fit(everything(snapshot, None)),
        home=home,
        model=ModelInfo("popularity", version),
    )


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen[str]


@contextmanager
def running(home: Path, *, workers: int = 1, log: Path | None = None, **settings: object) -> Iterator[Server]:
    """Ready when the block begins. Its log goes to `log`."""
    given = {"home": home, "port": 0, "workers": workers, "store": f"local:{home / 'no-store'}", **settings}
    environment = {**os.environ, **{f"INTERLACE_{name.upper()}": str(value) for name, value in given.items()}}
    with open(log or os.devnull, "w", encoding="utf-8") as errors:  # noqa: PTH123  may be the null device
        command = [sys.executable, "-m", "serving.run"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            server = Server(process.stdout.readline().split()[-1], process)
            wait_until(lambda: answers(server, "/ready") == 200)
            yield server
        finally:
            process.terminate()  # a server that is killed leaves its workers behind
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()


def answers(server: Server, path: str) -> int:
    """The status; 0 where nobody answers."""
    try:
        return httpx.get(server.url + path, timeout=10).status_code
    except httpx.TransportError:
        return 0


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.05)


@dataclass
class Crowd:
    """Threads that do something again and again until told to stop; what each call gave, or the error it met."""

    act: Callable[[httpx.Client, int], object]
    url: str
    size: int = 6
    keep_alive: bool = True
    pause: float = 0.002
    seen: list[object] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Crowd:
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self.size)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _run(self, number: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=None if self.keep_alive else 0)
        with httpx.Client(base_url=self.url, timeout=30, limits=limits) as client:
            turn = number
            while not self.stopped.is_set():
                try:
                    self.seen.append(self.act(client, turn))
                except httpx.ConnectError as error:  # refused: the server is gone, and said so
                    self.seen.append(error)
                    return
                except httpx.TransportError as error:
                    self.seen.append(error)
                turn += self.size
                time.sleep(self.pause)
