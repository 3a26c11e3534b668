"""Without a guard an answer depends on a secret: it differs when the secret does. The guard refuses each such query."""

from __future__ import annotations

from typing import Any

import pytest
from neo4j.exceptions import Neo4jError

from graph.errors import Forbidden, InvalidData
from graph.guard.check import check
from tests.graph.guard.attacks import privacy
from tests.graph.guard.harm import CATALOGUE, ONE, OTHER, PARAMETERS, POLICY, Victim, named, parameters_of

BOTH = [*named(privacy.BOTH)]
NEO4J = [*named(privacy.NEO4J)]
LOCAL = [*named(privacy.LOCAL)]
ALL = [*BOTH, *NEO4J, *LOCAL]
Answers = dict[str, str]


def _answers(victim: Victim, secrets: dict[str, Any]) -> Answers:
    victim.plant(secrets)
    found: Answers = {}
    for name, text in ALL:
        try:
            found[name] = repr(victim.run(text, PARAMETERS))
        except Neo4jError as error:
            found[name] = f"no attack, it does not run: {error.code}"
    return found


@pytest.fixture(scope="module")
def local_answers(local_victim: Victim) -> tuple[Answers, Answers]:
    return _answers(local_victim, ONE), _answers(local_victim, OTHER)


@pytest.fixture(scope="module")
def neo4j_answers(neo4j_victim: Victim) -> tuple[Answers, Answers]:
    return _answers(neo4j_victim, ONE), _answers(neo4j_victim, OTHER)


@pytest.mark.integration
@pytest.mark.parametrize("name", [name for name, _ in [*BOTH, *LOCAL]])
def test_the_local_store_tells_without_a_guard(local_answers: tuple[Answers, Answers], name: str) -> None:
    one, other = (answers[name] for answers in local_answers)
    assert one != other


@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize("name", [name for name, _ in [*BOTH, *NEO4J]])
def test_neo4j_tells_without_a_guard(neo4j_answers: tuple[Answers, Answers], name: str) -> None:
    one, other = (answers[name] for answers in neo4j_answers)
    assert one != other


@pytest.mark.parametrize(("name", "text"), ALL, ids=[name for name, _ in ALL])
def test_the_guard_refuses_it(name: str, text: str) -> None:
    with pytest.raises((Forbidden, InvalidData)):
        check(text, parameters_of(text), policy=POLICY, catalogue=CATALOGUE)
