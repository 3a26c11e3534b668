"""What the gate (keys, bounds, limits, Host and Origin checks) costs a request, in microseconds of CPU.

    python -m benchmarks.gate

A request for recommendations with a browser's usual headers passes the gate to an application that answers at once, and
the same without the gate; the median over rounds of the difference. One JSON object a setting.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access.access import make_access
from serving.access.gate import Gate
from serving.access.keys import KeyStore
from serving.settings import Settings

ROUNDS, REQUESTS = 15, 4_000
PATH = "/v1/users/movielens%3A196/recommendations"
HEADERS = {
    "host": "localhost:8421", "user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept": "application/json",
    "accept-language": "en", "accept-encoding": "gzip, deflate", "connection": "keep-alive", "referer": "http://localhost:8421/",
    "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty",
}  # fmt: skip


async def answers(_scope: Scope, _receive: Receive, send: Send) -> None:
    """The application behind."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def receives() -> Any:
    """Nothing to read."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def sends(_message: Any) -> None:
    """Nobody reads."""


async def seconds(app: ASGIApp, headers: Mapping[str, str]) -> float:
    """CPU seconds of one request."""
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    begun = time.process_time()
    for _ in range(REQUESTS):
        scope = {"type": "http", "method": "GET", "path": PATH, "raw_path": PATH.encode(), "query_string": b"n=10",
                 "headers": pairs, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8421)}  # fmt: skip
        await app(scope, receives, sends)
    return (time.process_time() - begun) / REQUESTS


async def cost(settings: Settings, key: str) -> float:
    """Microseconds that the gate adds."""
    access = make_access(settings)
    gate = Gate(answers, access)
    headers = {**HEADERS, **({"authorization": f"Bearer {key}"} if key else {})}
    rounds = [await seconds(gate, headers) - await seconds(answers, headers) for _ in range(ROUNDS)]
    access.close()
    return round(1e6 * statistics.median(rounds), 1)


def main() -> None:
    """Prints one object a setting."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        keys = KeyStore(home)
        _, plain = keys.create("plain", "reader")
        _, bound = keys.create("bound", "reader", platform="movielens")
        locked = Settings(home=home, require_keys=True)
        limited = Settings(home=home, require_keys=True, rate_limit=1e9)
        cases = (("no keys", Settings(home=home), ""), ("key", locked, plain), ("key of one platform", locked, bound),
                 ("key, rate limit", limited, plain))  # fmt: skip
        for name, settings, key in cases:
            print(json.dumps({"setting": name, "microseconds": asyncio.run(cost(settings, key))}))


if __name__ == "__main__":
    main()
