"""Keeps ArcadeDB alive while somebody uses it: the small process between Interlace's commands and the Java child.

Run as a script (`python -I -S local_supervisor.py`), so it starts in milliseconds and imports nothing but the standard
library. `graph.local_server` starts it with the plan as JSON on standard input. It writes the child's options, the
password among them, into files that only the user can read; announces the ports in `server.json` when the child
answers; and stops the child when the last shared lock on `users.lock` is gone. The kernel drops a lock with the
process that held it, so a user killed with -9 counts as having left.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

USERS_LOCK = "users.lock"
SUPERVISOR_LOCK = "supervisor.lock"
STATE = "server.json"
PASSWORD = "password"  # noqa: S105  the file's name
READER_PASSWORD = "reader-password"  # noqa: S105  the file's name
OPTIONS = "java.args"
LOG = "log/child.log"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
PORT_ATTEMPTS = 3
MEMORY_SECONDS = 0.25


def main(plan: dict[str, object]) -> int:
    """Runs the child of `plan` (`home`, `java`, `classpath`, `heap_mb`, `memory_mb`, `timeout_ms`) while it is used."""
    os.umask(0o077)
    home = Path(str(plan["home"]))
    lock = os.open(home / SUPERVISOR_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if os.fork():
        return 0  # Whoever started us need not wait for, or reap, the half that stays; the lock lives on with it.
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    child = _start(home, plan)
    if child is None:
        return 1
    try:
        _wait_until_unused(home, child, int(str(plan["memory_mb"])))
    finally:
        (home / STATE).unlink(missing_ok=True)
        stop(child)
    return 0


def _start(home: Path, plan: dict[str, object]) -> subprocess.Popen[bytes] | None:
    """Starts the child on free ports, on others when somebody took them meanwhile; None when it will not start."""
    for _ in range(PORT_ATTEMPTS):
        bolt, http = _free_ports()
        child = _spawn(home, plan, bolt, http)
        if _answers(child, bolt, http):
            _announce(home, {"pid": child.pid, "bolt": bolt, "http": http})
            return child
        stop(child)
        if "Address already in use" not in (home / LOG).read_text(errors="replace"):
            return None
    return None


def _spawn(home: Path, plan: dict[str, object], bolt: int, http: int) -> subprocess.Popen[bytes]:
    password(home, PASSWORD)
    password(home, READER_PASSWORD)
    write_private(home / OPTIONS, "\n".join(map(_quoted, _options(home, plan, bolt, http))))
    (home / LOG).parent.mkdir(exist_ok=True)
    with (home / LOG).open("wb") as log:
        return subprocess.Popen(
            [str(plan["java"]), f"@{home / OPTIONS}"],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  no thread runs yet
        )


def _options(home: Path, plan: dict[str, object], bolt: int, http: int) -> list[str]:
    settings = {
        "server.rootPath": home,
        "server.rootPasswordPath": home / PASSWORD,
        "server.mode": "development",
        "txWalFlush": 1,
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "bolt.host": "127.0.0.1",
        "bolt.port": bolt,
        "server.httpIncomingHost": "127.0.0.1",
        "server.httpIncomingPort": http,
        "command.timeout": plan["timeout_ms"],
        "opencypher.loadCsv.allowFileUrls": "false",
        "opencypher.loadCsv.allowRemoteUrls": "false",
    }
    return [
        f"-Xmx{plan['heap_mb']}m",
        "-XX:+ExitOnOutOfMemoryError",
        "--add-opens",
        "java.base/java.nio=ALL-UNNAMED",
        "--add-modules",
        "jdk.incubator.vector",
        "-cp",
        str(plan["classpath"]),
        *(f"-Darcadedb.{name}={value}" for name, value in settings.items()),
        "com.arcadedb.server.ArcadeDBServer",
    ]


def _quoted(option: str) -> str:
    """An option as Java's argument files want it: quoted, with backslashes and quotes escaped."""
    return '"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _die_with_parent() -> None:
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def _answers(child: subprocess.Popen[bytes], *ports: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        if all(_accepts(port) for port in ports):
            return True
        time.sleep(0.02)
    return False


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _announce(home: Path, state: dict[str, object]) -> None:
    write_private(home / (STATE + ".new"), json.dumps(state))
    (home / (STATE + ".new")).replace(home / STATE)


def _wait_until_unused(home: Path, child: subprocess.Popen[bytes], memory_mb: int) -> None:
    """Returns when the child has died or grown too large, or when no process holds `users.lock` any more."""
    users = os.open(home / USERS_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    over = threading.Event()
    for wait in (lambda: fcntl.flock(users, fcntl.LOCK_EX), child.wait, lambda: _wait_until_large(child, memory_mb)):
        threading.Thread(target=_then_set, args=(wait, over), daemon=True).start()
    over.wait()


def _wait_until_large(child: subprocess.Popen[bytes], memory_mb: int) -> None:
    """Returns when the child's memory passes the limit; some queries take much that the Java heap's limit misses."""
    statm = Path(f"/proc/{child.pid}/statm")
    page = os.sysconf("SC_PAGE_SIZE")
    while not statm.exists() or int(statm.read_text().split()[1]) * page < memory_mb << 20:
        time.sleep(MEMORY_SECONDS)
    child.kill()


def _then_set(wait: Callable[[], object], over: threading.Event) -> None:
    wait()
    over.set()


def stop(child: subprocess.Popen[bytes]) -> None:
    """Asks the child to stop, which closes its files; kills it when it does not."""
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def password(home: Path, name: str) -> str:
    """A password of the store, made at the first start. Whoever can read the file may use the store."""
    path = home / name
    if not path.exists():
        mine = home / f"{name}.{os.getpid()}"
        write_private(mine, secrets.token_urlsafe(24))
        with contextlib.suppress(FileExistsError):  # Another process was faster: its password is the one.
            os.link(mine, path)
        mine.unlink()
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Writes a file that only the user can read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main(json.load(sys.stdin)))
