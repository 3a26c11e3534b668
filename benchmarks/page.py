"""The page's first view in Chromium: time to the first shelf and to the largest paint, layout shift, what was fetched.

    python -m benchmarks.page --home .interlace
    python -m benchmarks.page --address http://127.0.0.1:8421 --runs 9

A warm server (one worker), a fresh browser context a run, so nothing is cached. Times are milliseconds since the
navigation began; `shelf_ms` is the frame in which the first titled item or user is there, `largest_ms` the last
largest-contentful-paint, `shift` the cumulative layout shift until two seconds after the shelf. Prints one JSON object
a view and width, with the machine's load.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

import httpx
from playwright.sync_api import Browser, sync_playwright

from benchmarks.serve import server

SIZES = {"phone": (390, 844), "tablet": (820, 1180), "tablet-landscape": (1180, 820), "desktop": (1440, 900)}
SHOWN = ".card__title, .people__link"
SETTLED_MS = 2000
WATCH = """
window.seen = { largest: 0, shift: 0, shelf: 0 };
const watch = (type, note) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
watch('largest-contentful-paint', (one) => (window.seen.largest = one.startTime));
watch('layout-shift', (one) => { if (!one.hadRecentInput) window.seen.shift += one.value; });
const look = () => {
  if (document.querySelector('SHOWN')) window.seen.shelf = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
""".replace("SHOWN", SHOWN)
FETCHED = """() => performance.getEntriesByType('resource').map((one) => ({
  api: one.name.includes('/v1/'), end: one.responseEnd, bytes: one.encodedBodySize }))"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--home", type=Path, help="a home folder with a published index")
    source.add_argument("--address", help="a server that runs already")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", choices=SIZES, nargs="+", default=["phone", "desktop"])
    options = parser.parse_args()
    with served(options) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        user = httpx.get(f"{address}/v1/users", params={"limit": 1}).json()["users"][0]["id"]
        views = {"first": "/", "user": f"/#/users/{quote(user, safe='')}"}
        views["scenario"] = views["user"] + "?scenario=video"
        for size in options.size:
            for view, path in views.items():
                found = measured(browser, address + path, SIZES[size], options.runs)
                print(json.dumps({"view": view, "size": size, **found}), flush=True)
        browser.close()


@contextmanager
def served(options: argparse.Namespace) -> Iterator[str]:
    """The address of the server that runs, or of one started for this."""
    if options.address:
        yield options.address.rstrip("/")
        return
    with server(options.home) as (address, _):
        yield address


def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("no Chromium on the path: apt-get install chromium")
    return path


def measured(browser: Browser, address: str, size: tuple[int, int], runs: int) -> dict[str, Any]:
    """Medians over the runs; one run before them warms the server."""
    found = [visit(browser, address, size) for _ in range(runs + 1)][1:]
    numbers = {name: round(median(one[name] for one in found), 3) for name in found[0]}
    return {**numbers, "runs": runs, "load": round(os.getloadavg()[0], 2), "cores": os.cpu_count()}


def visit(browser: Browser, address: str, size: tuple[int, int]) -> dict[str, float]:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    try:
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(address)
        page.locator(SHOWN).first.wait_for(timeout=60_000)
        page.wait_for_timeout(SETTLED_MS)
        seen: dict[str, float] = page.evaluate("window.seen")
        fetched = page.evaluate(FETCHED)
    finally:
        context.close()
    before = [one for one in fetched if one["end"] <= seen["shelf"]]
    return {
        "shelf_ms": round(seen["shelf"]),
        "largest_ms": round(seen["largest"]),
        "shift": seen["shift"],
        "requests_before": len(before),
        "api_before": sum(one["api"] for one in before),
        "kilobytes_before": round(sum(one["bytes"] for one in before) / 1024),
    }


if __name__ == "__main__":
    main()
