from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.index_files import MISSING, fold, map_blobs, map_names, map_rows, write_blobs, write_names, write_rows
from serving.members import among

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.sets(texts, max_size=20), texts)
@settings(deadline=None, max_examples=60)
def test_every_id_is_found_and_no_other(ids: set[str], other: str) -> None:
    ordered = sorted(ids)
    with TemporaryDirectory() as folder:
        write_blobs(Path(folder), "ids", (name.encode() for name in ordered))
        blobs = map_blobs(Path(folder), "ids")
        assert [blobs.find(name.encode()) for name in ordered] == list(range(len(ordered)))
        assert other in ids or blobs.find(other.encode()) == MISSING
        assert [blobs[place].decode() for place in range(len(blobs))] == ordered


def test_rows_come_back(tmp_path: Path) -> None:
    write_rows(tmp_path, "rows", np.array([0, 2, 2, 3]), np.array([5, 6, 7]))
    rows = map_rows(tmp_path, "rows")
    assert [rows[row].tolist() for row in range(len(rows))] == [[5, 6], [], [7]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [2, 0, 1]),
        ("toy", [2, 0]),
        ("story TOY", [2, 0]),
        ("amelie", [1]),
        ("toy amelie", []),
        ("story toy", [2, 0]),
        ("zebra", []),
        ("2\ntoy", [2]),
    ],
)
def test_search_finds_every_word_most_popular_first(tmp_path: Path, query: str, found: list[int]) -> None:
    write_names(tmp_path, "names", ["Toy Story", "Amélie\nPoulain", "Toy Story 2"], np.array([2, 0, 1]))
    names = map_names(tmp_path, "names")
    assert names.search(query, 10) == found
    assert names.search(query, 1) == found[:1]


def test_a_word_cannot_reach_over_two_names(tmp_path: Path) -> None:
    write_names(tmp_path, "names", ["ab", "cd"], np.array([0, 1]))
    assert map_names(tmp_path, "names").search("bcd", 5) == []


def test_fold_drops_case_and_accents() -> None:
    assert fold("  ÉCOLE\n Straße ") == "ecole strasse"


@given(st.lists(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_among_is_what_isin_is(places: list[int], few: set[int]) -> None:
    some, ascending = np.array(places, np.int64), np.array(sorted(few), np.int32)
    assert among(some, ascending).tolist() == np.isin(some, ascending).tolist()
