"""Writes, hidden writes and injections change a graph without a guard; the guard refuses each."""

from __future__ import annotations

import pytest

from graph.errors import Forbidden, InvalidData
from graph.guard.check import check
from tests.graph.guard.attacks import escapes, injection, writes
from tests.graph.guard.harm import CATALOGUE, POLICY, Victim, named, parameters_of

PASTED = {name: place.format(given) for name, (place, given) in injection.PASTED.items()}
ESCAPED = {name: place.format(given) for name, (place, given) in injection.ESCAPED.items()}
BOTH = [*named(writes.BOTH, escapes.BOTH, PASTED)]
NEO4J = [*named(writes.NEO4J, escapes.NEO4J, ESCAPED)]
LOCAL = [*named(writes.LOCAL, escapes.LOCAL)]
ALL = [*BOTH, *NEO4J, *LOCAL]


@pytest.mark.integration
@pytest.mark.parametrize(("name", "text"), BOTH, ids=[name for name, _ in BOTH])
def test_it_changes_either_store_without_a_guard(victim: Victim, name: str, text: str) -> None:
    assert victim.changes(text), f"{name} did no harm"


@pytest.mark.integration
@pytest.mark.neo4j
@pytest.mark.parametrize(("name", "text"), NEO4J, ids=[name for name, _ in NEO4J])
def test_it_changes_neo4j_without_a_guard(neo4j_victim: Victim, name: str, text: str) -> None:
    assert neo4j_victim.changes(text), f"{name} did no harm"


@pytest.mark.integration
@pytest.mark.parametrize(("name", "text"), LOCAL, ids=[name for name, _ in LOCAL])
def test_it_changes_the_local_store_without_a_guard(local_victim: Victim, name: str, text: str) -> None:
    assert local_victim.changes(text), f"{name} did no harm"


@pytest.mark.parametrize(("name", "text"), ALL, ids=[name for name, _ in ALL])
def test_the_guard_refuses_it(name: str, text: str) -> None:
    with pytest.raises((Forbidden, InvalidData)) as caught:
        check(text, parameters_of(text), policy=POLICY, catalogue=CATALOGUE)
    assert caught.value.remedy
    assert caught.value.valid
