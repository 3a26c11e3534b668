"""Every user's list in one go is what each would get alone; files are whole or not there."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from graph.consent import Defaults
from graph.errors import InvalidData
from serving import publish as publishing
from serving import publish_approximate, publish_lists
from serving.all_lists import SOURCES, Everybody, blocks, in_processes
from serving.index import Index, open_index
from serving.live import Live, known, overlaid
from serving.overlay import Change
from serving.publish import publish
from serving.recommend import Wish, choose, recommend
from serving.write_lists import write_file
from tests.serving.conftest import INFO
from tests.serving.samples import LONELY
from training.blend import Blend, BlendConfig, MemberConfig

BLEND = BlendConfig((MemberConfig("ials", 0.5), MemberConfig("item-knn", 0.3), MemberConfig("popularity", 0.2)))


@pytest.fixture(scope="module", params=["small", "large"])
def blended(request: pytest.FixtureRequest, snapshot, training, tmp_path_factory) -> Index:
    """Few users have published lists, some have friends to borrow from; a large catalogue retrieves."""
    patch = pytest.MonkeyPatch()
    patch.setattr(publish_lists, "LIST_CELLS", 9 * len(snapshot.items))
    patch.setattr(publish_approximate, "SCORES_FROM", 1 if request.param == "large" else 10**9)
    patch.setattr(publishing, "complete_lists", lambda *_: None)  # else nobody would be left to be retrieved
    place = snapshot.users.position
    pairs = sorted(tuple(sorted((place(LONELY), place(f"p:u0{number}")))) for number in (1, 2, 3))
    friends = replace(snapshot, friendships=np.array(pairs, np.int32))
    home = tmp_path_factory.mktemp(request.param)
    publish(friends, Blend(BLEND).fit(training), home=home, model=INFO, histories=training.histories)
    patch.undo()
    return open_index(home)


def changed(index: Index) -> Live:
    """An item gone, another one new."""
    body = {"title": "New", "kind": "movie", "attributes": {"Genre": ["Comedy"]}}
    vectors = {name: (*index.encoders[name], np.asarray(table.unit[4])) for name, table in index.vectors.items()}
    changes = [
        Change(1, index.item_ids[int(index.popular[0])].decode(), gone=True),
        Change(2, "p:new", gone=False, body=body, vectors=vectors),
    ]
    return overlaid(index, changes, known(index, changes, {}))


def gone_only(index: Index) -> Live:
    return overlaid(index, [Change(1, index.item_ids[int(index.popular[0])].decode(), gone=True)], {})


@pytest.mark.parametrize("state", [Live, gone_only, changed])
@pytest.mark.parametrize(("n", "kind"), [(5, None), (4, "track"), (30, None)])
def test_each_list_is_what_recommend_gives(blended: Index, state, n: int, kind: str | None) -> None:
    live = state(blended)
    everybody = Everybody(live, n, choose(live, kind, ()))
    found = everybody.of(np.arange(blended.num_users))
    for row in range(blended.num_users):
        alone = recommend(live, Wish(blended.user_ids[row].decode(), n, kind=kind))
        length = int(found.lengths[row])
        assert SOURCES[found.source[row]] == alone.source
        assert length == len(alone.items)
        np.testing.assert_allclose(found.scores[row, :length], alone.scores, rtol=1e-3, atol=1e-3)
        if alone.items != found.items[row, :length].tolist():  # equal scores may stand in another order
            assert len(np.unique(np.round(alone.scores, 3))) < length
    assert not np.isin(found.items, live.gone).any()


def test_all_sources_are_met(blended: Index) -> None:
    found = Everybody(Live(blended), 5).of(np.arange(blended.num_users))
    assert {SOURCES[place] for place in found.source.tolist()} == {"list", "model", "friends", "popular"}


def test_processes_give_the_same(blended: Index) -> None:
    users = np.arange(blended.num_users)
    home = blended.folder.parents[1]
    here = next(blocks(Everybody(Live(blended), 5), users))
    there = next(in_processes(home, blended.version, 5, None, users, workers=2, defaults=Defaults()))
    np.testing.assert_array_equal(here.items, there.items)
    np.testing.assert_allclose(here.scores, there.scores, rtol=1e-5)


def rows_of(live: Live, n: int) -> list[tuple[str, int, str]]:
    found = []
    for row in range(live.index.num_users):
        name = live.index.user_ids[row].decode()
        found += [(name, rank, live.id(item)) for rank, item in enumerate(recommend(live, Wish(name, n)).items, 1)]
    return found


@pytest.mark.parametrize("state", [Live, changed])
def test_files_hold_every_list(index: Index, tmp_path: Path, state) -> None:
    live = state(index)
    told: list[int] = []
    users = np.arange(index.num_users)
    written = write_file(live, blocks(Everybody(live, 4), users), tmp_path / "made" / "lists.parquet", told.append)
    table = pq.read_table(tmp_path / "made" / "lists.parquet").to_pydict()
    expected = rows_of(live, 4)
    assert list(zip(table["user"], table["rank"], table["item"], strict=True)) == expected
    assert (written.rows, written.users, sum(told)) == (len(expected), len(users), len(users))
    write_file(live, blocks(Everybody(live, 4), users), tmp_path / "lists.csv", told.append)
    with (tmp_path / "lists.csv").open(newline="", encoding="utf-8") as file:
        read = [(row["user"], int(row["rank"]), row["item"]) for row in csv.DictReader(file)]
    assert read == expected


def test_a_failure_leaves_the_old_file(index: Index, tmp_path: Path) -> None:
    out = tmp_path / "lists.csv"
    out.write_text("as it was")

    def broken():
        yield from blocks(Everybody(Live(index), 4), np.arange(5))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_file(Live(index), broken(), out, lambda _: None)
    assert out.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["lists.csv"]
    with pytest.raises(InvalidData, match=r"\.parquet or \.csv"):
        write_file(Live(index), iter(()), tmp_path / "lists.json", lambda _: None)
