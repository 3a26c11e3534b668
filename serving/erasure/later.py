"""What a server's workers do about open erasures: after a while, so that many are done together, a process does them.

One a worker, used from its event loop alone. The process is `interlace erase`; where several workers start one, the
first does the work and the others end. What is still open when a server ends is gone on with when it starts again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from contextvars import Context
from pathlib import Path

from serving.erasure.record import still_open
from serving.refresh_start import environment
from serving.settings import Settings

COMMAND = (sys.executable, "-c", "from serving.cli.main import main; main()", "erase", "--json")
LOG = Path("log") / "erase.log"
log = logging.getLogger("interlace.api")


class Later:
    """Carries open erasures on `erase_wait` seconds after one was asked for, and again until none is open."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """Something is open."""
        if self._task is None and self._settings.erase_wait > 0:
            # In a context of its own: it goes on after the request, whose deadline is not its.
            self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())

    def close(self) -> None:
        """No more is started; what runs goes on."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while still_open(self._settings.home):
                await asyncio.sleep(self._settings.erase_wait)
                code = await asyncio.to_thread(_carried_on, self._settings)
                if code:
                    log.warning("people are not erased everywhere yet: see %s in the home; tried again", LOG)
        finally:
            self._task = None


def _carried_on(settings: Settings) -> int:
    """Runs `interlace erase` with these settings; its exit status."""
    path = settings.home / LOG
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        process = subprocess.Popen(
            COMMAND, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, **environment(settings)}, start_new_session=True,  # it outlives the server
        )  # fmt: skip
    return process.wait()
