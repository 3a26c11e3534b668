"""`retention.yaml`: how long what is kept of people's acts is kept, by kind; every error names the line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graph.schema import KINDS
from serving.yaml_lines import Entry, read_yaml

FILE = "retention.yaml"
DAY = 24 * 3600
ALL = "all"
TOP = "retention"
INTERACTIONS, EXPOSURES, AUDIT, LOGS = "interactions", "exposures", "audit", "logs"
_AGE = re.compile(r"([1-9][0-9]{0,4})d")
EXAMPLE = """retention:
  interactions:        # in the graph, and events that wait for it; what has no time has no age, and stays
    all: 730d
    impressed: 30d     # a kind's own age comes before `all`
    viewed: 180d
  exposures: 90d       # what was shown to whom (online experiments, shadows)
  audit: 365d          # lines of audit.jsonl and the files beside it
  logs: 30d            # what refreshes printed, in HOME/log
"""


@dataclass(frozen=True)
class Policy:
    """Ages in days; what is None or left out is kept."""

    interactions: Mapping[str, int] = field(default_factory=dict)
    exposures: int | None = None
    audit: int | None = None
    logs: int | None = None

    def before(self, now: float) -> dict[str, int]:
        """By kind of interaction, the time (Unix seconds, a midnight) before which it is too old."""
        return {kind: cut(days, now) for kind, days in self.interactions.items()}

    def json(self) -> dict[str, Any]:
        """What is asked for, for a step to compare."""
        ages = {EXPOSURES: self.exposures, AUDIT: self.audit, LOGS: self.logs}
        return {INTERACTIONS: dict(self.interactions), **ages}


def cut(days: int, now: float) -> int:
    """The midnight (UTC) `days` before today: within a day, a policy asks for the same."""
    return (int(now) // DAY - days) * DAY


def read_policy(path: Path) -> Policy:
    """Raises `NotFound`, or `InvalidData` that names the line."""
    root = read_yaml(path, "write it: docs/guide/retention.md has one to copy")
    if root is None:
        return Policy()
    parts = root.items((TOP,), "the file")
    if TOP not in parts:
        return Policy()
    given = parts[TOP].items((INTERACTIONS, EXPOSURES, AUDIT, LOGS), TOP)
    ages = {name: _days(entry, name) for name, entry in given.items() if name != INTERACTIONS}
    kinds = given[INTERACTIONS].items((ALL, *KINDS), INTERACTIONS) if INTERACTIONS in given else {}
    own = {kind: _days(entry, kind) for kind, entry in kinds.items()}
    everything = own.pop(ALL, None)
    rest = {} if everything is None else dict.fromkeys(KINDS, everything)
    return Policy({**rest, **own}, **ages)


def _days(entry: Entry, what: str) -> int:
    text = entry.checked(what, "days, as 90d", lambda value: isinstance(value, str) and bool(_AGE.fullmatch(value)))
    return int(text[:-1])
