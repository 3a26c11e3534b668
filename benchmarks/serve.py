"""Speed of `GET /v1/users/{id}/recommendations`: requests a second, CPU ms a request, p50 and p99, by `wrk`.

    python -m benchmarks.serve --home .interlace
    python -m benchmarks.serve --data ../shared/data/ml-100k     # fits EASE and publishes into a temporary home

One server worker, random known users, a warm-up first. CPU is the worker's own user and system time (/proc), before and
after. Prints one JSON object a run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil

from serving.index import ModelInfo, open_index

SCRIPT = """
local users = {%s}
local at = -1
math.randomseed(42)
request = function()
  at = at + 1
  return wrk.format("GET", "/v1/users/" .. users[%s] .. "/recommendations?n=%d%s")
end
"""
LATENCY = re.compile(r"^\s+(50|75|90|99)%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
TO_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--home", type=Path, help="a home folder with a published index")
    source.add_argument("--data", type=Path, help="a dataset folder to fit EASE on")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("-n", type=int, default=10)
    parser.add_argument("--query", default="", help="more of the query string, for example &explain=true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or published(options.data, Path(folder))
        script = write_script(home, Path(folder), options.n, options.query)
        with server(home) as (address, process):
            wrk(address, script, 2, 2)
            for connections in options.connections:
                result = measure(address, process, script, connections, options.seconds)
                print(json.dumps({"connections": connections, "n": options.n, "query": options.query, **result}))


def published(data: Path, folder: Path, name: str = "ease") -> Path:
    """A model on all positives of a dataset folder, published."""
    from graph.snapshot_read import read_folder
    from serving.publish import publish
    from training.train import everything
    from training.zoo import find

    snapshot = read_folder(data).snapshot
    training = everything(snapshot, None)
    model = find(name).build().fit(training)
    home = folder / "home"
    publish(snapshot, model, home=home, model=ModelInfo(name, "0"), histories=training.histories)
    return home


def write_script(
    home: Path, folder: Path, n: int, query: str, users: Sequence[str] = (), *, in_turn: bool = False
) -> Path:
    """wrk's Lua script over these users' ids, drawn at random or one after the other; over all (at most 50,000) known
    ones where none are named.
    """
    ids = open_index(home).user_ids
    asked = users or [ids[place].decode() for place in range(min(len(ids), 50_000))]
    path = folder / "users.lua"
    quoted = ",".join(json.dumps(quote(one, safe="")) for one in asked)
    which = "at % #users + 1" if in_turn else "math.random(#users)"
    path.write_text(SCRIPT % (quoted, which, n, query), encoding="utf-8")
    return path


@contextmanager
def server(home: Path, *, workers: int = 1, store: str = "") -> Iterator[tuple[str, int]]:
    """A server on a free port: its address and process id."""
    environment = {**os.environ, "INTERLACE_HOME": str(home), "INTERLACE_PORT": "0",
                   "INTERLACE_WORKERS": str(workers), "INTERLACE_STORE": store}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.run"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        wait_until_ready(address)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(120)  # the last to leave a large store waits for it to be written


def wait_until_ready(address: str, seconds: float = 90) -> None:
    """Raises what the last try raised when the server is not ready in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            httpx.get(f"{address}/v1/ready", timeout=30).raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def measure(address: str, process: int, script: Path, connections: int, seconds: int) -> dict[str, Any]:
    """One run of wrk with the worker's CPU time around it."""
    before = cpu_seconds(process)
    output = wrk(address, script, connections, seconds)
    used = cpu_seconds(process) - before
    total = re.search(r"(\d+) requests in", output)
    assert total is not None, output
    requests = int(total[1])
    failed = sum(int(found) for found in re.findall(r"Non-2xx or 3xx responses: (\d+)", output))
    times = {name: float(value) * TO_MS[unit] for name, value, unit in LATENCY.findall(output)}
    return {
        "requests": requests,
        "failed": failed,
        "requests_a_second": round(requests / seconds, 1),
        "cpu_ms_a_request": round(1000 * used / max(1, requests), 3),
        "p50_ms": rounded(times.get("50")),
        "p99_ms": rounded(times.get("99")),
        "memory_mb": memory_mb(process),
    }


def rounded(value: float | None) -> float | None:
    """None where no request was answered."""
    return None if value is None else round(value, 3)


def wrk(address: str, script: Path, connections: int, seconds: int) -> str:
    """wrk's report."""
    program = shutil.which("wrk")
    if program is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), address]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def cpu_seconds(process: int) -> float:
    """User and system time so far of a server: its process, and its workers where it has several."""
    server = psutil.Process(process)
    workers = [one for one in server.children(recursive=True) if one.name().startswith("python")]
    times = [one.cpu_times() for one in (server, *workers)]
    return float(sum(one.user + one.system for one in times))


def memory_mb(process: int) -> int:
    """Resident memory, mapped pages included."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    main()
