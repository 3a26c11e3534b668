"""The parts of a linkage that need neither splink nor a store."""

from __future__ import annotations

import pandas as pd
import pytest

from graph.errors import InvalidData
from graph.link.clusters import cluster
from graph.link.records import ITEMS, PEOPLE, read_rules, records
from graph.link.report import mark
from graph.link.words import fold, name_parts, title_words


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Müller-Łódź", "muller lodz"), ("  O'Brien ", "obrien"), ("Søren ß", "soren ss"), ("R&B", "r and b")],
)
def test_folding_leaves_letters_and_digits(text, folded):
    assert fold(text) == folded


def test_names_and_titles_in_any_order_and_form():
    assert name_parts("Lovelace, Ada") == name_parts("Ada Lovelace") == ("ada", "lovelace")
    assert name_parts("Plato") == ("", "plato")
    assert title_words("Matrix, The (1999)") == title_words("The Matrix") == "matrix"
    assert title_words("Rocky II") == title_words("ROCKY 2")
    assert title_words("The") == "the"


def test_records_hash_addresses_and_keep_what_is_missing_missing():
    rows = [
        {"id": "a:1", "name": "Ada Lovelace", "email": " Ada@Example.org ", "born": 1815},
        {"id": "b:1", "given_name": "Ada", "family_name": "Lovelace", "birth_year": "1815", "city": "London"},
    ]
    frame = records(rows, PEOPLE)
    one, two = frame.to_dict("records")
    assert one["name"] == two["name"] == "ada lovelace"
    assert len(one["email_hash"]) == 64
    assert "ada@example.org" not in str(one)
    assert two["email_hash"] is None
    assert one["birth_year"] == two["birth_year"] == 1815


def test_rules_name_properties_and_leave_columns_out(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text('{"people": {"columns": {"town": "home"}, "without": ["gender"]}}')
    frame = records([{"id": "a:1", "name": "A B", "home": "Rome", "gender": "f"}], PEOPLE, read_rules(path, PEOPLE))
    assert frame.town.tolist() == ["rome"]
    assert "gender" not in frame
    path.write_text('{"people": {"columns": {"shoe": "size"}}}')
    with pytest.raises(InvalidData, match="'shoe' is no column"):
        read_rules(path, PEOPLE)


def test_nodes_without_anything_to_compare_are_refused():
    with pytest.raises(InvalidData, match="nothing of people can be compared"):
        records([{"id": "a:1", "age": 3}], PEOPLE)
    with pytest.raises(InvalidData, match="nothing of items can be compared"):
        records([{"id": "a:1", "year": 1999}], ITEMS)


def pairs(*rows):
    return pd.DataFrame(rows, columns=["id_l", "id_r", "probability"])


def test_one_user_of_a_platform_is_one_person():
    found = cluster(pairs(("a:1", "b:1", 0.9), ("a:2", "b:1", 0.8), ("b:1", "c:1", 0.7)), threshold=0.5)
    assert found.members == (("a:1", "b:1", "c:1"),)
    assert found.refused == (1,)
    assert found.probability == {"a:1": 0.9, "b:1": 0.9, "c:1": 0.7}


def test_two_of_one_platform_join_on_strong_evidence_alone():
    assert cluster(pairs(("a:1", "a:2", 0.99)), threshold=0.5).members == ()
    assert cluster(pairs(("a:1", "a:2", 0.99995)), threshold=0.5).members == (("a:1", "a:2"),)


def test_what_somebody_said_is_never_joined_otherwise():
    given = {"a:1": "ann", "b:1": "bob", "c:1": "ann"}
    found = cluster(pairs(("a:1", "b:1", 0.999), ("b:1", "d:1", 0.9)), threshold=0.5, given=given)
    assert found.members == (("a:1", "c:1"), ("b:1", "d:1"))


def test_a_masked_value_says_little():
    assert mark("lovelace") == "l•• (8)"
