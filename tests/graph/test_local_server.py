"""Life of the local store's server: shared, stopped by its last user's leaving or death, clear when it cannot run."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from graph import local_server
from graph import local_supervisor as supervisor
from graph.errors import Conflict, InvalidData, StoreUnavailable
from graph.local_server import Lease, LocalOptions
from graph.local_store import LocalStore

pytestmark = pytest.mark.integration

CLIENT = """
import sys, time
from pathlib import Path
from graph.local_store import LocalStore
store = LocalStore.open(Path(sys.argv[1]))
store.query("MERGE (:Client {id: 'there'})")
print(store._lease.endpoint.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "store with a space"
    _gone(tmp_path / "store with a space")


def test_processes_share_one_server_and_a_killed_one_has_left(home: Path) -> None:
    client, pid = _client(home)
    store = LocalStore.open(home)
    try:
        assert store._lease.endpoint.pid == pid
        assert store.query("MATCH (n:Client) RETURN n.id").rows == [("there",)]
        client.kill()
        client.wait()
        time.sleep(0.3)
        assert store.query("RETURN 1 AS one").rows == [(1,)]
    finally:
        store.close()
    assert _ends(pid)
    assert not (home / supervisor.STATE).exists()


def test_the_server_stops_when_its_only_user_is_killed(home: Path) -> None:
    client, pid = _client(home)
    client.kill()
    client.wait()
    assert _ends(pid)


def test_nobody_else_can_read_the_password(home: Path) -> None:
    lease = Lease.take(home)
    try:
        password = lease.endpoint.password
        assert len(password) >= 24
        for process in (psutil.Process(lease.endpoint.pid), *psutil.Process(lease.endpoint.pid).parents()):
            assert password not in " ".join(process.cmdline())
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        for path in home.rglob("*"):
            assert not path.stat().st_mode & 0o077, path
        connections = psutil.Process(lease.endpoint.pid).net_connections("tcp")
        addresses = {one.laddr.ip.removeprefix("::ffff:") for one in connections if one.status == psutil.CONN_LISTEN}
        assert addresses == {"127.0.0.1"}
    finally:
        lease.release()


def test_a_stale_state_file_and_an_orphan_are_cleared_away(home: Path) -> None:
    first = Lease.take(home)
    orphan, parent = first.endpoint.pid, psutil.Process(first.endpoint.pid).ppid()
    os.kill(parent, signal.SIGKILL)
    _gone(home)
    assert (home / supervisor.STATE).exists()
    first.release()
    second = Lease.take(home)
    try:
        assert second.endpoint.pid != orphan
        assert _ends(orphan)
    finally:
        second.release()


@pytest.mark.parametrize("state", ["", "{", '{"pid": 1, "bolt": 1, "http": 1}', json.dumps({"pid": 2**22 + 1})])
def test_a_state_file_without_a_server_is_no_server(home: Path, state: str) -> None:
    home.mkdir()
    (home / local_server.START_LOCK).touch()
    (home / supervisor.STATE).write_text(state)
    assert local_server._running(home) is None
    assert not (home / supervisor.STATE).exists()


def test_a_server_that_died_is_started_again_with_all_that_was_acknowledged(home: Path) -> None:
    store = LocalStore.open(home)
    store.query("CREATE (:Item {id: 'm:1'})")
    first = store._lease.endpoint.pid
    psutil.Process(first).kill()
    assert store.query("MATCH (n:Item) RETURN n.id").rows == [("m:1",)]
    assert store._lease.endpoint.pid != first
    psutil.Process(store._lease.endpoint.pid).kill()
    store.ensure_schema(["Other"])
    store.close()


def test_a_server_that_will_not_come_back_is_unavailable_and_named(home: Path) -> None:
    store = LocalStore.open(home)
    store._options = LocalOptions(heap_mb=0)
    psutil.Process(store._lease.endpoint.pid).kill()
    with pytest.raises(StoreUnavailable, match="store with a space") as caught:
        store.query("RETURN 1 AS one")
    assert caught.value.remedy
    store.close()


def test_a_child_that_takes_too_much_memory_is_ended() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        supervisor._wait_until_large(child, memory_mb=0)
        assert child.wait(10) == -signal.SIGKILL


def test_a_query_may_not_run_for_ever(home: Path) -> None:
    store = LocalStore.open(home, options=LocalOptions(timeout_ms=500))
    with pytest.raises(StoreUnavailable, match="gave up"):
        store.query("UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b % 7) AS total")
    store.close()


def test_the_server_may_not_read_files(local_store: LocalStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\nb\n")
    with pytest.raises(InvalidData):
        local_store.query("LOAD CSV FROM $url AS line RETURN line", {"url": secret.as_uri()})


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    mode = tmp_path.stat().st_mode
    with pytest.raises(InvalidData, match=r"not a local store"):
        Lease.take(tmp_path)
    assert tmp_path.stat().st_mode == mode
    with pytest.raises(InvalidData, match="is a file"):
        Lease.take(tmp_path / "letter.txt")


def test_a_server_that_will_not_start_says_why(home: Path) -> None:
    with pytest.raises(StoreUnavailable, match="did not start") as caught:
        Lease.take(home, LocalOptions(heap_mb=0))
    assert "heap" in str(caught.value)
    assert supervisor.LOG in caught.value.remedy


def test_a_full_disk_is_unavailable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(subprocess, "run", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        Lease.take(home)


def test_a_store_that_others_hold_is_busy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    monkeypatch.setattr(local_server, "WAIT_SECONDS", 0.1)
    holder = local_server._Lock(home / local_server.START_LOCK, local_server.fcntl.LOCK_EX, "")
    try:
        with pytest.raises(StoreUnavailable, match="still starting"):
            Lease.take(home)
    finally:
        holder.close()


def test_files_that_another_server_has_open_are_a_conflict(home: Path, tmp_path: Path) -> None:
    store = LocalStore.open(home)
    store.query("CREATE (:Item {id: 'm:1'})")
    other = tmp_path / "other"
    other.mkdir()
    (other / local_server.START_LOCK).touch()
    (other / "databases").symlink_to(home / "databases")
    try:
        with pytest.raises((Conflict, StoreUnavailable)):
            LocalStore.open(other)
        assert store.query("MATCH (n:Item) RETURN n.id").rows == [("m:1",)]
    finally:
        store.close()
        _gone(other)


def _client(home: Path) -> tuple[subprocess.Popen[str], int]:
    """Another process that uses the store, and the server it found."""
    client = subprocess.Popen([sys.executable, "-c", CLIENT, str(home)], stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    with client.stdout:
        return client, int(client.stdout.readline())


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid):
            return True
        time.sleep(0.05)
    return False


def _gone(home: Path) -> None:
    """Waits until no supervisor holds the folder, so that it can be deleted."""
    deadline = time.monotonic() + 30
    while home.exists() and local_server._supervised(home) and time.monotonic() < deadline:
        time.sleep(0.05)
