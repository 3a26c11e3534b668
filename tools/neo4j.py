"""A real Neo4j on this machine without a container: `python -m tools.neo4j start|stop|status`.

The jars come from Maven Central into `.neo4j/` of the checkout; Java 17 and Maven are all it needs. `make neo4j` starts
it in the background; the tests start one of their own (`Neo4j`). It listens on the loopback alone and wants a password,
which only the user can read in `.neo4j/home/password`. For development: production runs Neo4j's own packages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".neo4j"
POM = Path(__file__).with_name("neo4j.pom.xml")
PORT = 7687
START_SECONDS = 120.0
JAVA_OPTIONS = [
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
]


class LaunchError(Exception):
    """Neo4j could not be started here; the message says what to do."""


@dataclass(frozen=True)
class Neo4j:
    """A server with its data in `home`, on `port` of the loopback."""

    home: Path
    port: int = PORT
    heap_mb: int = 1024

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """Password of user `neo4j`."""
        return (self.home / "password").read_text()

    def start(self) -> int:
        """Starts the server, waits until it answers, and returns its process id."""
        jars = fetch_jars()
        if _accepts(self.port):
            raise LaunchError(f"port {self.port} is in use: stop what holds it, or give another with --port")
        self._write_settings()
        if not (self.home / "data").exists():
            self._set_password(jars)
        log = self.home / "console.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["java", *self._java_options(jars), "org.neo4j.server.CommunityEntryPoint", *self._folders()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._await(process, log)
        process.returncode = 0  # The server outlives this object: nobody here waits for it.
        return process.pid

    def _await(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if _accepts(self.port):
                return
            time.sleep(0.1)
        process.kill()
        process.wait()
        raise LaunchError(f"Neo4j did not start; the end of {log}:\n{log.read_text(errors='replace')[-2000:]}")

    def _write_settings(self) -> None:
        (self.home / "conf").mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        settings = {
            "server.bolt.listen_address": f"127.0.0.1:{self.port}",
            "server.bolt.advertised_address": f"127.0.0.1:{self.port}",
            "server.http.enabled": "false",
            "server.https.enabled": "false",
            "server.memory.heap.max_size": f"{self.heap_mb}m",
            "server.memory.pagecache.size": "256m",
            # LOAD CSV may read no file and reach no address, and no procedure may leave the database.
            "dbms.security.allow_csv_import_from_file_urls": "false",
            "internal.dbms.cypher_ip_blocklist": "0.0.0.0/0,::/0",
            "dbms.security.procedures.unrestricted": "",
            "dbms.security.procedures.allowlist": "db.*",
            "db.transaction.timeout": "120s",
            "db.memory.transaction.max": f"{self.heap_mb // 4}m",
            "dbms.memory.transaction.total.max": f"{self.heap_mb // 2}m",
            "db.tx_log.preallocate": "false",
            "dbms.usage_report.enabled": "false",
        }
        lines = [f"{name}={value}" for name, value in settings.items()]
        (self.home / "conf" / "neo4j.conf").write_text("\n".join(lines) + "\n")

    def _set_password(self, jars: Path) -> None:
        """Through an argument file: a command line can be read by everybody on the machine."""
        password = secrets.token_urlsafe(24).replace("-", "a")
        for path, text in (
            (self.home / "password", password),
            (self.home / "admin.args", f"org.neo4j.cli.AdminTool dbms set-initial-password {password}"),
        ):
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
        environment = {**os.environ, "NEO4J_HOME": str(self.home), "NEO4J_CONF": str(self.home / "conf")}
        command = ["java", "-cp", str(jars / "*"), f"@{self.home / 'admin.args'}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        (self.home / "admin.args").unlink()
        if done.returncode:
            raise LaunchError(f"the first password could not be set: {done.stdout}{done.stderr}")

    def _java_options(self, jars: Path) -> list[str]:
        return [f"-Xmx{self.heap_mb}m", *JAVA_OPTIONS, "-cp", str(jars / "*")]

    def _folders(self) -> list[str]:
        return [f"--home-dir={self.home}", f"--config-dir={self.home / 'conf'}"]


def missing_tools() -> list[str]:
    """What this machine lacks to run Neo4j: `java`, `mvn`."""
    have_jars = _jar_folder().is_dir()
    return [tool for tool in ("java", "mvn") if not shutil.which(tool) and not (tool == "mvn" and have_jars)]


def fetch_jars() -> Path:
    """Folder of Neo4j's jars, fetched by Maven the first time (128 MB)."""
    if missing := missing_tools():
        raise LaunchError(f"{' and '.join(missing)} not found: install Java 17 and Maven")
    jars = _jar_folder()
    if jars.is_dir():
        return jars
    partial = jars.with_suffix(f".{os.getpid()}")
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(partial, ignore_errors=True)
        raise LaunchError(f"Maven could not fetch Neo4j:\n{done.stdout}{done.stderr}")
    if jars.is_dir():
        shutil.rmtree(partial)  # Somebody else was faster.
    else:
        partial.rename(jars)
    return jars


def _jar_folder() -> Path:
    return CACHE / f"jars-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def stop(pid: int, *, discard: bool = False) -> None:
    """Asks a server to end and waits until it has; `discard` kills it at once, for data that nobody wants any more."""
    try:
        process = psutil.Process(pid)
        process.kill() if discard else process.terminate()
        process.wait(60)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(60)


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def running(state: Path) -> dict[str, object] | None:
    """What `start` wrote of a server that still runs."""
    if not state.exists():
        return None
    found = json.loads(state.read_text())
    try:
        alive = psutil.Process(found["pid"]).create_time() == found["since"]
    except psutil.NoSuchProcess:
        alive = False
    return found if alive else None


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.neo4j", description=__doc__)
    parser.add_argument("command", choices=["start", "stop", "status"])
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--heap-mb", type=int, default=1024)
    parser.add_argument("--foreground", action="store_true", help="stay until Ctrl-C, then stop it")
    options = parser.parse_args(arguments)
    server = Neo4j(CACHE / "home", options.port, options.heap_mb)
    try:
        return _run(options, server, CACHE / "server.json")
    except LaunchError as error:
        print(error, file=sys.stderr)
        return 2


def _run(options: argparse.Namespace, server: Neo4j, state: Path) -> int:
    found = running(state)
    if options.command == "start" and found is None:
        pid = server.start()
        found = {"pid": pid, "since": psutil.Process(pid).create_time(), "uri": server.uri}
        state.write_text(json.dumps(found))
    if found is None:
        print("Neo4j is not running")
        return 0 if options.command == "stop" else 1
    if options.command == "stop":
        _stop(found, state)
        return 0
    print(f"Neo4j is running at {found['uri']} (process {found['pid']})")
    print(f"use it with: --store {found['uri']}, INTERLACE_STORE_PASSWORD_FILE={server.home / 'password'}")
    if options.command == "start" and options.foreground:
        _stay(found, state)
    return 0


def _stop(found: dict[str, object], state: Path) -> None:
    stop(int(str(found["pid"])))
    state.unlink(missing_ok=True)
    print("Neo4j has stopped")


def _stay(found: dict[str, object], state: Path) -> None:
    try:
        psutil.Process(int(str(found["pid"]))).wait()
    except KeyboardInterrupt:
        _stop(found, state)


if __name__ == "__main__":
    sys.exit(main())
