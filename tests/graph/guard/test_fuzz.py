"""The guard against made-up texts: it never crashes, stays linear, and what it accepts Neo4j itself calls a read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import neo4j
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neo4j.exceptions import Neo4jError

from graph.errors import InterlaceError
from graph.guard.check import check
from graph.guard.policy import Limits, Policy
from graph.guard.procedures import ALLOWED
from tests.graph.guard.harm import CATALOGUE, POLICY, Victim
from tests.graph.guard.sentences import ESCAPES, GAPS, KEYS, NAMES, WRITES, attacks, reads

PARAMETERS = {"p": 1, "create": "x"}
PIECES = [
    *NAMES,
    *KEYS,
    *WRITES,
    *GAPS,
    *ESCAPES,
    *"()[]{}.,:|&!%*+-/^=<>$",
    "MATCH",
    "RETURN",
    "WITH",
    "WHERE",
    "1",
    "'a'",
]
WIDE = Policy(POLICY.hidden_labels, POLICY.hidden_properties, Limits(length=10**6, depth=10**4, tokens=10**6))
SHAPES: dict[str, Callable[[int], str]] = {
    "sum": lambda n: "RETURN " + "+".join(["1"] * n),
    "comparisons": lambda n: "RETURN " + " < ".join(["n"] * n),
    "list": lambda n: "RETURN [" + ",".join(["1"] * n) + "]",
    "keys": lambda n: "RETURN " + "n.a + " * n + "1",
    "labels": lambda n: "MATCH (n:" + "|".join(["A"] * n) + ") RETURN n",
    "items": lambda n: "RETURN " + ",".join(["1"] * n),
    "names with dots": lambda n: "RETURN " + ".".join(["a"] * n),
    "open strings": lambda n: "RETURN " + "'a\\'" * n,
    "open comments": lambda n: "RETURN 1 " + "/* " * n,
    "stars": lambda n: "RETURN 1 /" + "*" * n,
    "backticks": lambda n: "RETURN `" + "``" * n,
    "escapes": lambda n: "RETURN '" + "\\u0041" * n + "'",
    "escapes in comments": lambda n: "RETURN 1 " + "/* \\u0041 */" * n,
    "comprehensions": lambda n: "RETURN " + ",".join(["[x IN [1] WHERE x:A|B | x]"] * n),
    "bars": lambda n: "RETURN [x IN [1] WHERE x:" + "|".join(["A"] * n) + " | 1]",
    "repetitions": lambda n: "RETURN 'a' =~ '" + "a" * n + "'",
    "patterns": lambda n: "MATCH " + "(a)--" * n + "(a) RETURN 1",
    "clauses": lambda n: "WITH 1 AS x " * n + "RETURN x",
    "spaces": lambda n: "RETURN" + " " * n + "1",
}


def _refusal(text: str, policy: Policy = POLICY) -> str:
    try:
        check(text, PARAMETERS, policy=policy, catalogue=CATALOGUE)
    except InterlaceError as error:
        return str(error)
    return ""


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
def test_it_never_crashes_on_pieces(text: str) -> None:
    _refusal(text)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_it_never_crashes_on_text(text: str) -> None:
    _refusal(text)


@given(
    st.lists(st.sampled_from(["(", "[", "{", "CASE WHEN ", "NOT ", "-", "[x IN ", "EXISTS {", "CALL {"]), max_size=200)
)
@settings(max_examples=100, deadline=None)
def test_it_never_crashes_in_depth(pieces: list[str]) -> None:
    closing = {"(": ")", "[": "]", "{": "}"}
    opened = [piece.strip()[-1] if piece.strip()[-1] in closing else piece.strip()[0] for piece in pieces]
    _refusal("RETURN " + "".join(pieces) + "1" + "".join(closing.get(one, "") for one in reversed(opened)), WIDE)


@given(reads())
@settings(max_examples=200, deadline=None)
def test_plain_reads_with_tricky_names_pass(parts: list[str]) -> None:
    text = " ".join(parts)
    # `RETURN delete` could be a clause to somebody, `MATCH (n) RETURN return` is no query: refused on purpose.
    refusal = _refusal(text, Policy())
    assert refusal == "" or "does more than read" in refusal or "is not expected" in refusal, text


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_time_is_linear(shape: Callable[[int], str]) -> None:
    small, large = (min(_seconds(shape(n)) for _ in range(3)) for n in (1_000, 8_000))
    assert large < 24 * small + 0.02  # Eight times as long a text; a quadratic reader would take 64 times as long.


def _seconds(text: str) -> float:
    started = time.process_time()
    _refusal(text, WIDE)
    return time.process_time() - started


@pytest.fixture(scope="module")
def session(neo4j_victim: Victim) -> Iterator[neo4j.Session]:
    with neo4j_victim.driver.session(database="neo4j") as opened:
        yield opened


def _operators(plan: dict[str, object]) -> Iterator[tuple[str, str]]:
    yield str(plan["operatorType"]).partition("@")[0], str(dict(plan.get("args") or {}).get("Details", ""))  # type: ignore[call-overload]
    for child in plan.get("children") or []:  # type: ignore[attr-defined]
        yield from _operators(child)


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.neo4j
@given(text=attacks())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_what_it_accepts_neo4j_calls_a_read(session: neo4j.Session, text: str) -> None:
    if _refusal(text, Policy()):
        return
    try:
        summary = session.run(f"EXPLAIN {text}", PARAMETERS).consume()
    except Neo4jError:
        return  # Not every text that the guard lets through means something.
    assert summary.query_type == "r"
    assert summary.plan is not None
    for operator, details in _operators(dict(summary.plan)):
        assert operator not in {"LoadCSV", "Foreach", "SetProperty", "DeleteNode", "EmptyResult"}, operator
        assert "Create" not in operator
        if operator == "ProcedureCall":
            assert details.partition("(")[0].lower() in ALLOWED
