"""How a home is encoded and its models are trained, remembered from one refresh to the next.

`HOME/encoders.json` and `HOME/refresh.json`, written by rename.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from graph.errors import Conflict
from graph.whole_files import write_json

FILE = "refresh.json"
ENCODERS = "encoders.json"
BUDGET = 600.0
"""Seconds that a choice of models may fit for when nobody says otherwise."""

How: TypeAlias = Literal["random", "last-out", "global-time", "stable", "fixed"]


@dataclass(frozen=True)
class Choice:
    """`min_value`: only values of at least this are likes. `names`: the models that are tried, none for all.

    `budget`: seconds for fitting when models are chosen. `how` test is held out; only `stable` can be measured again
    after the data has changed. None: as the last time.
    """

    min_value: float | None = None
    names: tuple[str, ...] | None = None
    budget: float | None = None
    how: How = "stable"

    def settled(self, before: Choice) -> Choice:
        """With what was not said now as it was before."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(before, **said)


def remembered(home: Path) -> Choice | None:
    """The choice of the last refresh, None before the first. Raises `Conflict` for a file that cannot be read."""
    path = home / FILE
    try:
        fields: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Choice(fields["min_value"], tuple(fields["names"]), fields["budget"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path) from error


def remember(home: Path, choice: Choice) -> None:
    """Keeps it for the next refresh."""
    document = {"min_value": choice.min_value, "names": list(choice.names or ()), "budget": choice.budget or BUDGET}
    write_json(home / FILE, document)


def encoders_of(home: Path) -> dict[str, str]:
    """Encoder by modality, where not the default: what `interlace encode --text NAME` was told last."""
    try:
        found: dict[str, str] = json.loads((home / ENCODERS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _unreadable(home / ENCODERS) from error
    return found


def remember_encoders(home: Path, names: Mapping[str, str]) -> None:
    """Keeps the encoders that were named, for the next refresh; those of other modalities stay as they are."""
    if names:
        write_json(home / ENCODERS, encoders_of(home) | dict(names))


def _unreadable(path: Path) -> Conflict:
    return Conflict(f"{path} cannot be read", valid="as a refresh wrote it", remedy="delete it")
