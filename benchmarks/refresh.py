"""Is a refresh after a little news worth it: 1% new interactions and 10 new items, incremental beside full.

    python -m benchmarks.refresh PATH [--model NAME ...] [--budget SECONDS] [--work DIR]

PATH: a folder of RecBole's atomic files (`NAME.inter`, `NAME.item`, …), such as ml-100k or a converted ml-1m. A home is
filled from it without the last 1% of the interactions (by a seeded draw) and without 10 items, refreshed once, then the
rest is put in place. The home, its store and its registry are copied: one copy gets `refresh`, the other
`refresh --full`. Prints one JSON object: seconds of each step, the ratio, whether both end in the same snapshot and,
where the same version of the same recipe serves, in the same index and the same relationships written back.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from graph.store import open_store
from serving.progress import Lines
from serving.refresh import Refresh, RefreshReport
from serving.refresh_choice import BUDGET, Choice
from serving.refresh_sources import Source, remember
from serving.settings import read_settings

NEW_ITEMS = 10
SHARE = 0.01
WRITTEN = (
    "MATCH (a)-[r:RECOMMENDED|SIMILAR]->(b) "
    "RETURN a.id AS head, type(r) AS type, b.id AS tail, r.rank AS rank, r.score AS score, r.modality AS modality"
)


def main() -> None:
    """Both refreshes on copies of one home."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--model", action="append", default=[], help="only these models are tried")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds of a choice of models")
    parser.add_argument("--min-value", type=float, default=4.0)
    parser.add_argument("--work", type=Path, default=None, help="folder to work in, kept; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="interlace-refresh-") as name:
        work = options.work or Path(name)
        print(json.dumps(measure(options, work), indent=1))


def measure(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """First refresh, news, then both ways on copies."""
    source, home = work / "data" / options.path.name, work / "home"
    held_back = split_source(options.path, source)
    choice = Choice(options.min_value, tuple(options.model), options.budget)
    remember(home, Source(source, "bench"))
    first, _ = apart(home, choice, full=False)
    put_back(options.path, source)
    twin = work / "twin"
    shutil.copytree(home, twin / "home", symlinks=True)
    little, graph = apart(home, choice, full=False)
    shutil.move(home, work / "done")  # a registry knows its folder by its address: the twin takes that address
    shutil.move(twin / "home", home)
    full, whole = apart(home, choice, full=True)
    shutil.move(home, twin / "home")
    return {
        "data": options.path.name,
        "held back": held_back,
        "machine": {"cores": os.cpu_count(), "platform": platform.machine(), "load": os.getloadavg()[0]},
        "first": _told(first),
        "refresh": _told(little),
        "refresh --full": _told(full),
        "ratio": round(_seconds(little) / _seconds(full), 3),
        "same snapshot": little.results["snapshot"]["snapshot"] == full.results["snapshot"]["snapshot"],
        "same recipe": little.results["train"]["origin"]["how"] == full.results["train"]["origin"]["how"] == "carried",
        "same index": little.record.index == full.record.index,
        "written back": _difference(graph, whole),
    }


def split_source(path: Path, target: Path) -> dict[str, int]:
    """A copy without some items and interactions; what stays is as it was."""
    shutil.copytree(path, target, copy_function=os.link if _same_disk(path, target) else shutil.copyfile)
    rng = np.random.default_rng(42)
    interactions, items = _only(path, "inter"), _only(path, "item")
    lines = interactions.read_text(encoding="utf-8").splitlines(keepends=True)
    cards = items.read_text(encoding="utf-8").splitlines(keepends=True)
    gone = {cards[1 + place].split("\t", 1)[0] for place in rng.choice(len(cards) - 1, NEW_ITEMS, replace=False)}
    drawn = rng.random(len(lines)) < SHARE
    kept = [line for place, line in enumerate(lines) if not place or not (drawn[place] or line.split("\t")[1] in gone)]
    _replace(target / interactions.name, kept)
    _replace(target / items.name, [line for line in cards if line.split("\t", 1)[0] not in gone])
    return {"interactions": len(lines) - len(kept), "items": len(gone)}


def put_back(path: Path, target: Path) -> None:
    """The news: both files as they were published."""
    for name in ("inter", "item"):
        file = _only(path, name)
        _replace(target / file.name, [file.read_text(encoding="utf-8")])


def apart(home: Path, choice: Choice, *, full: bool) -> tuple[RefreshReport, set[tuple[Any, ...]]]:
    """A refresh in a process of its own, as a command is: what one left open does not follow a home that is moved."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(refresh, home, choice, full=full).result()


def refresh(home: Path, choice: Choice, *, full: bool) -> tuple[RefreshReport, set[tuple[Any, ...]]]:
    """One refresh of a home with its own store and registry; and what is written back in its graph."""
    settings = read_settings({"home": home, "mlflow": f"sqlite:///{home}/mlruns/mlflow.db"})
    store = open_store(settings.store_url)
    try:
        report = Refresh(settings, Lines(), choice, "benchmark").run(store, full=full)
        return report, {tuple(row) for row in store.query(WRITTEN)}
    finally:
        store.close()
        _await_end(home)


def _await_end(home: Path) -> None:
    """The store's server ends when its last user has left: only then may its files be copied."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if not any(str(home) in " ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])):
            return
        time.sleep(0.2)
    sys.exit(f"the store of {home} did not end")


def _only(folder: Path, ending: str) -> Path:
    found = list(folder.glob(f"*.{ending}"))
    if len(found) != 1:
        sys.exit(f"{folder} must hold one file *.{ending}: RecBole's atomic files")
    return found[0]


def _same_disk(path: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    return path.stat().st_dev == target.parent.stat().st_dev


def _replace(path: Path, lines: list[str]) -> None:
    path.unlink(missing_ok=True)  # it may be a link to the original
    path.write_text("".join(lines), encoding="utf-8")


def _seconds(report: RefreshReport) -> float:
    return report.record.seconds or 0.0


def _told(report: RefreshReport) -> dict[str, Any]:
    steps = {step.name: round(step.seconds, 2) for step in report.record.steps}
    trained = report.results["train"]
    return {
        "seconds": round(_seconds(report), 2),
        "steps": steps,
        "recipe": trained["chosen"],
        "why": trained["why"],
        "ndcg@10": round(trained["metrics"]["ndcg@10"], 4),
    }


def _difference(one: set[tuple[Any, ...]], other: set[tuple[Any, ...]]) -> Mapping[str, int]:
    return {"incremental": len(one), "full": len(other), "in both": len(one & other)}


if __name__ == "__main__":
    main()
