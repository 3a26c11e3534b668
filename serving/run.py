"""Runs the HTTP server: one process, or several workers that share the index's pages and one socket.

`python -m serving.run` serves the home folder that the settings (`INTERLACE_…`) name; `interlace serve` calls `serve`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import uvicorn
from threadpoolctl import threadpool_limits
from uvicorn.supervisors import Multiprocess

from graph.errors import Conflict, InterlaceError, InvalidData
from serving.access.protocol import Bounded
from serving.access.start import refuse_strangers
from serving.app import create_app
from serving.encoder_client import FOLDER as RUN
from serving.encoder_client import EncoderClient
from serving.erasure.begin import again
from serving.index import open_index
from serving.middleware import Wrapped
from serving.observe.logs import configure
from serving.service import make_service
from serving.settings import Settings, read_settings

BACKLOG = 2048
GRACE_SECONDS = 10
WORKER_SECONDS = 60
"""Until a worker that says nothing is replaced: on a busy machine its imports alone take longer than uvicorn's five."""
METRICS = "metrics"
HELD = "server.lock"


def serve(settings: Settings, *, on_start: Callable[[str], None] | None = None) -> None:
    """Serves until SIGINT or SIGTERM, then lets running requests end.

    `on_start` gets the address once the port is bound. Raises `NotFound` or `Conflict` for a missing or damaged index,
    `Unsupported` for an address beyond this machine without a key, `Conflict` for a port in use.
    """
    refuse_strangers(settings)
    index = open_index(settings.home)
    again(settings)
    with bind(settings.host, settings.port) as listener:
        if on_start is not None:
            on_start(address(listener))
        if index.encoders:
            warm(settings.home)
        configure(settings)
        with metrics_folder(settings.home) as folder:
            _run(config(settings, folder), listener)


def warm(home: Path) -> None:
    """Starts the encoder process beside the server, so that the first search does not wait for it."""
    with closing(EncoderClient(home)) as client:
        client.warm()


def worker(settings: Settings, metrics: Path) -> Wrapped:
    """One worker's application, and its log. `metrics`: where all workers of this server share their numbers."""
    configure(settings)
    one_thread()
    return create_app(settings, make_service(settings, metrics=metrics))


def one_thread() -> None:
    """Lets this process multiply in one thread. A request's products are small: the threads of a BLAS spend three times
    the processor time on them waiting for each other. Cores are shared out by workers; the encoders have their own
    process, and all of its threads.
    """
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        threadpool_limits(1, user_api="blas")


@contextmanager
def metrics_folder(home: Path) -> Iterator[Path]:
    """A folder for one run of the server below `HOME/run/metrics`; those of servers that have ended are removed."""
    root = home / RUN / METRICS
    root.mkdir(parents=True, exist_ok=True)
    (home / RUN).chmod(0o700)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # so that no other server takes a folder for left behind before it is held
        for path in root.glob("*-*"):
            _remove_if_left(path)
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
        held = (folder / HELD).open("w")
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        held.close()


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError), (folder / HELD).open() as held:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)


def config(settings: Settings, metrics: Path) -> uvicorn.Config:
    """The server's configuration. The factory makes each worker's own application from the same settings."""
    native = sys.platform != "win32"
    return uvicorn.Config(
        partial(worker, settings, metrics),
        factory=True,
        workers=settings.workers,
        loop="uvloop" if native else "auto",
        http=Bounded if native else "h11",
        h11_max_incomplete_event_size=settings.max_headers,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=WORKER_SECONDS,
    )


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `Conflict` for a port in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_bind(host, port, error) from error
    listener.set_inheritable(True)
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _cannot_bind(host: str, port: int, error: OSError) -> InterlaceError:
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            f"port {port} of {host} is in use",
            valid="a free port; 0 takes any",
            remedy="stop what uses it, or name another with --port",
        )
    if error.errno == errno.EACCES:
        return InvalidData(f"port {port} needs rights that this user lacks", valid="1024 to 65535", remedy="name one")
    return InvalidData(f"cannot bind to {host}:{port} ({error.strerror})", valid="an address of this machine")


class Workers(Multiprocess):
    """Several workers. The listening socket is theirs alone once they are told to stop.

    Else, when the last of them has closed it, connections would be taken here that nobody ever answers.
    """

    def terminate_all(self) -> None:
        for one in self.sockets:
            one.close()
        super().terminate_all()


def _run(configuration: uvicorn.Config, listener: socket.socket) -> None:
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has shut down
        if configuration.workers > 1:
            Workers(configuration, sockets=[listener]).run()
        else:
            uvicorn.Server(configuration).run(sockets=[listener])


def main() -> None:
    """Entry point of `python -m serving.run`."""
    try:
        serve(read_settings({}), on_start=lambda url: print(f"Interlace serves at {url}", flush=True))  # noqa: T201
    except InterlaceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
