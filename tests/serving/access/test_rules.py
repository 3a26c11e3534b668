"""The table of routes: complete, and what it says of each role and bound."""

from __future__ import annotations

from typing import Any

import pytest

from serving.access.caller import Caller, Role
from serving.access.decide import refusal
from serving.access.rules import PAGE, RULES, UNKNOWN, Bound, Table
from serving.middleware import Wrapped
from tests.conftest import ROOT

READER, WRITER, ADMIN = (Caller(role.word, role) for role in (Role.READER, Role.WRITER, Role.ADMIN))
BOUND = Caller("bound", Role.ADMIN, "p")
PERSON = Caller("person", Role.READER, "p", "p:u01")


def routes(app: Wrapped) -> list[str]:
    """Every method and path that the application answers, documented or not."""
    found: list[Any] = []
    for route in app.api.routes:
        within = getattr(route, "effective_route_contexts", None)
        found += [route] if within is None else list(within())
    return sorted(f"{method} {route.path}" for route in found for method in route.methods - {"HEAD"})


def test_every_route_is_in_the_table(app: Wrapped) -> None:
    there = routes(app)
    assert len(there) >= len(app.api.openapi()["paths"])
    assert [route for route in there if route not in RULES] == [], "name it in serving/access/rules.py"
    assert "GET /health" in there
    documented = app.api.openapi()["paths"]
    named = {f"{method.upper()} {path}" for path, methods in documented.items() for method in methods}
    assert named <= set(there)


def test_every_route_of_the_guide_table_is_as_the_program_says() -> None:
    guide = (ROOT / "docs/guide/security.md").read_text(encoding="utf-8")
    for name, rule in RULES.items():
        if name.startswith(("GET /metrics", "GET /v1/metrics")):
            continue
        row = next((line for line in guide.splitlines() if f"`{name}`" in line and line.startswith("|")), None)
        assert row is not None, name
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1] == ("none" if rule.needs is Role.PUBLIC else rule.needs.word), name
        assert cells[2] == ("yes" if rule.people else "no"), name


def test_what_is_not_in_the_table_is_for_administrators() -> None:
    table = Table()
    for path in ("/v1/new", "/v1/users/a/b/c", "/v1/", "/v1", "/v1/items//similar", "/v1/users/"):
        assert table.find("GET", path)[0] is UNKNOWN, path
    assert table.find("PATCH", "/v1/items/p:1")[0] is UNKNOWN
    assert table.find("GET", "/js/main.js")[0] is PAGE
    assert refusal(UNKNOWN, WRITER, "") is not None
    assert refusal(UNKNOWN, ADMIN, "") is None


def test_the_id_is_found_as_it_was_sent() -> None:
    table = Table()
    assert table.find("GET", "/v1/users/p%3Au%2F1/recommendations") == (
        RULES["GET /v1/users/{id}/recommendations"],
        "p%3Au%2F1",
    )
    assert table.find("HEAD", "/v1/items/p:1")[1] == "p:1"
    assert table.find("GET", "/v1/graph/schema") == (RULES["GET /v1/graph/schema"], "")
    assert table.find("GET", "/media/ab/x.jpg") == (RULES["GET /media/{folder}/{name}"], "")


@pytest.mark.parametrize("name", RULES)
def test_roles_include_those_below_and_nobody_gets_in(name: str) -> None:
    rule = RULES[name]
    allowed = [caller.role for caller in (READER, WRITER, ADMIN) if refusal(rule, caller, "p:u01") is None]
    assert allowed == [role for role in (Role.READER, Role.WRITER, Role.ADMIN) if role >= rule.needs]
    nobody = refusal(rule, Caller("nobody", Role.PUBLIC), "p:u01")
    assert (nobody is None) == (rule.needs is Role.PUBLIC)
    if nobody is not None:
        assert nobody.status == 401


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.needs is not Role.PUBLIC])
def test_bound_keys_reach_their_platform_alone(name: str) -> None:
    rule = RULES[name]
    mine, theirs = (refusal(rule, BOUND, part) for part in ("p%3Ai01", "q:i01"))
    if rule.bound is Bound.WHOLE:
        assert mine is not None
    else:
        assert mine is None
        assert (theirs is None) == (rule.bound not in {Bound.USER, Bound.ITEM})
    for sly in ("p", "P:x", "%70q:x", "%ff", "", "p%3", "%C0%B0:x"):
        assert (refusal(rule, BOUND, sly) is None) == (rule.bound in {Bound.CATALOGUE, Bound.BODY}), sly


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.needs is not Role.PUBLIC])
def test_people_reach_themselves_alone(name: str) -> None:
    rule = RULES[name]
    if not rule.people:
        assert refusal(rule, PERSON, "p:u01") is not None
    elif rule.bound is Bound.USER:
        assert refusal(rule, PERSON, "p%3Au01") is None
        others = [
            refusal(rule, PERSON, part) for part in ("p:u02", "p:nobody", "p:u0", "P:u01", "p:u01%00", "p%253Au01")
        ]
        assert len({(one.status, one.what, one.valid) for one in others if one}) == 1
        assert None not in others
    assert not rule.people or rule.bound is not Bound.WHOLE, "a user's token must not see everybody"
