"""What observing costs a request: CPU microseconds of `GET /v1/users/{id}/recommendations` with and without.

    python -m benchmarks.observe --home .interlace

The application is called without a network, in one process, the variants in turn, several rounds; the median of the
rounds' means. `none`: the routes alone; `metrics`: ids, places, deadlines, stages, counts, the default; `json`:
and a line of JSON for every request; `traces`: and spans, dropped when they end. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from serving.app import create_app
from serving.index import open_index
from serving.middleware import Wrapped
from serving.observe.logs import configure
from serving.observe.record import current
from serving.observe.tracing import tracing_to
from serving.run import metrics_folder
from serving.service import make_service
from serving.settings import Settings


class Dropped(SpanExporter):
    """Takes spans and keeps none."""

    def export(self, spans: Any) -> SpanExportResult:  # noqa: ARG002  the contract
        return SpanExportResult.SUCCESS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a home folder with a published index")
    parser.add_argument("--requests", type=int, default=2000, help="in a round")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(metrics_folder(options.home))
        variants = {name: make(options.home, folder) for name, make in VARIANTS.items()}
        scopes = requests(options.home, options.requests)
        took: dict[str, list[float]] = {name: [] for name in variants}
        for app in variants.values():
            asyncio.run(serve(app, scopes[:200]))
        for _ in range(options.rounds):
            for name, app in variants.items():
                begun = time.process_time()
                asyncio.run(serve(app, scopes))
                took[name].append(1e6 * (time.process_time() - begun) / len(scopes))
    found = {name: round(median(values), 1) for name, values in took.items()}
    extra = {name: round(value - found["none"], 1) for name, value in found.items() if name != "none"}
    ratio = {name: round(value / found["none"], 3) for name, value in found.items() if name != "none"}
    print(json.dumps({"cpu_us_a_request": found, "more_us": extra, "ratio": ratio, "requests": options.requests}))


def _none(home: Path, _: Path) -> Wrapped:
    app = create_app(Settings(home=home, store="local:none"))
    return Wrapped(app.api, app.api)


def _metrics(home: Path, folder: Path, **settings: Any) -> Wrapped:
    given = Settings(home=home, store="local:none", **settings)
    return create_app(given, make_service(given, metrics=folder))


def _json(home: Path, folder: Path) -> Wrapped:
    configure(Settings(home=home, log_format="json"), open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    logging.getLogger("interlace.api").info("to nowhere")
    return _metrics(home, folder, log_format="json")


def _traces(home: Path, folder: Path) -> Wrapped:
    given = Settings(home=home, store="local:none")
    service = make_service(given, metrics=folder)
    return create_app(given, replace(service, observer=replace(service.observer, tracing=tracing_to(Dropped()))))


VARIANTS: dict[str, Callable[[Path, Path], Wrapped]] = {
    "none": _none,
    "metrics": _metrics,
    "json": _json,
    "traces": _traces,
}


def requests(home: Path, number: int) -> list[dict[str, Any]]:
    """As httptools gives them: known users in turn, the headers of an ordinary client."""
    index = open_index(home)
    paths = [
        f"/v1/users/{quote(index.user_ids[place % index.num_users].decode(), safe='')}/recommendations"
        for place in range(number)
    ]
    headers = [(b"host", b"127.0.0.1:8421"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip"), (b"user-agent", b"x")]
    return [
        {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"n=10", "root_path": "", "headers": headers,
            "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8421), "state": {},
        }
        for path in paths
    ]  # fmt: skip


async def serve(app: Wrapped, scopes: list[dict[str, Any]]) -> None:
    """One after the other; raises where an answer is not 200."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"an answer of {message['status']}")

    for scope in scopes:
        await app(dict(scope), receive, send)
    assert current.get() is None


if __name__ == "__main__":
    main()
