"""Linkage measured on catalogues whose truth is known: precision and recall of `interlace link`, by threshold.

    python -m benchmarks.link DATA [--people 4000] [--seed 42]

Items: the titles and years of MovieLens 1M (DATA/ml-1m), a catalogue against a copy of three fifths of it, written by
another hand (`benchmarks.link_noise`) among other items of its own.
People: public data has no names, so they are drawn from the commonest ones with their frequencies; three
fifths of the people of each platform are on both. No label is read by the linkage. A pair is right where both ids are
one person or item; recall is of the true pairs across platforms.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.link_noise import Noise
from graph.link.clusters import cluster
from graph.link.model import link
from graph.link.records import ITEMS, PEOPLE, records

THRESHOLDS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
_YEAR = re.compile(r"^(.*?)\s*\((\d{4})\)$")
Row = dict[str, Any]


def people(number: int, seed: int) -> tuple[list[Row], set[tuple[str, str]]]:
    noise = Noise(seed)
    everyone = [noise.person(place) for place in range(number)]
    ends = {"shop": everyone[: number * 3 // 4], "social": everyone[number // 4 :]}
    rows, where = [], {}
    for platform, members in ends.items():
        for place, person in enumerate(members):
            rows.append({"id": f"{platform}:{place}", **noise.copy_of(person)})
            where[platform, person["mail"]] = f"{platform}:{place}"
    truth = {(where["shop", mail], name) for (platform, mail), name in where.items()
             if platform == "social" and ("shop", mail) in where}  # fmt: skip
    return rows, truth


def catalogue(titles: list[tuple[str, int | None]], seed: int) -> tuple[list[Row], set[tuple[str, str]]]:
    noise = Noise(seed)
    titles = sorted(set(titles), key=str)
    noise.random.shuffle(titles)
    number = len(titles)
    first, second = range(number * 4 // 5), range(number // 5, number)
    rows: list[Row] = [{"id": f"a:{one}", "title": titles[one][0], "year": titles[one][1]} for one in first]
    for one in second:
        title, year = noise.title(*titles[one])
        rows.append({"id": f"b:{one}", "title": title, "year": year})
    return rows, {(f"a:{one}", f"b:{one}") for one in first if one in second}


def movies(data: Path) -> list[tuple[str, int | None]]:
    lines = (data / "ml-1m" / "movies.dat").read_text("latin-1").splitlines()
    found = [_YEAR.match(line.split("::")[1]) for line in lines]
    return [(_in_order(one[1]), int(one[2])) for one in found if one]


def _in_order(title: str) -> str:
    rest, comma, article = title.rpartition(", ")
    return f"{article} {rest}" if comma and article in ("The", "A", "An") else title


def measure(name: str, rows: list[Row], truth: set[tuple[str, str]], what: str, seed: int) -> dict[str, Any]:
    began = time.perf_counter()
    frame = records(rows, what)
    found = link(frame, what, seed=seed)
    curve = []
    for threshold in THRESHOLDS:
        groups = cluster(found.pairs, threshold=threshold)
        pairs = {
            tuple(sorted((one, two)))
            for members in groups.members
            for place, one in enumerate(members)
            for two in members[place + 1 :]
        }
        right = len(pairs & truth)
        curve.append(
            {
                "threshold": threshold,
                "precision": right / max(1, len(pairs)),
                "recall": right / len(truth),
                "pairs": len(pairs),
            }
        )
    seconds = time.perf_counter() - began
    return {"data": name, "records": len(frame), "truth": len(truth), "blocks": found.blocks, "curve": curve,
            "seconds": round(seconds, 1)}  # fmt: skip


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--people", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--only", default="")
    given = parser.parse_args(arguments)
    sets = {
        "people": lambda: (*people(given.people, given.seed), PEOPLE),
        "movies": lambda: (*catalogue(movies(given.data), given.seed), ITEMS),
    }
    for name, make in sets.items():
        if not given.only or given.only == name:
            rows, truth, what = make()
            print(json.dumps(measure(name, rows, truth, what, given.seed)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
