"""The survey of a store: what it asks, what it keeps, and what it assumes when it could not look."""

from __future__ import annotations

import pytest

from graph.errors import StoreUnavailable
from graph.guard.policy import Catalogue, Policy
from graph.guard.survey import Surveys
from graph.local_store import LocalStore
from graph.reader import open_reader
from tests.graph.guard.harm import ONE, PLANT, POLICY

KNOWN = Catalogue(labels=frozenset({"User", "Secret"}), properties=frozenset({"id"}))


class Answers:
    """Answers of a store by what is asked; counts the questions."""

    def __init__(self, nodes: int = 1) -> None:
        self.asked: list[str] = []
        self.nodes = nodes

    def column(self, text: str, _seconds: float) -> list[str]:
        self.asked.append(text)
        if "count(n)" in text:
            return [str(self.nodes)]
        return ["OWNS"] if "type(r)" in text else ["id", "email"]


def test_it_finds_keys_and_what_surrounds_hidden_nodes() -> None:
    found = Surveys(Answers().column, lists_every_key=False).of(KNOWN, POLICY)
    assert found.complete
    assert found.properties == {"id", "email"}
    assert found.secret_properties == {"id", "email"}
    assert found.secret_types == {"OWNS"}


def test_a_complete_catalogue_without_hidden_labels_is_not_looked_at() -> None:
    answers = Answers()
    known = Catalogue(labels=frozenset({"User"}))
    assert Surveys(answers.column, lists_every_key=True).of(known, POLICY).complete
    assert Surveys(answers.column, lists_every_key=False).of(known, Policy()) == known
    assert answers.asked == []


def test_it_looks_again_when_the_graph_has_grown() -> None:
    answers = Answers()
    surveys = Surveys(answers.column, lists_every_key=False)
    surveys.of(KNOWN, POLICY)
    first = len(answers.asked)
    surveys.of(KNOWN, POLICY)
    assert len(answers.asked) == first + 1  # The count of nodes.
    answers.nodes = 2
    surveys.of(KNOWN, POLICY)
    assert len(answers.asked) == 2 * first + 1


def test_a_store_that_does_not_answer_leaves_it_unknown() -> None:
    def column(_text: str, _seconds: float) -> list[str]:
        raise StoreUnavailable("too slow")

    found = Surveys(column, lists_every_key=False).of(KNOWN, POLICY)
    assert not found.complete
    assert found.secret_properties is None


@pytest.mark.integration
def test_the_local_store_s_undeclared_keys_are_found(local_store: LocalStore) -> None:
    local_store.query(PLANT, ONE)
    reader = open_reader(local_store)
    try:
        found = reader.surveyed(POLICY)
    finally:
        reader.close()
    assert {"email", "value", "title"} <= found.properties
    assert found.complete
    assert found.secret_types == {"OWNS"}
