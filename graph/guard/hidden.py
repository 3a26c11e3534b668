"""Names that a policy hides: what is hidden by default, how names are compared, and where a query may not write them.

A hidden property may not be named as a key of anything (`n.email`, `n['email']`, `{email: …}`, `n {.email}`), a hidden
label or type not at all. As variables, aliases and texts such words are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from graph.errors import Forbidden
from graph.guard.lexer import QUOTED, WORD, Token, where
from graph.guard.policy import Policy
from graph.guard.tree import Node, walk


def fold(name: str) -> str:
    """How names are compared: without case, underscores and hyphens, so `eMail` and `e_mail` are one."""
    return name.lower().replace("_", "").replace("-", "")


class Hidden:
    """The names of a policy, folded."""

    def __init__(self, policy: Policy) -> None:
        self.labels = frozenset(map(fold, policy.hidden_labels))
        self.properties = frozenset(map(fold, policy.hidden_properties))

    def property(self, name: str) -> bool:
        return fold(name) in self.properties

    def label(self, name: str) -> bool:
        return fold(name) in self.labels

    def any_property(self, names: Iterable[str]) -> bool:
        return any(map(self.property, names))

    def any_label(self, names: Iterable[str]) -> bool:
        return any(map(self.label, names))


@lru_cache(maxsize=64)
def hidden_by(policy: Policy) -> Hidden:
    """The names of a policy, folded once: most queries come with the same few policies."""
    return Hidden(policy)


def check_names(
    text: str, tokens: Sequence[Token], tree: Node, *, hidden: Hidden, parameters: Mapping[str, Any]
) -> None:
    """Raises `Forbidden` for a hidden name in the place of a key, label or type, in a parameter's maps as well."""
    _check_parameters(parameters, hidden)
    for node in walk(tree):
        if node.kind in {"property", "entry"} and hidden.property(node.name):
            raise refused(text, tokens, node, f"the property {node.name!r}")
        if node.kind == "label" and hidden.label(node.name):
            raise refused(text, tokens, node, f"the label {node.name!r}")
        if node.kind == "index":
            _check_index(text, tokens, node, hidden, parameters)
    _check_bars(text, tokens, hidden)


def _check_parameters(parameters: Mapping[str, Any], hidden: Hidden) -> None:
    """A map with hidden keys could only be held against what is hidden: `UNWIND [$m] … UNION … properties(n)`."""
    waiting: list[Any] = list(parameters.values()) if hidden.properties else []
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if hidden.any_property(map(str, value)):
                raise Forbidden(
                    "a parameter holds a map with a key that is hidden from this key",
                    valid="maps of properties that GET /v1/graph/schema lists",
                    remedy="rename the key",
                )
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += [one for one in value if isinstance(one, Mapping | list | tuple)]


def _check_index(text: str, tokens: Sequence[Token], node: Node, hidden: Hidden, parameters: Mapping[str, Any]) -> None:
    key = node.parts[1]
    name = parameters.get(key.name) if key.kind == "parameter" else key.name if key.kind == "string" else None
    if isinstance(name, str) and hidden.property(name):
        raise refused(text, tokens, node, f"the property {name!r}")


def _check_bars(text: str, tokens: Sequence[Token], hidden: Hidden) -> None:
    """`[n IN ns WHERE n:A|Secret]`: behind a bar it may be a label to one reader and a variable to another."""
    for at, (before, token) in enumerate(pairwise(tokens), 1):
        if before.word == "|" and token.kind in {WORD, QUOTED} and hidden.label(token.value):
            raise refused(text, tokens, Node("label", at), f"the label {token.value!r}")


def refused(text: str, tokens: Sequence[Token], node: Node, what: str) -> Forbidden:
    """The error for something hidden at a node."""
    return Forbidden(
        f"{what} at {where(text, tokens[node.at].start)} is hidden from this key",
        valid="properties and labels that GET /v1/graph/schema lists",
        remedy="leave it out, or ask with an administrator's key",
    )
