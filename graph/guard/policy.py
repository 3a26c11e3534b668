"""What a caller may see and how much a query may ask for: the values that the guard and the reader are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Limits:
    """Of the text, before anything parses it. `depth`: brackets open at once; `parameter_bytes`: as JSON."""

    length: int = 16_384
    depth: int = 48
    tokens: int = 4_000
    parameter_bytes: int = 1 << 20


@dataclass(frozen=True)
class Policy:
    """Labels and properties that this caller may not see, compared without case and underscores."""

    hidden_labels: frozenset[str] = frozenset()
    hidden_properties: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Catalogue:
    """Labels, relationship types and property keys that the store knows, as it spells them.

    `secret_properties`, `secret_types`: what nodes with a hidden label bear and what reaches them; None where nobody
    looked, and then any. `graph.guard.catalogue` reads them.
    """

    labels: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    secret_properties: frozenset[str] | None = None
    secret_types: frozenset[str] | None = None


@dataclass(frozen=True)
class Checked:
    """A query that passed: `text` is what is executed, character for character what was sent."""

    text: str
    parameters: Mapping[str, Any]
