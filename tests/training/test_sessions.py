"""Sessions: what is counted, what is held out, and weights that follow what the data says."""

from __future__ import annotations

import numpy as np
import pytest

from graph.schema import KINDS
from graph.snapshot import Interactions, Triples
from training.data import SideInformation
from training.prepare import Prepared, prepare_parts
from training.sessions import LAST, MODEL, NEXT, held_sessions, learn_sessions, transitions
from training.split import Split, make_split
from training.zoo import find

ITEMS, USERS = 30, 200


@pytest.fixture(scope="module")
def chain() -> tuple[Split, Prepared]:
    """Everybody goes from item i to i + 1 (the last to the first), from anywhere: only the order tells what is next."""
    rng = np.random.default_rng(4)
    starts = rng.integers(0, ITEMS, USERS)
    item = ((starts[:, None] + np.arange(9)) % ITEMS).ravel().astype(np.int32)
    user = np.repeat(np.arange(USERS), 9).astype(np.int32)
    time = np.tile(np.arange(9), USERS).astype(np.int64)
    kind = np.full(len(user), KINDS.index("viewed"), np.int8)
    split = make_split(Interactions(user, item, kind, np.full(len(user), np.nan, np.float32), time), how="last-out")
    triples = Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32))
    side = SideInformation(ITEMS, (), triples, np.empty((0, 2), np.int32))
    return split, prepare_parts(split, (USERS, ITEMS), side, 42)


def test_what_comes_next_weighs_most(chain: tuple[Split, Prepared]) -> None:
    found = transitions(chain[1].data.histories).toarray()
    assert found.argmax(axis=1).tolist() == [(item + 1) % ITEMS for item in range(ITEMS)]
    assert not found.diagonal().any()


def test_a_session_is_what_came_before_in_train(chain: tuple[Split, Prepared]) -> None:
    split, _ = chain
    held = held_sessions(split.train, split.validation, ITEMS)
    assert len(held) == USERS
    for row in (0, 57):
        items = held.histories.items[held.histories.indptr[row] : held.histories.indptr[row + 1]]
        assert items.tolist() == split.train.item[split.train.user == row][-LAST:].tolist()
        assert held.relevant[row].indices.tolist() == split.validation.item[split.validation.user == row].tolist()
    early = Interactions(*(getattr(split.validation, name) for name in ("user", "item", "kind", "value")),
                         time=np.full(USERS, 2, np.int64))  # fmt: skip
    assert np.diff(held_sessions(split.train, early, ITEMS).histories.indptr).tolist() == [3] * USERS


def test_the_order_gets_the_weight_where_it_tells(chain: tuple[Split, Prepared]) -> None:
    split, prepared = chain
    popularity = find("popularity").build().fit(prepared.data)
    learned = learn_sessions(popularity, prepared.data, held_sessions(split.train, split.validation, ITEMS))
    assert learned is not None
    assert learned.weights[NEXT] > 0.5
    assert learned.weights.get(MODEL, 0.0) < 0.2
    assert learned.decay < 1
    assert learned.validation is not None
    assert learned.validation["session"] > 0.9


def test_nothing_is_learned_of_nothing(chain: tuple[Split, Prepared]) -> None:
    split, prepared = chain
    nobody = split.validation.take(np.zeros(USERS, np.bool_))
    popularity = find("popularity").build().fit(prepared.data)
    assert learn_sessions(popularity, prepared.data, held_sessions(split.train, nobody, ITEMS)) is None
