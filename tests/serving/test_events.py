"""The event log: durable, idempotent by id, in order of time; and what it lays over a user's history."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from graph.errors import NotFound
from graph.schema import KINDS, USER
from serving.candidates import model_scores
from serving.events import REMEMBER_SECONDS, Event, EventLog, Recent
from serving.foldin import viewer
from serving.forms import Factors, Member
from serving.index import Index
from serving.index_files import MISSING
from serving.live import Live
from serving.overlay import Change
from serving.rank import score
from serving.recommend import Wish, at_hand, recommend
from serving.routes.event_schemas import Kind
from tests.serving.samples import HIDER, ITEMS, LONELY

ROOT = Path(__file__).parents[2]
LIKED, HIDDEN, IMPRESSED, RATED = (KINDS.index(kind) for kind in ("liked", "hidden", "impressed", "rated"))
LATE = 2 * 10**9


def event(name: str, item: str = "p:i01", kind: int = LIKED, at: int = LATE, user: str = "p:u01", value=None) -> Event:
    return Event(name, user, item, kind, value, at)


def live_of(index: Index, log: EventLog, **people: Change) -> Live:
    return Live(index, log=Recent(log, -1), people=people)


def test_an_event_sent_again_changes_nothing(log: EventLog) -> None:
    first = log.add([event("1"), event("2", "p:i02"), event("1", "p:i03")])
    assert (first.accepted, first.duplicates) == (2, 1)
    again = log.add([event("2", "p:i09"), event("3")])
    assert (again.accepted, again.duplicates) == (1, 1)
    assert [(one.id, one.item) for one in log.of("p:u01")] == [("1", "p:i01"), ("2", "p:i02"), ("3", "p:i01")]
    both = log.add_all([[event("4")], [event("4"), event("5")]])
    assert [(one.accepted, one.duplicates) for one in both] == [(1, 0), (1, 1)]


def test_events_come_by_their_time_and_others_see_them_at_once(log: EventLog, tmp_path: Path) -> None:
    reader = EventLog(tmp_path)
    assert reader.of("p:u01") == []
    log.add([event("b", at=20), event("c", at=30), event("a", at=10), event("x", user="p:u02")])
    assert [one.id for one in reader.of("p:u01")] == ["a", "b", "c"]
    reader.close()


def test_what_the_graph_holds_is_asked_no_more_and_goes_when_it_is_old(tmp_path: Path) -> None:
    now = [1000.0]
    log = EventLog(tmp_path, clock=lambda: now[0])
    log.add([event("a"), event("b")])
    log.apply([one.sequence for one in log.waiting(1)], 7)
    assert [one.id for one in log.waiting(10)] == ["b"]
    assert [one.id for one in log.of("p:u01", held=7)] == ["b"]
    assert [one.id for one in log.of("p:u01", held=6)] == ["a", "b"]
    log.covers("one", 7)
    assert log.covered("one") == 7
    assert log.tidy(["one"]) == 0, "it may be sent again"
    now[0] += REMEMBER_SECONDS + 1
    assert log.tidy(["one", "two"]) == 0, "nobody noted what index two holds"
    log.covers("one", 7)
    assert log.tidy(["one"]) == 1
    assert [one.id for one in log.of("p:u01")] == ["b"]
    log.close()


def test_no_acknowledged_event_is_lost_by_a_kill(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from serving.events import Event, EventLog\n"
        "log = EventLog(Path(sys.argv[1]))\n"
        "for place in range(10**6):\n"
        "    log.add([Event(f'{place}.{part}', 'p:u', 'p:i', 2, None, place) for part in range(3)])\n"
        "    print(place, flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(40):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        said = [int(line) for line in process.stdout if line.endswith("\n")]
    log = EventLog(tmp_path)
    found = [one.id for one in log.of("p:u")]
    last = max([39, *said])
    assert len(found) == len(set(found))
    assert len(found) % 3 == 0, "calls are kept whole"
    assert {f"{place}.{part}" for place in range(last + 1) for part in range(3)} <= set(found)
    log.close()


def test_a_like_takes_its_place_by_its_time(index: Index, log: EventLog) -> None:
    place = index.user("p:u01")
    known = index.known[place].tolist()
    times = np.sort(index.history.time[index.history.rows.span(place)])
    new = [item for item in range(index.num_items) if item not in known][:3]
    log.add([
        event("late", ITEMS[new[1]], at=int(times[2]) + 1), event("newest", ITEMS[new[2]]),
        event("first", ITEMS[new[0]], at=0),
    ])  # fmt: skip
    who = viewer(live_of(index, log), "p:u01")
    assert who.history.tolist() == [new[0], *known[:3], new[1], *known[3:], new[2]]
    assert who.before is not None
    assert who.before.tolist() == known


def test_what_the_index_holds_counts_once(index: Index, log: EventLog) -> None:
    place = index.user("p:u01")
    span = index.history.rows.span(place)
    item, at = int(index.history.rows.columns[span][0]), int(index.history.time[span][0])
    log.add([event("again", ITEMS[item], RATED, at, value=4.0)])
    live = live_of(index, log)
    assert not viewer(live, "p:u01").moved
    assert at_hand(live, Wish("p:u01", 5), viewer(live, "p:u01")) is not None


def test_what_was_hidden_goes_and_what_was_shown_stays(index: Index, log: EventLog) -> None:
    live = live_of(index, log)
    before = recommend(live, Wish("p:u01", 3)).items
    log.add([event("h", ITEMS[before[0]], HIDDEN), event("s", ITEMS[before[1]], IMPRESSED)])
    who = viewer(live, "p:u01")
    assert not who.moved
    found = at_hand(live, Wish("p:u01", 3), who)
    assert found is not None
    assert found.items[:2] == before[1:3]
    assert before[0] not in recommend(live, Wish("p:u01", 500)).items


def test_a_low_rating_is_seen_and_not_liked(index: Index, log: EventLog) -> None:
    from dataclasses import replace

    strict = replace(index, min_value=4.0)
    item = next(item for item in range(index.num_items) if item not in index.known[index.user("p:u01")])
    log.add([event("low", ITEMS[item], RATED, value=2.0)])
    who = viewer(live_of(strict, log), "p:u01")
    assert not who.moved
    assert who.seen.tolist() == [item]
    assert viewer(live_of(index, log), "p:u01").moved, "where every value is a like"


def test_somebody_new_is_scored_from_the_first_event(index: Index, log: EventLog) -> None:
    live = live_of(index, log)
    with pytest.raises(NotFound, match="p:new"):
        recommend(live, Wish("p:new", 3))
    log.add([event("one", "p:i05", user="p:new"), event("two", "p:i09", user="p:new", at=LATE + 1)])
    found = recommend(live, Wish("p:new", 5))
    history = np.array([index.item("p:i05"), index.item("p:i09")], np.int32)
    expected = score(index, MISSING, history)
    expected[history] = -np.inf
    assert found.source == "model"
    assert found.items == np.argsort(-expected, kind="stable")[:5].tolist()
    log.add([event("h", "p:i07", HIDDEN, user="p:shy")])
    assert recommend(live, Wish("p:shy", 3)).source == "popular"


def test_users_without_a_history_start_with_what_they_do_now(index: Index, log: EventLog) -> None:
    for user in (LONELY, HIDER):
        live = live_of(index, log)
        assert recommend(live, Wish(user, 3)).source == "popular"
        log.add([event(f"like {user}", "p:i05", user=user)])
        assert recommend(live, Wish(user, 3)).source == "model"


def test_a_known_users_vector_moves_by_what_changed(index: Index) -> None:
    """Factor models: the learned vector, plus what fold-in makes of the new items, less what it made of the old."""
    from dataclasses import replace

    rng = np.random.default_rng(0)
    users, items, fold = (
        rng.standard_normal((n, 4)).astype(np.float32) for n in (index.num_users, *2 * [index.num_items])
    )
    form = Factors(users, items, fold, 1.0, None, (0.0, 0.0, 1.0))
    factored = replace(index, members=(Member("m", None, (form,)),))
    old, new = np.array([1, 2], np.int32), np.array([1, 2, 5], np.int32)
    np.testing.assert_allclose(score(factored, 3, old, old), score(factored, 3, old), rtol=1e-5, atol=1e-5)
    moved = users[3] + fold[new].sum(0) / 3 - fold[old].sum(0) / 2
    np.testing.assert_allclose(score(factored, 3, new, old), items @ moved, rtol=1e-4, atol=1e-5)
    gram = items.T @ items
    solved = replace(form, gram=gram, ridge=(0.1, 0.0, 1.0))
    exact = replace(index, members=(Member("m", None, (solved,)),))
    np.testing.assert_array_equal(score(exact, 3, new, old), score(exact, MISSING, new))
    linked = replace(index, members=(Member("m", None, (replace(solved, moves=True),)),))  # other accounts stay in it
    change = score(exact, MISSING, new) - score(exact, MISSING, old)
    np.testing.assert_allclose(score(linked, 3, new, old), items @ users[3] + change, rtol=1e-3, atol=1e-4)


def test_scores_after_an_event_are_those_of_the_longer_history(index: Index, log: EventLog) -> None:
    log.add([event("a", "p:i05"), event("b", "p:i06")])
    live = live_of(index, log)
    who = viewer(live, "p:u01")
    expected = score(
        index, who.place, np.concatenate([index.known[who.place], [index.item("p:i05"), index.item("p:i06")]])
    )
    scores = model_scores(live, who)
    finite = np.isfinite(scores)
    np.testing.assert_allclose(scores[finite], expected[finite], rtol=1e-5)
    assert not finite[[index.item("p:i05"), index.item("p:i06")]].any()


def test_a_deleted_user_is_not_there(index: Index, log: EventLog) -> None:
    gone = Change(1, "p:u01", gone=True, label=USER)
    live = Live(index, people={"p:u01": gone})
    with pytest.raises(NotFound, match="deleted"):
        viewer(live, "p:u01")


def test_the_schema_names_every_kind() -> None:
    assert get_args(Kind) == KINDS
