"""An erasure that is SIGKILLed after a place is done and before that is noted; started by `test_erasure`."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from graph.local_store import LocalStore
from serving.erasure.places import PLACES
from serving.erasure.run import Eraser
from serving.erasure.work import Counts, Work
from serving.progress import Lines
from serving.settings import read_settings
from tests.forks import MLFLOW, serve


def act(order: dict[str, Any]) -> None:
    """In the child: the erasure goes on up to the place of that number."""
    erase = PLACES[order["number"]].erase

    def killed(work: Work) -> Counts:
        done = erase(work)  # and not noted: the worst moment
        os.kill(os.getpid(), signal.SIGKILL)
        return done

    places = [replace(one, erase=killed) if place == order["number"] else one for place, one in enumerate(PLACES)]
    store = LocalStore.open(Path(order["local"]), database=order["database"])
    settings = read_settings({"home": order["home"], "store": store.url, "mlflow": order["mlflow"]})
    Eraser(settings, Lines(), places, store).carry_on()


if __name__ == "__main__":
    serve(act, (*MLFLOW, "serving.workflow"))
