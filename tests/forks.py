"""Work that must be done in processes of its own, without a start of Python and its imports for each of them.

One process imports everything, then forks a child for each order; the child ends as a command ends. `Forks` is the
test's side, `serve` that of the module which it starts.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MLFLOW = (
    "alembic.command",
    "mlflow.artifacts",
    "mlflow.genai.scorers",
    "mlflow.models",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.workspace_aware_mixin",
)
"""MLflow, and what it imports when it opens a database: 3 s of a processor, 9 s where no bytecode is kept."""
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # `training.tracking` says so as well, but after these imports
    "OMP_NUM_THREADS": "1",  # a pool of threads does not survive a fork
    "PYTHONPATH": str(ROOT),
}


class Forks:
    """A running `python -m MODULE`; what its children print is in `log`. Ends with the block."""

    def __init__(self, module: str, log: Path) -> None:
        self._log = log
        with log.open("w", encoding="utf-8") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                text=True, env={**os.environ, **ENVIRONMENT},
            )  # fmt: skip

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def order(self, **order: Any) -> int:
        """Has a child do it: its exit code, or minus the signal that killed it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self.said()
        return int(answer)

    def said(self) -> str:
        """The end of what the children printed."""
        return self._log.read_text(encoding="utf-8")[-3000:]


def serve(act: Callable[[dict[str, Any]], None], imports: Iterable[str]) -> None:
    """A child for each order, one JSON object a line on stdin; the child's exit code a line on stdout.

    `imports`: modules that the children would otherwise import, each of them anew.
    """
    for name in imports:
        import_module(name)
    gc.freeze()  # else each child that ends by itself walks, and so copies, all that was imported: 1.5 s of a processor
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            act(json.loads(line))
            sys.exit()
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        answers.flush()
