"""Two refreshes never overlap: in a home, and on a graph that homes share; a dead one's lease is taken over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from graph.errors import Conflict
from graph.schema import REFRESH_LEASE
from graph.store import GraphStore
from serving.refresh_lock import Holder, refresh_lock

pytestmark = pytest.mark.integration


def lease(store: GraphStore) -> dict[str, object]:
    row = store.query("refresh_lease").dicts()[0]
    return {**row["properties"], "valid": row["valid"]}


def held_by(store: GraphStore, holder: Holder, seconds: float) -> None:
    """Somebody else's lease."""
    store.ensure_schema([REFRESH_LEASE])
    values = {"owner": "other", "dead": "", "holder": json.dumps(asdict(holder)), "milliseconds": int(seconds * 1000)}
    assert store.query("take_refresh_lease", values).rows


def test_a_home_is_held_by_one_and_the_error_says_by_whom(any_store: GraphStore, tmp_path: Path) -> None:
    with refresh_lock(any_store, tmp_path, "first") as lock:
        lock.check()
        with pytest.raises(Conflict, match=r"run first on .* since 20"), refresh_lock(any_store, tmp_path, "second"):
            pass
        assert lease(any_store)["valid"]
    assert not lease(any_store)["valid"]
    with refresh_lock(any_store, tmp_path, "second"):
        pass


def test_a_graph_is_held_by_one_home(any_store: GraphStore, tmp_path: Path) -> None:
    with refresh_lock(any_store, tmp_path / "one", "first"):  # noqa: SIM117 - what is refused is the inner one
        with pytest.raises(Conflict, match="run first"), refresh_lock(any_store, tmp_path / "two", "second"):
            pass


def test_a_lease_elsewhere_holds_until_it_runs_out(any_store: GraphStore, tmp_path: Path) -> None:
    held_by(any_store, replace(Holder.me("far", tmp_path), host="another-machine"), 3.0)
    with pytest.raises(Conflict, match="run far on another-machine"), refresh_lock(any_store, tmp_path, "mine"):
        pass
    time.sleep(3.2)
    with refresh_lock(any_store, tmp_path, "mine"):
        assert json.loads(str(lease(any_store)["holder"]))["run"] == "mine"


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_at_once(any_store: GraphStore, tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    holder = replace(Holder.me("dead", tmp_path), pid=process.pid, process=float(began))
    held_by(any_store, holder, 600.0)
    with pytest.raises(Conflict, match="run dead"), refresh_lock(any_store, tmp_path, "mine"):
        pass
    process.communicate(b"\n")
    with refresh_lock(any_store, tmp_path, "mine"):
        assert lease(any_store)["valid"]


def test_it_is_renewed_while_it_is_held_and_its_loss_shows(any_store: GraphStore, tmp_path: Path) -> None:
    with refresh_lock(any_store, tmp_path, "mine", seconds=2.0) as lock:
        time.sleep(3.0)
        assert lease(any_store)["valid"]
        lock.check()
        any_store.query("MATCH (l:RefreshLease) SET l.owner = 'a thief'", {})
        assert lock.lost.wait(30)
        with pytest.raises(Conflict, match="lost its lease"):
            lock.check()
