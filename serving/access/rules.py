"""Which route needs what: the one table (`docs/guide/security.md` explains it, tests hold every route to it).

A route that is not here is open to administrators alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from serving.access.caller import Role

PUBLIC, READER, WRITER, ADMIN = Role.PUBLIC, Role.READER, Role.WRITER, Role.ADMIN


class Bound(Enum):
    """What a caller that is bound to a platform or a user finds behind a route."""

    CATALOGUE = "answers are narrowed to the items of its platform"
    USER = "the id in the path has to be of its platform, or the user's own"
    ITEM = "the id in the path has to be of its platform"
    BODY = "the route checks the ids in the body (`serving.access.scope`)"
    WHOLE = "nothing: the answer speaks of everybody"


@dataclass(frozen=True)
class Rule:
    """`people`: whether a user's own token may. `audited`: whether it is written down when it succeeds, too.

    `streamed`: comes so often that its successes have a log of their own.
    """

    needs: Role
    bound: Bound = Bound.CATALOGUE
    people: bool = False
    audited: bool = False
    streamed: bool = False


_PUBLIC = Rule(PUBLIC, people=True)
_CATALOGUE = Rule(READER, people=True)
_ITEM = Rule(READER, Bound.ITEM, people=True)
_OWN = Rule(READER, Bound.USER, people=True)
_WHOLE = Rule(READER, Bound.WHOLE)
_OPERATE = Rule(ADMIN, Bound.WHOLE, audited=True)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "GET /health": _PUBLIC,
        "GET /ready": _PUBLIC,
        "GET /v1/health": _PUBLIC,
        "GET /v1/ready": _PUBLIC,
        "GET /v1/openapi.json": _PUBLIC,
        "GET /v1/session": _CATALOGUE,
        "POST /v1/session": _CATALOGUE,
        "DELETE /v1/session": _PUBLIC,
        "GET /media/{folder}/{name}": _CATALOGUE,
        "GET /v1/items": _CATALOGUE,
        "GET /v1/items/{id}": _ITEM,
        "GET /v1/items/{id}/similar": _ITEM,
        "GET /v1/items/{id}/related": _ITEM,
        "PUT /v1/items/{id}": Rule(WRITER, Bound.ITEM, audited=True),
        "DELETE /v1/items/{id}": Rule(WRITER, Bound.ITEM, audited=True),
        "GET /v1/onboarding": _CATALOGUE,
        "GET /v1/scenarios": _CATALOGUE,
        "POST /v1/playlists": Rule(READER, Bound.BODY, people=True),
        "POST /v1/radio": Rule(READER, Bound.BODY, people=True),
        "POST /v1/search": Rule(READER, Bound.BODY, people=True),
        "POST /v1/classify": Rule(READER, Bound.BODY, people=True),
        "POST /v1/recommendations": Rule(READER, Bound.BODY, people=True),
        "POST /v1/events": Rule(WRITER, Bound.BODY, people=True, audited=True, streamed=True),
        "GET /v1/users": Rule(READER),
        "GET /v1/users/{id}": _OWN,
        "PUT /v1/users/{id}": Rule(WRITER, Bound.USER, audited=True),
        "DELETE /v1/users/{id}": Rule(WRITER, Bound.USER, audited=True),
        "GET /v1/erasures/{id}": Rule(WRITER, Bound.WHOLE),
        "GET /v1/users/{id}/recommendations": _OWN,
        "GET /v1/users/{id}/home": _OWN,
        "GET /v1/users/{id}/discovery": _OWN,
        "GET /v1/users/{id}/export": _OWN,
        "GET /v1/users/{id}/profile": _OWN,
        "PUT /v1/users/{id}/profile/interests/{label}/{name}": Rule(WRITER, Bound.USER, people=True, audited=True),
        "DELETE /v1/users/{id}/profile/interests/{label}/{name}": Rule(WRITER, Bound.USER, people=True, audited=True),
        "GET /v1/users/{id}/consent": _OWN,
        "PUT /v1/users/{id}/consent": Rule(WRITER, Bound.USER, people=True, audited=True),
        "GET /v1/users/{id}/friends": Rule(READER, Bound.USER),
        "POST /v1/explanations/what-if": Rule(READER, Bound.BODY, people=True),
        "POST /v1/cypher": _WHOLE,
        "GET /v1/graph/schema": _WHOLE,
        "GET /v1/graph/{label}/{id}": _WHOLE,
        "GET /v1/models": Rule(READER),
        "POST /v1/models/{version}/promote": _OPERATE,
        "POST /v1/models/rollback": _OPERATE,
        "GET /v1/refresh-runs": _WHOLE,
        "GET /v1/refresh-runs/{id}": _WHOLE,
        "POST /v1/refresh-runs": _OPERATE,
        "GET /metrics": _WHOLE,
        "GET /v1/metrics": _WHOLE,
    }
)
UNKNOWN = Rule(ADMIN, Bound.WHOLE, audited=True)
"""For paths below /v1 that the table does not know: mostly mistakes, which the routes then answer with 404 or 405."""
PAGE = Rule(PUBLIC, people=True)
"""For every other path: the files of the page."""


class Table:
    """Finds the rule of a method and a path in a microsecond or two."""

    def __init__(self, rules: Mapping[str, Rule] = RULES) -> None:
        self._exact = {name: rule for name, rule in rules.items() if "{" not in name}
        self._patterns: dict[tuple[str, int], list[tuple[list[str], Rule]]] = {}
        for name, rule in rules.items():
            method, path = name.split(" ")
            parts = path.split("/")
            if "{" in name:
                self._patterns.setdefault((method, len(parts)), []).append((parts, rule))

    def find(self, method: str, path: str) -> tuple[Rule, str]:
        """The rule, and the part of the path in the place of `{id}` (still as it was sent; empty without one)."""
        method = "GET" if method == "HEAD" else method
        exact = self._exact.get(f"{method} {path}")
        if exact is not None:
            return exact, ""
        parts = path.split("/")
        for pattern, rule in self._patterns.get((method, len(parts)), ()):
            if all(want == got or (want[:1] == "{" and got) for want, got in zip(pattern, parts, strict=True)):
                named = [got for want, got in zip(pattern, parts, strict=True) if want == "{id}"]
                return rule, named[0] if named else ""
        return (UNKNOWN, "") if path.startswith("/v1/") or path == "/v1" else (PAGE, "")
