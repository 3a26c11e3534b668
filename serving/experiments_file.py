"""`experiments.yaml`: definitions as people write them, checked; every error names the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from graph.errors import InvalidData
from serving.experiments import FORMS, INTERLEAVE, OPTIONS, Arm, Experiment
from serving.schedule import parse_every
from serving.yaml_lines import Entry, read_yaml

FILE = "experiments.yaml"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
NAME_WORDS = "lower-case letters, digits, . _ -, at most 64"
TOP = "experiments"
EXAMPLE = """experiments:
  - name: more-diverse
    description: do people click more when the list is less of the same?
    arms:
      control: {weight: 1}
      diverse: {weight: 1, diversity: 0.3}
    traffic: 1.0              # share of the users who take part
    metrics: [ctr, revenue]   # the first decides
    guards: {returning_d1: 0.05}   # at most a twentieth of these may be lost
    minimum_effect: 0.02      # relative; less does not matter
    horizon: 1d               # each user counts once, so long after their first answer
    expected_users: 20000
"""


def read_experiments(path: Path) -> dict[str, Experiment]:
    """The definitions by name, in the file's order. Raises `NotFound`, or `InvalidData` that names the line."""
    root = read_yaml(path, "write it: docs/guide/experiments-online.md has one to copy")
    if root is None:
        return {}
    found: dict[str, Experiment] = {}
    for entry in root.items((TOP,), "the file").get(TOP, root).entries(TOP):
        experiment = _experiment(entry)
        if experiment.name in found:
            raise entry.refuse(f"{experiment.name!r} is there twice", "a name for each")
        found[experiment.name] = experiment
    return found


def _experiment(entry: Entry) -> Experiment:
    parts = entry.items(("name", "arms", *_FIELDS), "an experiment")
    for needed in ("name", "arms"):
        if needed not in parts:
            raise entry.refuse(f"an experiment without {needed}", "name and arms")
    name = parts["name"].checked("name", NAME_WORDS, lambda one: isinstance(one, str) and bool(NAME.fullmatch(one)))
    arms = tuple(_arm(label, one) for label, one in parts["arms"].items(None, "arms").items())
    given = {key: _FIELDS[key](one) for key, one in parts.items() if key in _FIELDS}
    found = Experiment(name, arms, **given)
    if len(arms) < 2 or (found.form == INTERLEAVE and len(arms) != 2):
        raise parts["arms"].refuse(f"{len(arms)} arm(s)", "two of an interleaving, two or more else")
    if found.form == INTERLEAVE and any("explore" in arm.options for arm in arms):
        raise parts["arms"].refuse("an interleaving that explores", "arms that set model or diversity")
    if found.start is not None and found.end is not None and found.end <= found.start:
        raise parts["end"].refuse("it ends before it starts", "an end after the start")
    return found


def _arm(name: str, entry: Entry) -> Arm:
    if not NAME.fullmatch(name):
        raise entry.refuse(f"the arm's name {name!r}", NAME_WORDS)
    parts = entry.items(("weight", *OPTIONS), f"arm {name}")
    weight = 1.0
    if "weight" in parts:
        weight = float(parts.pop("weight").checked("weight", "a number above 0", lambda one: _number(one) and one > 0))
    options = {key: one.checked(key, OPTIONS[key].valid, OPTIONS[key].good) for key, one in parts.items()}
    return Arm(name, weight, {key: str(value) if key == "model" else value for key, value in options.items()})


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fraction(name: str, valid: str) -> Callable[[Entry], float]:
    return lambda entry: float(entry.checked(name, valid, lambda one: _number(one) and 0 < one <= 1))


def _span(entry: Entry) -> int:
    text = str(entry.value)
    try:
        return int(parse_every(text).seconds)
    except InvalidData as error:
        raise entry.refuse(error.what, error.valid) from error


def _time(entry: Entry) -> int:
    value = entry.value
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise entry.refuse(f"{value!r} is no time", "2026-12-01, or 2026-12-01T08:00:00Z (UTC where it does not say)")
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def _text(entry: Entry) -> str:
    return str(entry.checked("it", "a text", lambda one: isinstance(one, str)))


def _form(entry: Entry) -> str:
    return str(entry.checked("form", ", ".join(FORMS), lambda one: one in FORMS))


def _count(entry: Entry) -> int:
    good = entry.checked(
        "expected_users", "a whole number of 100 or more", lambda one: isinstance(one, int) and one >= 100
    )
    return int(good)


def _measure(entry: Entry) -> str:
    from training.online.tallies import MEASURES

    return str(entry.checked("a metric", ", ".join(MEASURES), lambda one: one in MEASURES))


def _metrics(entry: Entry) -> tuple[str, ...]:
    found = tuple(_measure(one) for one in entry.entries("metrics"))
    if not found:
        raise entry.refuse("no metrics", "at least one: the first decides")
    return found


def _guards(entry: Entry) -> dict[str, float]:
    from training.online.tallies import MEASURES

    valid = "the share of it that may be lost, 0 to 1"
    return {
        name: float(one.checked(name, valid, lambda loss: _number(loss) and 0 <= loss <= 1))
        for name, one in entry.items(tuple(MEASURES), "guards").items()
    }


_FIELDS: Mapping[str, Callable[[Entry], Any]] = MappingProxyType({
    "form": _form,
    "description": _text,
    "salt": _text,
    "traffic": _fraction("traffic", "a share above 0, at most 1"),
    "start": _time,
    "end": _time,
    "metrics": _metrics,
    "guards": _guards,
    "minimum_effect": _fraction("minimum_effect", "relative, above 0: 0.02"),
    "alpha": _fraction("alpha", "above 0: 0.05"),
    "horizon": _span,
    "window": _span,
    "expected_users": _count,
})  # fmt: skip
