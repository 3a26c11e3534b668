"""MLflow's own page as a child process, on loopback, over the database that training writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from graph.errors import StoreUnavailable
from serving.run import address, bind
from training.tracking import ARTIFACTS, open_tracker

HOST = "127.0.0.1"


def serve_ui(uri: str, port: int, *, on_start: Callable[[str], None]) -> None:
    """Runs MLflow's server until it is interrupted; for a tracking server elsewhere it only says where that is.

    Raises `Conflict` for a port in use, `StoreUnavailable` when MLflow cannot open its database or ends by itself.
    """
    tracker = open_tracker(uri)
    if tracker.uri.startswith(("http://", "https://")):
        on_start(tracker.uri)
        return
    with bind(HOST, port) as probe:
        where = address(probe)
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", tracker.uri]
    if tracker.folder is not None:
        command += ["--default-artifact-root", (tracker.folder / ARTIFACTS).as_uri()]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with subprocess.Popen(command, env=os.environ | quiet, stdout=sys.stderr) as server:
        on_start(where)
        with suppress(KeyboardInterrupt):
            if server.wait() != 0:
                raise StoreUnavailable(
                    f"MLflow's server ended with exit code {server.returncode}", remedy="read its lines above"
                )
