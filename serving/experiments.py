"""Experiments: their arms, and which arm a user is of. Request path: no YAML, no statistics.

A user's arm is a function of the experiment's salt and the user's id alone, so that every worker gives the same one and
nothing has to be kept. Experiments have salts of their own (their names), so that their arms are independent.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import accumulate
from types import MappingProxyType
from typing import Any, TypeAlias

DAY = 24 * 3600
AB, INTERLEAVE = "ab", "interleave"
FORMS = (AB, INTERLEAVE)
MODEL, DIVERSITY, EXPLORE, POOL = "model", "diversity", "explore", "pool"
DEFAULT_POOL = 30
CURRENT = "current"
"""As an arm's model: the index that is current when the experiment starts, kept from then on."""
Option: TypeAlias = str | float | int


@dataclass(frozen=True)
class OptionRule:
    """What an arm may set: the values that are valid, in words and as a test."""

    valid: str
    good: Callable[[Any], bool]


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


OPTIONS: Mapping[str, OptionRule] = MappingProxyType({
    MODEL: OptionRule("current, a version of the index, or a version of `interlace models list` that was staged",
                      lambda value: isinstance(value, str | int) and not isinstance(value, bool)),
    DIVERSITY: OptionRule("0 to 1, as of GET …/recommendations", _share),
    EXPLORE: OptionRule("0 to 1, the share of answers in random order", _share),
    POOL: OptionRule("2 to 500, how many of the best items are put in random order",
                     lambda value: isinstance(value, int) and not isinstance(value, bool) and 2 <= value <= 500),
})  # fmt: skip


@dataclass(frozen=True)
class Arm:
    """`options`: what the arm sets (`OPTIONS`); what it does not set is as for everybody."""

    name: str
    weight: float = 1.0
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """One experiment as it was defined. The first arm is the control. Times in seconds, `start` and `end` Unix times.

    `traffic`: share of the users who take part. The rest is for the report: see `training.online.plan.Plan`.
    """

    name: str
    arms: tuple[Arm, ...]
    form: str = AB
    traffic: float = 1.0
    salt: str = ""
    start: int | None = None
    end: int | None = None
    metrics: tuple[str, ...] = ("ctr",)
    guards: Mapping[str, float] = field(default_factory=dict)
    minimum_effect: float = 0.01
    alpha: float = 0.05
    horizon: int = DAY
    window: int = DAY
    expected_users: int = 10_000
    description: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Experiment:
        """From `as_dict`."""
        arms = tuple(Arm(**one) for one in values["arms"])
        return cls(**{**values, "arms": arms, "metrics": tuple(values["metrics"])})

    def goes_on(self, now: float) -> bool:
        """Is it between its start and its end."""
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)

    @property
    def sets(self) -> frozenset[str]:
        """Which options any of its arms sets: two experiments that go on together must not set the same."""
        named = {name for arm in self.arms for name in arm.options}
        return frozenset(named | ({MODEL, EXPLORE} if self.form == INTERLEAVE else set()))

    @cached_property
    def _edges(self) -> list[float]:
        total = sum(arm.weight for arm in self.arms)
        return [edge / total for edge in accumulate(arm.weight for arm in self.arms)][:-1]

    def arm_of(self, user: str) -> Arm | None:
        """The user's arm; None for one who does not take part. Uniform by the arms' weights."""
        taking, place = draws(self.salt or self.name, user)
        if taking >= self.traffic:
            return None
        return self.arms[bisect_right(self._edges, place)]


def draws(salt: str, user: str) -> tuple[float, float]:
    """Two independent numbers in [0, 1) that salt and user determine: BLAKE2b, 64 bits each, the upper 53 of them used.

    The salt's length goes before it: no salt and user are taken for another pair.
    """
    key = salt.encode("utf-8", "surrogatepass")
    text = b"%d:%b%b" % (len(key), key, user.encode("utf-8", "surrogatepass"))
    whole = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")
    return (whole >> 75) / (1 << 53), ((whole >> 11) & ((1 << 53) - 1)) / (1 << 53)
