"""`interlace` commands in forks of one process that has imported what they use; started by `test_main_job`."""

from __future__ import annotations

import os
import sys
from typing import Any

from serving.cli.main import main
from tests.forks import MLFLOW, serve

USED = (*MLFLOW, "encoders.text", "serving.publish", "serving.workflow", "training.models.ease", "training.train")


def act(order: dict[str, Any]) -> None:
    """In the child: the command with the words of the order, in its folder; what it prints goes to two files."""
    os.chdir(order["place"])
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout = sys.__stdout__
    sys.argv = ["interlace", *order["words"]]
    main()


if __name__ == "__main__":
    serve(act, USED)
