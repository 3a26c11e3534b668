"""The overlay's file: durable, seen by others at once, in order; and what it lays over an index."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson
import pytest

from graph.consent import Defaults
from graph.errors import NotFound
from serving.foldin import viewer
from serving.index import Index
from serving.live import Live, known, overlaid
from serving.live_holder import LiveHolder, open_live
from serving.overlay import Change, Overlay
from serving.recommend import Wish, at_hand, recommend
from serving.search import Wanted, search
from serving.similar import similar
from tests.serving.samples import ITEMS

ROOT = Path(__file__).parents[2]
BODY = {"title": "Brand new", "kind": "movie", "text": "words", "year": 2001, "attributes": {"Genre": ["Comedy"]}}


@pytest.fixture
def overlay(tmp_path: Path):
    overlay = Overlay(tmp_path)
    yield overlay
    overlay.close()


def live_of(index: Index, *changes: Change) -> Live:
    return overlaid(index, changes, known(index, changes, {}))


def made(index: Index, like: int) -> dict[str, tuple[str, str, np.ndarray]]:
    """Vectors as the index's encoders would make them: those of an item of its own."""
    return {name: (*index.encoders[name], np.asarray(table.unit[like])) for name, table in index.vectors.items()}


def new(index: Index, like: int = 0, name: str = "p:new", sequence: int = 1) -> Change:
    return Change(sequence, name, gone=False, body=BODY, vectors=made(index, like))


def test_others_see_a_change_at_once_and_the_newest_state_stands(overlay: Overlay, tmp_path: Path) -> None:
    reader = Overlay(tmp_path)
    assert reader.stamp() == 0
    assert reader.since(0) == []
    vector = np.arange(5, dtype=np.float32)
    first = overlay.put("p:1", {"title": "one"}, {"text": ("e", "v", vector)})
    before = reader.stamp()
    second = overlay.put("p:2", {"title": "two"}, {})
    assert reader.stamp() != before
    third = overlay.put("p:1", {"title": "one again"}, {})
    assert first < second < third
    found = reader.since(0)
    assert [(one.id, one.body["title"]) for one in found] == [("p:2", "two"), ("p:1", "one again")]
    overlay.delete("p:2")
    assert [(one.id, one.gone) for one in reader.since(third)] == [("p:2", True)]
    reader.close()


def test_vectors_come_back_as_they_were(overlay: Overlay) -> None:
    vectors = {
        "text": ("minilm", "1", np.random.default_rng(0).standard_normal(384).astype(np.float32)),
        "image": ("clip", "\n2", np.zeros(3, np.float32)),
    }
    overlay.put("p:1", {}, vectors)
    found = overlay.since(0)[0].vectors
    assert {name: one[:2] for name, one in found.items()} == {"text": ("minilm", "1"), "image": ("clip", "\n2")}
    for name, (_, _, vector) in vectors.items():
        np.testing.assert_array_equal(found[name][2], vector)


def test_attributes_stay_until_they_are_named_again(overlay: Overlay) -> None:
    overlay.put("p:1", {"title": "a", "attributes": {"Genre": ["x"]}, "relations": [["R", "L", "1"]]}, {})
    overlay.put("p:1", {"title": "b"}, {})
    assert overlay.since(0)[0].body == {"title": "b", "attributes": {"Genre": ["x"]}, "relations": [["R", "L", "1"]]}
    overlay.put("p:1", {"title": "c", "attributes": {}}, {})
    assert overlay.since(0)[0].body["attributes"] == {}
    overlay.delete("p:1")
    overlay.put("p:1", {"title": "d"}, {})
    assert overlay.since(0)[0].body == {"title": "d"}, "what was deleted is gone"


def test_rows_go_when_every_kept_index_holds_them(overlay: Overlay) -> None:
    overlay.put("p:1", {"title": "a"}, {})
    change = overlay.waiting()[0]
    overlay.apply(change, 7)
    assert overlay.waiting() == []
    assert overlay.tidy(["one"]) == 0, "nobody said what this index holds"
    overlay.covers("one", 6)
    overlay.covers("two", 9)
    assert overlay.tidy(["one", "two"]) == 0
    assert overlay.tidy(["two"]) == 1
    assert overlay.covered("one") == -1
    assert overlay.since(0) == []


