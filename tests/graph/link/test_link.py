"""A linkage from the graph and back into it, with splink and a real store; and its quality on a known truth."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("splink")

from benchmarks.link import measure, people
from graph.errors import NotFound
from graph.link.records import PEOPLE
from graph.link.run import run_link, undo_link
from graph.schema import Entity
from graph.snapshot_fresh import take_snapshot

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.mark.slow
def test_people_are_found_with_few_mistakes():
    rows, truth = people(1200, seed=5)
    curve = {one["threshold"]: one for one in measure("people", rows, truth, PEOPLE, 5)["curve"]}
    assert curve[0.3]["precision"] >= 0.97
    assert curve[0.3]["recall"] >= 0.85


@pytest.mark.slow
@pytest.mark.integration
def test_links_are_written_seen_kept_and_taken_back(local_store, tmp_path):
    rows, truth = people(400, seed=6)
    store = local_store
    entities = [
        Entity("User", row["id"], {"platform": row["id"].partition(":")[0]}
               | {name: value for name, value in row.items() if name != "id" and value is not None})
        for row in rows
    ]  # fmt: skip
    store.ensure_schema(["User"])
    store.write(entities)
    assert not take_snapshot(store, tmp_path).snapshot.identities
    dry = run_link(store, tmp_path, PEOPLE, dry=True)
    assert dry.counts["links written"] > 100
    assert not store.query("link_people_there").rows
    first = run_link(store, tmp_path, PEOPLE)
    there = {user: person for user, person, *_ in store.query("link_people_there").rows}
    seen = take_snapshot(store, tmp_path).snapshot
    assert {seen.users.ids[place]: person for place, person in seen.identities.items()} == there
    right = sum(there.get(one) is not None and there.get(one) == there.get(two) for one, two in truth)
    assert right > 0.7 * len(truth)
    again = run_link(store, tmp_path, PEOPLE)
    assert (again.counts["links written"], again.counts["links taken away"]) == (0, 0)
    report = json.loads((tmp_path / "link" / first.run / "report.json").read_text())
    assert rows[0]["name"].lower() not in json.dumps(report["examples"]).lower()
    undone = undo_link(store, tmp_path, first.run)
    assert undone.counts["links taken away"] == first.counts["links written"]
    assert not store.query("link_people_there").rows
    assert not take_snapshot(store, tmp_path).snapshot.identities
    with pytest.raises(NotFound, match="no linkage"):
        undo_link(store, tmp_path, first.run)
