"""Cuts in time, signals, the listwise ranker and the task on small logs whose answers can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.sparse import csr_matrix

from graph.distance import kilometres
from graph.errors import InvalidData, Unsupported
from graph.snapshot_read import read_folder
from tests.training.events.planted import write_events
from training.bench_events import bench_events
from training.events.cut import Lists, cut_at, lists_of, make_cuts
from training.events.log import EventLog, read_events
from training.events.ranker import fit_ranker, measure
from training.events.signals import Signals

DAY = 86_400.0


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_events(tmp_path_factory.mktemp("events"))


def test_kilometres_are_those_of_the_map() -> None:
    assert kilometres(52.3702, 4.8952, 50.8503, 4.3517) == pytest.approx(173, abs=1)  # Amsterdam, Brussels
    assert np.isnan(kilometres(np.nan, 0, 1, 1))
    assert kilometres(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros(3), np.zeros(3)).shape == (2, 3)


def small(folder: Path) -> EventLog:
    """Twenty past events, and a few around 2026-03-01 that tell the rules apart."""
    rows = [f"past{one},event,2026-01-{one + 1:02}T20:00:00Z," for one in range(20)]
    rows += ["soon,event,2026-03-05T20:00:00Z,", "hidden,event,2026-03-06T20:00:00Z,2026-03-02T00:00:00Z",
             "far,event,2026-06-01T20:00:00Z,", "song,track,,"]  # fmt: skip
    (folder / "items.csv").write_text("item,kind,starts,published\n" + "\n".join(rows) + "\n")
    (folder / "interactions.csv").write_text(
        "user,item,kind,time\n"
        "ann,past0,liked,\nann,soon,liked,\nann,song,listened,\n"
        "bob,past1,liked,2026-03-02T00:00:00Z\nbob,soon,liked,2026-02-20T00:00:00Z\nbob,far,liked,2026-02-01T00:00:00Z\n"
        "cid,song,listened,2026-02-01T00:00:00Z\ncid,soon,liked,2026-03-01T00:00:00Z\n"
        "dan,soon,liked,2026-03-03T00:00:00Z\n"
    )
    return read_events(read_folder(folder))


def test_what_is_known_at_a_cut(tmp_path: Path) -> None:
    log = small(tmp_path)
    items = {one.split(":")[1]: place for place, one in enumerate(read_folder(tmp_path).snapshot.items.ids)}
    at = 1_772_323_200.0  # 2026-03-01
    cut = cut_at(log, at, at + 30 * DAY)
    assert cut.candidates.tolist() == [items["soon"]]  # neither what is past, unannounced or beyond the horizon
    ann, bob, cid, dan = (set(np.flatnonzero(row).tolist()) for row in cut.known.toarray())
    assert ann == {items["past0"], items["song"]}  # without a time: of past events, and of what is no event
    assert bob == {items["soon"]}  # past1 was answered later; `far` is not to be read yet
    assert cid == {items["song"]}  # an answer at the very second of the cut is not known
    assert not dan
    lists = lists_of(log, cut)
    assert lists.users.tolist() == [0, 2]  # bob has said so before, of dan nothing is known
    assert lists.excluded.nnz == 0
    assert lists_of(log, cut, told_by=at).users.tolist() == []


def test_validation_hears_of_nothing_from_the_tests_cut_on(planted: Path) -> None:
    log = read_events(read_folder(planted))
    cuts = make_cuts(log, horizon_days=20)
    assert cuts.validation.until == cuts.test.at
    starts = log.starts[cuts.validation.candidates]
    assert starts.min() >= cuts.validation.at
    assert starts.max() < cuts.test.at <= log.starts[cuts.test.candidates].min()
    lists = cuts.validation_lists
    for row, place in zip(*lists.relevant.nonzero(), strict=True):
        mine = (log.user == lists.users[row]) & (log.item == cuts.validation.candidates[place])
        assert cuts.validation.at <= log.time[mine] < cuts.test.at


def test_weekdays_and_hours_are_those_on_the_wall(planted: Path) -> None:
    log = read_events(read_folder(planted))
    cut = cut_at(log, float(np.nanmin(log.starts)) + 100 * DAY, np.inf)
    signals = Signals(log, cut)
    mine = np.array([0])
    day = ((log.wall // DAY + 3) % 7)[cut.candidates]
    counts = np.bincount(((log.wall // DAY + 3) % 7)[cut.known[0].indices].astype(int), minlength=7)
    liked = signals.one("weekday", mine)[0]
    assert liked[day == counts.argmax()].min() > liked[day == counts.argmin()].max()
    assert np.ptp(signals.one("hour", mine)) < 1e-6  # all begin at eight


def test_the_ranker_minimises_its_loss_and_finds_planted_weights() -> None:
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(600, 12, 3)).astype(np.float32)
    true = np.array([1.5, -0.7, 0.0])
    chosen = (signals @ true + rng.gumbel(size=(600, 12))).argmax(1)
    relevant = csr_matrix((np.ones(600), (np.arange(600), chosen)), shape=(600, 12))
    lists = Lists(np.arange(600), relevant, csr_matrix((600, 12)))
    ranker = fit_ranker(("a", "b", "c"), signals, lists, regularization=1e-4)
    np.testing.assert_allclose(ranker.weights / ranker.deviation, true, atol=0.15)
    z = ((signals - ranker.mean) / ranker.deviation).astype(np.float64)

    def loss(weights: np.ndarray) -> float:
        scores = z @ weights
        logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        return float(-logs[np.arange(600), chosen].mean() + 1e-4 * weights @ weights)

    assert np.abs(approx_fprime(ranker.weights, loss)).max() < 1e-3


def test_what_was_answered_before_the_cut_is_not_ranked() -> None:
    lists = Lists(np.array([0]), csr_matrix([[0, 0, 1.0]]), csr_matrix([[1.0, 0, 0]]))
    found = measure(np.array([[9, 1, 2]], np.float32), lists, ks=(1, 10, 20))
    assert found["recall@1"][0] == 1
    tied = measure(np.zeros((1, 3), np.float32), lists, ks=(1, 2))
    assert (tied["recall@1"][0], tied["recall@2"][0]) == (0, 1)  # ties count against


def test_the_blend_beats_each_baseline_and_is_the_same_again(planted: Path) -> None:
    found = bench_events(planted, horizon_days=20)
    assert set(found.baselines) == {"popularity so far", "expected popularity", "soonest", "nearest", "content"}
    assert all(one["difference"] > 0 and one["adjusted"] < 0.05 for one in found.beats.values())
    assert found.brings["place"]["difference"] > 0
    again = bench_events(planted, horizon_days=20)
    assert {**found.as_dict(), "seconds": 0, "peak_mb": 0} == {**again.as_dict(), "seconds": 0, "peak_mb": 0}


def test_what_a_folder_lacks_falls_away_and_is_told(tmp_path: Path) -> None:
    found = bench_events(write_events(tmp_path, bare=True), horizon_days=20)
    assert set(found.baselines) == {"expected popularity", "soonest", "content"}
    assert not {"friends going", "near home", "home city", "popularity so far"} & set(found.weights)
    told = " ".join(found.notes)
    assert all(words in told for words in ("no answer to an event has a time", "no event has a place", "no friends"))
    assert found.beats["content"]["difference"] > -0.1
    assert found.cuts["test"]["known_answers_to_candidates"] == 0


@pytest.mark.parametrize(
    ("write", "message"),
    [
        ({"items.csv": "item,kind\na,event\n"}, "0 items with a start"),
        ({"items.csv": "item,kind,starts\na,event,next week\n"}, "starts 'next week' is no time"),
    ],
)
def test_folders_that_cannot_be_cut(tmp_path: Path, write: dict[str, str], message: str) -> None:
    (tmp_path / "interactions.csv").write_text("user,item,kind\nann,a,liked\n")
    for name, text in write.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidData, match=message) as raised:
        bench_events(tmp_path)
    assert "starts" in str(raised.value)


def test_wrong_asks_are_named(planted: Path, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="horizon of 0"):
        bench_events(planted, horizon_days=0)
    with pytest.raises(Unsupported, match="test share of 1"):
        bench_events(planted, test_share=1)
    with pytest.raises(InvalidData, match="people with a past"):
        bench_events(write_events(tmp_path / "few", people=10), horizon_days=5)
    (planted / "interactions.csv").rename(tmp_path / "kept.csv")
    (planted / "train.csv").write_text((tmp_path / "kept.csv").read_text())
    (planted / "test.csv").write_text("user,item,kind\np0,e0,liked\n")
    with pytest.raises(InvalidData, match="split by time"):
        bench_events(planted)
