"""What a policy hides stays hidden: hidden names are refused by name; values are followed where the store holds any.

Where the store has no hidden property and no hidden label, every way to read is open: `n[k]`, `properties(n) = $m`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graph.guard.hidden import Hidden, check_names, hidden_by
from graph.guard.lexer import Token
from graph.guard.policy import Catalogue, Policy
from graph.guard.scopes import Scopes
from graph.guard.tree import Node


def check_privacy(
    text: str,
    tokens: Sequence[Token],
    tree: Node,
    *,
    policy: Policy,
    catalogue: Catalogue,
    parameters: Mapping[str, Any],
) -> None:
    """Raises `Forbidden` where the query could tell what `policy` hides."""
    if not policy.hidden_labels and not policy.hidden_properties:
        return
    hidden = hidden_by(policy)
    check_names(text, tokens, tree, hidden=hidden, parameters=parameters)
    if holds_hidden(hidden, catalogue):
        flow = Scopes(text, tokens, hidden=hidden, catalogue=catalogue, parameters=parameters)
        flow.query(tree, {})


def holds_hidden(hidden: Hidden, catalogue: Catalogue) -> bool:
    """Whether the store may hold something that the policy hides."""
    if hidden.any_label(catalogue.labels) or hidden.any_property(catalogue.properties):
        return True
    return bool(hidden.properties) and not catalogue.complete
