"""What callers of the API and of `interlace cypher` may not see: the guard's own list, and what the settings add."""

from __future__ import annotations

from graph.guard.policy import HIDDEN_LABELS, HIDDEN_PROPERTIES, Policy
from serving.settings import Settings


def policy_of(settings: Settings) -> Policy:
    """The policy for callers without a key that says more."""
    return Policy(
        HIDDEN_LABELS | names_of(settings.hidden_labels),
        HIDDEN_PROPERTIES | names_of(settings.hidden_properties) | names_of(settings.private_properties),
    )


def names_of(listed: str) -> frozenset[str]:
    """The names of a setting that lists them: a,b."""
    return frozenset(name.strip() for name in listed.split(",") if name.strip())