def test_a_change_that_came_meanwhile_is_not_taken_for_written(overlay: Overlay) -> None:
    overlay.put("p:1", {"title": "a"}, {})
    change = overlay.waiting()[0]
    overlay.put("p:1", {"title": "b"}, {})
    overlay.apply(change, 7)
    assert [one.body["title"] for one in overlay.waiting()] == ["b"]


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    """A process that is killed while it writes loses nothing that it reported."""
    program = (
        "import sys; from pathlib import Path; from serving.overlay import Overlay\n"
        "overlay = Overlay(Path(sys.argv[1]))\n"
        "for place in range(10**6): print(overlay.put(f'p:{place}', {'title': 'x' * 2000}, {}), flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(40)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    reader = Overlay(tmp_path)
    found = [one.sequence for one in reader.since(0)]
    reader.close()
    assert found[: len(acknowledged)] == acknowledged == list(range(1, len(acknowledged) + 1))


def test_a_new_item_is_recommended_found_and_shown(index: Index) -> None:
    live = live_of(index, new(index))
    place = live.item("p:new")
    assert place == index.num_items
    assert orjson.loads(live.card(place))["title"] == "Brand new"
    assert orjson.loads(live.page(place))["text"] == "words"
    found = recommend(live, Wish("p:u01", 500))
    assert found.source == "model"
    assert place in found.items
    assert at_hand(live, Wish("p:u01", 5), viewer(live, "p:u01")) is None
    assert search(live, [], 1, like=[ITEMS[0]])[0].tolist() == [place], "it has the vectors of the first item"
    assert similar(live, 0, "text", 1)[0].tolist() == [place]
    assert similar(live, place, "text", 1)[0].tolist() == [0]
    assert live.search_names("BRAND", 5) == [place]
    assert place in recommend(live, Wish("p:lonely", 500)).items


def test_graph_likeness_counts_the_attributes_of_new_items(index: Index) -> None:
    live = live_of(index, new(index), new(index, name="p:other", sequence=2))
    place, other = live.item("p:new"), live.item("p:other")
    items, scores = similar(live, place, "graph", 100)
    comedies = [at for at in range(index.num_items) if b'"Comedy"' in index.item_cards[at]]
    assert set(items.tolist()) == {*comedies, other}
    assert dict(zip(items.tolist(), scores.tolist(), strict=True))[comedies[0]] > 0
    back = similar(live, comedies[0], "graph", 100)
    assert place in back[0].tolist()
    assert len(similar(live, place, "crowd", 5)[0]) == 0


def test_filters_hold_for_new_items(index: Index) -> None:
    live = live_of(index, Change(1, "p:new", False, {**BODY, "kind": "podcast"}, made(index, 0)))
    place = live.item("p:new")
    assert recommend(live, Wish("p:u01", 10, kind="podcast")).items == [place]
    assert place not in recommend(live, Wish("p:u01", 500, kind="movie")).items
    assert place not in recommend(live, Wish("p:u01", 500, exclude=("p:new",))).items
    found, _ = search(live, [], 10, like=[ITEMS[0]], wanted=Wanted(kind="podcast", years=(2000, 2002)))
    assert found.tolist() == [place]
    assert not len(search(live, [], 10, like=[ITEMS[0]], wanted=Wanted(kind="podcast", platform="q"))[0])


def test_a_changed_item_is_as_the_change_says(index: Index) -> None:
    change = Change(1, ITEMS[3], False, {"title": "Renamed", "kind": "track"}, made(index, 5))
    live = live_of(index, change)
    card = orjson.loads(live.card(3))
    assert (card["title"], card["kind"], card["year"]) == ("Renamed", "track", None)
    assert card["attributes"] == orjson.loads(index.item_cards[3])["attributes"], "left out, so they stay"
    assert live.search_names("renamed", 5) == [3]
    assert live.search_names("Film " + ITEMS[3], 5) == []
    np.testing.assert_allclose(live.vector(3, "text"), index.vectors["text"].unit[5], rtol=1e-5)
    assert live.attributes(3)[0].tolist() == index.attributes.rows[3].tolist()
    named = live_of(index, Change(1, ITEMS[3], False, {"title": "R", "attributes": {"Genre": ["Horror"]}}, {}))
    assert orjson.loads(named.card(3))["attributes"]["Genre"] == ["Horror"]


def test_a_deleted_item_is_nowhere(index: Index) -> None:
    before = recommend(Live(index), Wish("p:u01", 5))
    gone = before.items[0]
    live = live_of(index, Change(1, index.item_ids[gone].decode(), gone=True))
    assert recommend(live, Wish("p:u01", 4)).items == before.items[1:]
    found = at_hand(live, Wish("p:u01", 4), viewer(live, "p:u01"))
    assert found is not None
    assert found.items == before.items[1:]
    assert gone not in recommend(live, Wish("p:u01", 500, diversity=0.5)).items
    assert gone not in similar(live, (gone + 1) % 20, "graph", 500)[0].tolist()
    for modality in index.vectors:
        assert gone not in live.cosines(modality, np.asarray(index.vectors[modality].unit[0]))[1].nonzero()[0].tolist()
    assert gone not in live.search_names("", 500)
    with pytest.raises(NotFound, match="was deleted"):
        live.item(index.item_ids[gone].decode())


def test_a_holder_follows_the_overlay_and_knows_what_the_index_holds(index: Index, tmp_path: Path) -> None:
    writer, holder = Overlay(tmp_path), LiveHolder(tmp_path, Defaults())
    assert holder.get(index).plain
    writer.put("p:new", BODY, made(index, 0))
    live = holder.get(index)
    assert [one.id for one in live.fresh] == ["p:new"]
    assert holder.get(index) is live, "nothing happened since"
    change = writer.waiting()[0]
    writer.apply(change, 4)
    assert holder.get(index).fresh, "in the graph, not in the index"
    writer.covers(index.version, 4)
    assert holder.get(index).plain, "the index holds it itself"
    writer.put("p:new", {**BODY, "title": "Newer"}, {})
    assert orjson.loads(holder.get(index).fresh[0].card)["title"] == "Newer"
    writer.delete("p:new")
    assert holder.get(index).plain
    holder.close()
    writer.close()


def test_commands_see_the_overlay(home: Path, index: Index) -> None:
    assert open_live(home, Defaults()).plain
    assert open_live(home, Defaults()).index.version == index.version
