"""Old interactions leave the graph, the snapshot follows from the change log, and a kill half way changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graph.expire import RUN, count_expired, expire
from graph.local_store import LocalStore
from graph.schema import ITEM, USER, Entity, Interaction
from graph.snapshot_files import content_hash
from graph.snapshot_fresh import take_snapshot
from graph.snapshot_store import read_snapshot

pytestmark = pytest.mark.integration
DAY = 24 * 3600


@pytest.fixture
def store(local_store: LocalStore) -> LocalStore:
    """Of each of three days, users 0 to 29 viewed, and 0 to 9 bought something; one like has no time."""
    local_store.ensure_schema([USER, ITEM])
    local_store.write([*(Entity(USER, f"p:u{n:02}") for n in range(30)), *(Entity(ITEM, f"p:i{n}") for n in range(3))])
    users = {"viewed": 30, "purchased": 10}
    acts = [Interaction(f"p:u{n:02}", f"p:i{day}", kind, at=day * DAY + n)
            for day in range(3) for kind, many in users.items() for n in range(many)]  # fmt: skip
    local_store.write((), [*acts, Interaction("p:u00", "p:i0", "liked")])
    return local_store


class Dying:
    """A store whose process dies at its second deletion."""

    def __init__(self, store: LocalStore) -> None:
        self._store, self._deletions = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def query(self, text: str, *parameters: Any) -> Any:
        self._deletions += "DELETE r" in text
        if self._deletions == 2:
            raise KeyboardInterrupt
        return self._store.query(text, *parameters)


def test_each_kind_goes_by_its_own_age_and_the_snapshot_follows(store: LocalStore, tmp_path: Path) -> None:
    before = take_snapshot(store, tmp_path)
    asked = {"viewed": 2 * DAY, "purchased": DAY, "liked": 3 * DAY, "impressed": 3 * DAY}
    expected = {"viewed": 60, "purchased": 10, "liked": 0, "impressed": 0}
    assert count_expired(store, asked) == expected
    assert content_hash(read_snapshot(store)) == before.hash, "to count changes nothing"
    assert expire(store, tmp_path, asked) == expected
    after = take_snapshot(store, tmp_path)
    assert after.how == "changes"
    assert after.hash == content_hash(read_snapshot(store))
    assert len(after.snapshot.interactions) == len(before.snapshot.interactions) - 70
    assert expire(store, tmp_path, asked) == dict.fromkeys(asked, 0)
    assert take_snapshot(store, tmp_path).how == "nothing"


def test_one_that_was_killed_half_way_is_ended_by_the_next(store: LocalStore, tmp_path: Path) -> None:
    before = take_snapshot(store, tmp_path)
    asked = {"viewed": DAY, "purchased": DAY}
    with pytest.raises(KeyboardInterrupt):
        expire(Dying(store), tmp_path, asked)  # type: ignore[arg-type]
    assert (tmp_path / RUN).is_dir()
    left = read_snapshot(store)
    assert len(before.snapshot.interactions) - 40 < len(left.interactions) < len(before.snapshot.interactions)
    assert expire(store, tmp_path, asked) == {"viewed": 0, "purchased": 0}, "what was written down is carried out first"
    assert not (tmp_path / RUN).exists()
    after = take_snapshot(store, tmp_path)
    assert len(after.snapshot.interactions) == len(before.snapshot.interactions) - 40
    assert after.hash == content_hash(read_snapshot(store))
