"""Bounds: what is too large is refused before a store sees it, what is usual passes."""

from __future__ import annotations

import time

import pytest

from graph.errors import InvalidData
from graph.guard.check import check
from graph.guard.policy import Catalogue, Limits, Policy
from graph.guard.regexes import dangerous
from tests.graph.guard.harm import CATALOGUE, POLICY

USUAL = (
    "MATCH (u:User {id: $id})-[r:RATED]->(i:Item)<-[:RATED]-(v:User) WHERE r.value >= 4 AND i.year > 1990 "
    "RETURN i.title AS title, count(DISTINCT v) AS n, avg(r.value) AS mean ORDER BY n DESC LIMIT 10"
)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(a*)*b",
        "(a|aa)+",
        "((a+)b?)*",
        "(a?){30}",
        "(.*a){12}",
        "(?:a+)+",
        "a+b+c+d+e+f+g+",
        "(a)\\1",
        "\\Qa",
        "a{9999}",
        "a" * 500,
        "(?i)(x+x+)+y",
        "([a-z]+)*$",
        "(a|b|ab)*c",
        "a{2,100000}",
        "(?ix)(a+) +b",
    ],
)
def test_patterns_that_backtrack_are_refused(pattern: str) -> None:
    assert dangerous(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?i).*star.*wars.*",
        "^[A-Z][a-z]+ (of|the) .*$",
        "m:\\d{1,4}",
        "[^(a+)+]+",
        "a(b)?c",
        "(19|20)\\d{2}",
        "\\(.*\\)",
        "",
        "a|b",
    ],
)
def test_usual_patterns_pass(pattern: str) -> None:
    assert dangerous(pattern) == ""


@pytest.mark.parametrize(
    "text",
    [
        "UNWIND range(1, 1000) AS x UNWIND range(1, 100) AS y RETURN sum(x * y) AS s",
        "MATCH (i:Item) WITH collect(i) AS xs UNWIND range(0, size(xs) - 2) AS k RETURN xs[k].id",
        "RETURN reduce(f = [1, 1], i IN range(1, 10) | f + (f[-1] + f[-2])) AS fibonacci",
        "RETURN reduce(m = 0, x IN [1, 2] | CASE WHEN x > m THEN x ELSE m END) AS largest",
        "RETURN reduce(s = 1, x IN [1] | s + s * 0.1) AS interest",
        "MATCH (a)-[*]->(b) RETURN count(*)",
        "RETURN replace('a-b', '-', ' ') + replace('x', 'x', 'yyy') AS x",
    ],
)
def test_usual_sizes_pass(text: str) -> None:
    check(text, {}, policy=POLICY, catalogue=CATALOGUE)


@pytest.mark.parametrize(
    "parameters",
    [
        {"x": "a" * 2_000_000},
        {"x": [1] * 400_000},
        {"x": 1 << 70},
        {"x": "\ud800"},
        {"x": object()},
        {"x": [[[[]]]] * 300_000},
    ],
)
def test_parameters_have_bounds(parameters: dict[str, object]) -> None:
    with pytest.raises(InvalidData):
        check("RETURN $x", parameters, policy=POLICY, catalogue=CATALOGUE)


def test_parameters_nested_too_deep_are_refused() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(InvalidData):
        check("RETURN $x", {"x": deep}, policy=POLICY, catalogue=CATALOGUE)


def test_depth_beyond_python_s_is_an_error_of_ours() -> None:
    wide = Policy(limits=Limits(length=10**6, depth=10**5, tokens=10**6))
    with pytest.raises(InvalidData):
        check("RETURN " + "(" * 20_000 + "1" + ")" * 20_000, {}, policy=wide, catalogue=Catalogue())


def test_a_usual_query_takes_about_a_millisecond() -> None:
    """Of processor time; the bound leaves room for slow machines and coverage."""

    def seconds() -> float:
        started = time.process_time()
        check(USUAL, {"id": "u1"}, policy=POLICY, catalogue=CATALOGUE)
        return time.process_time() - started

    assert min(seconds() for _ in range(30)) < 0.004
