"""The weekly list's dial over HetRec's Last.FM, where items are artists: real listens say what is familiar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.discovery import DIALS, MONDAY, tagged
from serving.foldin import viewer
from serving.index import ModelInfo, open_index
from serving.live import Live
from serving.playlists.discovery import WEEKLY, DiscoveryWish, discovery, places
from serving.publish import publish
from serving.scenarios.columns import ColumnsHolder
from serving.scenarios.visitor import Visitor
from training.train import everything
from training.zoo import find

USERS = 40


@pytest.fixture(scope="module")
def artists(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Live:
    """Published with item-to-item neighbours, whose fit takes seconds."""
    home = tmp_path_factory.mktemp("artists")
    (home / "data").mkdir()
    snapshot = tagged(data_root, home / "data")
    publish(
        snapshot, find("item-knn").build().fit(everything(snapshot, None)), home=home, model=ModelInfo("item-knn", "1")
    )
    return Live(open_index(home))


def test_what_was_heard_follows_the_dial(artists: Live) -> None:
    """Exactly as many familiar artists as the dial says, more at each turn, none at the new end."""
    columns = ColumnsHolder().get(artists)
    looked = 0
    for place in range(0, artists.index.num_users, artists.index.num_users // USERS):
        heard = set(artists.index.known[place].tolist())
        if len(heard) < WEEKLY:  # fewer favourites than places for them
            continue
        visitor = Visitor(artists, columns, viewer(artists, artists.index.user_ids[place].decode()), MONDAY)
        lists = [discovery(visitor, artists.index.transitions, DiscoveryWish(dial)) for dial in DIALS]
        shares = [len(heard & set(found.items)) for found in lists]
        assert shares == [places(dial, WEEKLY)[0] for dial in DIALS] == sorted(shares)
        assert shares[0] == 0 < shares[-1]
        assert all(found.familiar == [item in heard for item in found.items] for found in lists)
        looked += 1
    assert looked > USERS / 2


def test_the_new_end_is_farther_away(artists: Live) -> None:
    """At 0 the list has less in common with what they hear than where all unknown artists may come."""
    columns = ColumnsHolder().get(artists)
    tags = columns.words["Tag"]
    shared = np.zeros(2)
    for place in range(0, artists.index.num_users, artists.index.num_users // USERS):
        visitor = Visitor(artists, columns, viewer(artists, artists.index.user_ids[place].decode()), MONDAY)
        heard = {tag for item in artists.index.known[place].tolist()[-20:] for tag in tags.of(item).tolist()}
        for end, dial in enumerate((0.0, 0.5)):
            items = discovery(visitor, artists.index.transitions, DiscoveryWish(dial)).items
            shared[end] += np.mean([len(heard & set(tags.of(item).tolist())) for item in items])
    assert shared[0] < shared[1]
