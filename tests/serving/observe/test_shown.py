"""What is shown lately: coverage in a window, drift against what was published, over several workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.index import Index
from serving.observe.cells import Cells
from serving.observe.shown import Shown, gini, psi

MINUTES = 60.0


def of(found: dict[tuple[str, tuple[str, ...]], float], name: str, *labels: str) -> float:
    return found[f"interlace_{name}", labels]


def test_coverage_counts_distinct_items_of_a_window(index: Index) -> None:
    now = [1e9]
    shown = Shown(Cells(), MINUTES, clock=lambda: now[0])
    assert of(shown.report(index), "shown_coverage_ratio") == 0
    shown.add(index, "p:u01", [0, 1, 2], [0.3, 0.2, 0.1])
    shown.add(index, "p:u02", [2, 3], [0.3, 0.2])
    assert of(shown.report(index), "shown_coverage_ratio") == pytest.approx(4 / index.num_items)
    now[0] += 60 * (MINUTES - 1)
    shown.add(index, "p:u02", [3], [0.3])
    assert of(shown.report(index), "shown_coverage_ratio") == pytest.approx(4 / index.num_items)
    now[0] += 60 * 2
    assert of(shown.report(index), "shown_coverage_ratio") == pytest.approx(1 / index.num_items)


def test_what_all_workers_show_counts(index: Index, tmp_path: Path) -> None:
    cells = [Cells(tmp_path), Cells(tmp_path)]
    first, second = (Shown(one, MINUTES) for one in cells)
    first.add(index, "p:u01", [0, 1], [0.5, 0.1])
    second.add(index, "p:u01", [1, 2], [0.5, 0.3])
    second.fold(index)
    for one in (first, second):
        assert of(one.report(index), "shown_coverage_ratio") == pytest.approx(3 / index.num_items)
        assert of(one.report(index), "shown_score_mean") == pytest.approx(0.35)
    second.close()
    assert of(first.report(index), "shown_coverage_ratio") == pytest.approx(2 / index.num_items)
    for one in cells:
        one.close()


def test_the_published_lists_do_not_drift_and_others_do(index: Index) -> None:
    like, unlike = (Shown(Cells(), MINUTES) for _ in range(2))
    for user in range(index.num_users):
        items = [item for item in index.list_items[user, :10].tolist() if item >= 0]
        scores = index.list_scores[user, : len(items)].tolist()
        name = index.user_ids[user].decode()
        like.add(index, name, items, scores)
        unlike.add(index, "", items, [score + 10 for score in scores])
    found = like.report(index)
    assert of(found, "drift_psi", "score") < 0.01
    assert of(found, "shown_score_mean") == pytest.approx(of(found, "published_score_mean"), rel=1e-4)
    assert of(unlike.report(index), "drift_psi", "score") > 1


def test_too_few_values_are_not_compared(index: Index) -> None:
    shown = Shown(Cells(), MINUTES)
    shown.add(index, "p:u01", [0], [99.0])
    assert not [key for key in shown.report(index) if key[0] == "interlace_drift_psi"]


def test_another_index_begins_anew(index: Index, tmp_path: Path) -> None:
    cells = Cells(tmp_path)
    shown = Shown(cells, MINUTES)
    shown.add(index, "p:u01", [0, 1], [0.5, 0.1])
    shown.fold(index)
    other = replace(index, version="other")
    shown.add(index, "p:u01", [2], [0.5])
    assert of(shown.report(other), "shown_coverage_ratio") == 0
    assert [path.name.rpartition("-")[2] for path in tmp_path.glob("*.shown-*")] == ["other"]
    cells.close()


def test_counts_fade(index: Index) -> None:
    now = [1e9]
    shown = Shown(Cells(), MINUTES, clock=lambda: now[0])
    shown.add(index, "p:u01", [0], [1.0])
    shown.fold(index)
    now[0] += 60 * MINUTES
    shown.add(index, "p:u01", [0], [4.0])
    assert of(shown.report(index), "shown_score_mean") == pytest.approx(3.0), "an hour ago weighs half"


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_is_what_its_definition_says(shows: list[int]) -> None:
    values = np.array(shows, np.float32)
    if not values.sum():
        assert gini(values) == 0
        return
    pairs = np.abs(values[:, None] - values[None]).sum() / (2 * len(values) ** 2 * values.mean())
    assert gini(values) == pytest.approx(pairs, abs=1e-5)


def test_psi_of_alike_is_nothing() -> None:
    assert psi(np.array([2.0, 4.0]), np.array([1 / 3, 2 / 3])) == pytest.approx(0)
    assert psi(np.array([4.0, 2.0]), np.array([1 / 3, 2 / 3])) == pytest.approx(2 / 3 * np.log(2))
