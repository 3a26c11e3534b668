"""The OpenAPI document says of every operation whom it is for and what the gate may answer."""

from __future__ import annotations

from typing import Any

from serving.access.caller import Role
from serving.access.rules import Bound, Rule, Table
from serving.problem import documented

SCHEMES: dict[str, Any] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`interlace keys create`) or an OpenID Connect token; on loopback none is needed.",
    }
}
GATE = (401, 403, 421, 429, 431)
"""What the gate may answer anybody who asks for more than what is public."""
PUBLIC = (401, 403, 421, 431)


def describe_access(document: dict[str, Any]) -> None:
    """Adds security and the gate's answers to every operation."""
    document["components"]["securitySchemes"] = SCHEMES
    table = Table()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            rule, _ = table.find(method.upper(), path)
            _describe(operation, rule)


def _describe(operation: dict[str, Any], rule: Rule) -> None:
    public = rule.needs is Role.PUBLIC
    operation["security"] = [{}] if public else [{"key": []}, {}]
    statuses = [*(PUBLIC if public else GATE), 413]  # a length too large is refused whether or not a body is read
    for status, answer in documented(*statuses).items():
        operation["responses"].setdefault(str(status), answer)
    if not public:
        operation["description"] += f"\n\n{_words(rule)}"


def _words(rule: Rule) -> str:
    who = f"Needs a key of role `{rule.needs.word}`"
    also = " or a user's own token" if rule.people else ""
    bound = " that is bound to no platform" if rule.bound is Bound.WHOLE else ""
    return f"{who}{bound}{also}, where the server asks for keys."
