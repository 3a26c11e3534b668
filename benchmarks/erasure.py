"""Many people erased at once under load: is a trace left, does anybody else get a wrong answer, what do others wait.

    python -m benchmarks.erasure --data ml-1m --users 1000

`--data`: a dataset folder (`benchmarks.convert`), ingested, trained (`--model`) and refreshed in a temporary home with
MLflow and store of its own. `wrk` asks for random users' lists over 8 connections: first alone, then, round by round,
while `interlace erase --file` takes users drawn at random away. Meanwhile a client asks for others, who must get their
list, and for the erased, who must get 404. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx

from benchmarks.serve import measure, server, write_script
from serving.index import open_index

PLATFORM = "ml"
COMMAND = (sys.executable, "-c", "from serving.cli.main import main; main()")
CONNECTIONS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--model", default="ease")
    parser.add_argument("--seconds", type=int, default=10, help="of each round of load")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        os.environ |= {"INTERLACE_HOME": str(home), "INTERLACE_MLFLOW": f"sqlite:///{folder}/mlruns/mlflow.db"}
        _run("ingest", str(options.data.resolve()), "--platform", PLATFORM)
        _run("train", "--model", options.model)
        print(json.dumps(_measured(home, folder, options)))


def _measured(home: Path, folder: Path, options: argparse.Namespace) -> dict[str, object]:
    index = open_index(home)
    everybody = [index.user_ids[place].decode() for place in range(index.num_users)]
    chosen = random.Random(42).sample(everybody, min(options.users, len(everybody) // 2))  # noqa: S311  no secret
    others = sorted(set(everybody) - set(chosen))
    ids = folder / "ids.txt"
    ids.write_text("\n".join(chosen))
    said = folder / "erase.json"
    script = write_script(home, folder, 10, "")
    with server(home, store=f"local:{home / 'store'}") as (address, process):
        measure(address, process, script, CONNECTIONS, 3)
        alone = measure(address, process, script, CONNECTIONS, options.seconds)
        wrong, rounds = Counter[str](), []
        with _erasing(ids, said) as erasing, _asking(address, others, set(), wrong):
            begun = time.perf_counter()
            while erasing.poll() is None:
                rounds.append(measure(address, process, script, CONNECTIONS, options.seconds))
            took = time.perf_counter() - begun
        with _asking(address, chosen, set(chosen), wrong):
            time.sleep(2)
    if erasing.returncode:
        left = [one["left"] for one in json.loads(said.read_text())["receipts"]]
        raise SystemExit(f"interlace erase ended with {erasing.returncode}; traces left: {left}")
    receipt = min((home / "erasures").glob("*.json"))
    verified = json.loads(_run("erase", "--verify", str(receipt), "--json"))
    return {
        "users": len(everybody), "interactions": len(index.history.kind), "erased": len(chosen), "model": options.model,
        "seconds": round(took, 1), "traces": sum(verified["traces"].values()), "files": verified["files"],
        "wrong": dict(wrong), "alone_p99_ms": alone["p99_ms"], "p99_ms": [one["p99_ms"] for one in rounds],
        "places_s": _seconds_by_place(receipt),
    }  # fmt: skip


@contextmanager
def _erasing(ids: Path, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`interlace erase`, as low in priority as anybody would run it; `said`: where its answer goes."""
    with said.open("wb") as out:
        process = subprocess.Popen(["nice", *COMMAND, "erase", "--file", str(ids), "--json"], stdout=out)
        try:
            yield process
        finally:
            process.wait()


@contextmanager
def _asking(address: str, users: list[str], gone: set[str], wrong: Counter[str]) -> Iterator[None]:
    """A client that asks for these users, one after the other, until the block ends."""
    stop = threading.Event()

    def ask() -> None:
        rng = random.Random(1)  # noqa: S311  no secret
        with httpx.Client(base_url=address, timeout=30) as client:
            while not stop.is_set():
                user = rng.choice(users)
                answer = client.get(f"/v1/users/{quote(user, safe='')}/recommendations?n=5")
                right = (
                    answer.status_code == 404 if user in gone else answer.is_success and answer.json()["user"] == user
                )
                wrong["asked"] += 1
                wrong["wrong"] += not right

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _seconds_by_place(receipt: Path) -> dict[str, float]:
    document = json.loads(receipt.read_text())
    times = [(one["place"], one["at"]) for one in sorted(document["places"], key=lambda one: one["at"])]
    before = [document["asked"], *(at for _, at in times)]
    return {
        name: round(at - earlier, 1) for (name, at), earlier in zip(times, before, strict=False) if at - earlier > 1
    }


def _run(*words: str) -> str:
    done = subprocess.run([*COMMAND, *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"interlace {' '.join(words)} ended with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        )
    return done.stdout


if __name__ == "__main__":
    main()
