"""Nobody alone shows in what is said of people: below the threshold nothing is told, and one person changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from graph.explain_tell import at_least
from graph.schema import KINDS
from graph.snapshot import IdMap, Interactions, Snapshot
from serving.crowd import crowd_of
from serving.foldin import viewer
from serving.index import Index, open_index
from serving.index_files import MISSING
from serving.live import Live
from serving.neighbours import crowd
from serving.publish import publish
from serving.reason_paths import Candidate, candidates, likings_of
from serving.settings import Settings
from serving.similar import similar
from serving.ties import Ties
from serving.together import taken_together
from tests.serving.conftest import INFO
from training.data import Histories
from training.models.ease import EASE, EASEConfig
from training.train import everything

VICTIM = 29
"""Of the sample's users: does nothing until the attacker's second look."""
COMMON, RARE = (0, 1, 2), (3, 4)
"""Items that seven people like together, and items that four do."""
FEW = 5


def rows(victim: list[int]) -> list[list[int]]:
    """Items a user: seven of one taste, four of another, others of all kinds, and the victim."""
    found = [list(COMMON) for _ in range(7)] + [list(RARE) for _ in range(4)]
    found += [[5 + user % 6, 11 + user % 5] for user in range(VICTIM - len(found))]
    return [*found, victim]


def interactions(histories: list[list[int]]) -> Interactions:
    pairs = [(user, item) for user, items in enumerate(histories) for item in items]
    user, item = (np.array(one, np.int32) for one in zip(*pairs, strict=True))
    rated = np.full(len(pairs), KINDS.index("rated"), np.int8)
    return Interactions(user, item, rated, np.full(len(pairs), 5.0, np.float32), np.arange(len(pairs), dtype=np.int64))


def published(snapshot: Snapshot, victim: list[int], folder: Path) -> Index:
    """An index whose model and fold-in histories never knew the victim: only what is said of people can differ."""
    users = IdMap(tuple(f"p:u{number:02d}" for number in range(VICTIM + 1)), "user")
    base = replace(snapshot, users=users, interactions=interactions(rows([])),
                   user_properties=snapshot.user_properties.slice(0, VICTIM + 1))  # fmt: skip
    known = everything(base, None)
    ease = EASE(EASEConfig(5.0)).fit(known)
    publish(replace(base, interactions=interactions(rows(victim))), ease, home=folder, model=INFO)
    return open_index(folder)


def reasons(index: Index) -> dict[tuple[str, int], list[Candidate]]:
    """What may be said of people to every other user, for every item."""
    live, people = Live(index), crowd_of(index, FEW)
    found = {}
    for number in range(VICTIM):
        who = viewer(live, f"p:u{number:02d}")
        likings = likings_of(live, who, people)
        for item, one in enumerate(candidates(live, people, Ties(), likings, list(range(index.num_items)))):
            found[who.name, item] = [path for path in one if path.proof in ("people", "next")]
    return found


@pytest.mark.parametrize("victim", [[*COMMON], [0, 1], [0], [5, 6, 7]], ids=str)
def test_a_differencing_attack_sees_nothing(snapshot: Snapshot, victim: list[int], tmp_path: Path) -> None:
    """The same questions before and after one person acts: every reason and every list by the crowd is the same."""
    before, after = (published(snapshot, one, tmp_path / name) for one, name in (([], "a"), (victim, "b")))
    assert reasons(before) == reasons(after)
    assert np.array_equal(before.crowd_items, after.crowd_items)
    assert np.array_equal(before.crowd_scores, after.crowd_scores)
    assert len(before.transitions.rows.columns)
    assert np.array_equal(before.transitions.rows.columns, after.transitions.rows.columns)


def test_what_many_do_is_told_in_steps(snapshot: Snapshot, tmp_path: Path) -> None:
    index = published(snapshot, [*COMMON], tmp_path)
    told = [one for found in reasons(index).values() for one in found]
    assert told
    assert {one.facts["people"] for one in told} == {5}, "eight people are told as five"
    items, scores = similar(Live(index), 0, "crowd", 10)
    assert items.tolist() == [1, 2]
    assert scores.tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("known", [[], [RARE[0]]], ids=["four", "four and a half"])
def test_what_few_do_is_not_told_at_all(snapshot: Snapshot, known: list[int], tmp_path: Path) -> None:
    """Four people like two items together and nothing else: a cosine of one, and not a word of it."""
    index = published(snapshot, known, tmp_path)
    live, people = Live(index), crowd_of(index, FEW)
    assert people.together(*RARE, KINDS.index("rated")).people == 0
    assert len(similar(live, RARE[0], "crowd", 10)[0]) == 0
    assert not any(one.liked in RARE for found in reasons(index).values() for one in found)


def test_without_a_threshold_the_same_attack_works(snapshot: Snapshot) -> None:
    """What the test above would look like if it could not fail."""
    before, after = (csr_matrix(dense(rows(victim))) for victim in ([], [*RARE]))
    plain, rounded = ([crowd(one, 5, fewest) for one in (before, after)] for fewest in (1, FEW))
    assert plain[0][0][RARE[0], 0] == RARE[1]
    assert not np.array_equal(crowd(before, 5, 1)[1], crowd(csr_matrix(dense(rows([0, 3]))), 5, 1)[1])
    assert rounded[0][0][RARE[0], 0] == MISSING


@pytest.mark.parametrize("victim", [[*COMMON], [0, 1], [0, 3]], ids=str)
def test_what_is_taken_together_tells_of_nobody(victim: list[int]) -> None:
    crowd_of_many = [list(COMMON)] * 42 + [list(RARE)] * 40 + [[5 + user % 6, 11 + user % 5] for user in range(300)]
    before, after = (taken_together(histories_of([*crowd_of_many, one]), FEW) for one in ([], victim))
    assert before.people.min() >= FEW
    for name in ("row", "column", "people", "chance", "worth"):
        assert np.array_equal(getattr(before, name), getattr(after, name))
    plain = [taken_together(histories_of([*crowd_of_many, one]), 1) for one in ([], victim)]
    assert not np.array_equal(plain[0].chance, plain[1].chance), "without a threshold the same attack works"


def histories_of(rows: list[list[int]]) -> Histories:
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    items = np.array([item for row in rows for item in row], np.int32)
    return Histories(indptr, items, np.zeros(len(items), np.int64), 24)


def dense(histories: list[list[int]]) -> np.ndarray:
    matrix = np.zeros((len(histories), 24), np.float32)
    for user, items in enumerate(histories):
        matrix[user, items] = 1
    return matrix


def test_steps_go_down_and_the_setting_is_at_least_one() -> None:
    assert [at_least(people, 5) for people in (0, 4, 5, 9, 10)] == [0, 0, 5, 5, 10]
    assert Settings().k_anonymity == FEW
    with pytest.raises(ValueError, match="k_anonymity"):
        Settings(k_anonymity=0)
