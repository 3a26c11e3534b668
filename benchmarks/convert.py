"""Published data sets -> the dataset folder, with the splits that the rivals are measured on.

    python -m benchmarks.convert ml-100k DATA SPLITS OUT
    python -m benchmarks.convert ml-1m DATA SPLITS OUT
    python -m benchmarks.convert beauty|sports|lastfm|ncf-ml-1m|lastfm-social|kg-lastfm|ctr-ml-1m DATA OUT
    python -m benchmarks.convert friends-lastfm|cold-item-ml-100k|cold-user-ml-100k|events-ml-100k|events-ml-1m DATA OUT

DATA holds the published files; SPLITS the parquet parts that the rivals' `split.py` wrote (so both read one split).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

from benchmarks.convert_100k import cold_item_ml_100k, cold_user_ml_100k, events_ml_100k, films_100k, people_100k
from benchmarks.convert_tasks import (
    ctr_ml_1m,
    events_ml_1m,
    friends_lastfm,
    kg_lastfm,
    lastfm_social,
    movies,
    ncf_ml_1m,
)

SEQUENCES = {"beauty": "amazon-seq/Beauty", "sports": "amazon-seq/Sports_and_Outdoors", "lastfm": "lastfm-seq/LastFM"}
OWN_PROTOCOL = {
    "ncf-ml-1m": ncf_ml_1m,
    "lastfm-social": lastfm_social,
    "friends-lastfm": friends_lastfm,
    "kg-lastfm": kg_lastfm,
    "ctr-ml-1m": ctr_ml_1m,
    "cold-item-ml-100k": cold_item_ml_100k,
    "cold-user-ml-100k": cold_user_ml_100k,
    "events-ml-100k": events_ml_100k,
    "events-ml-1m": events_ml_1m,
}
PARTS = ("train", "valid", "test")


def peer_split(splits: Path, name: str, out: Path) -> pd.Series:
    """Writes the three parts with the data's own ids; returns the raw item ids of the catalogue."""
    users = pd.read_parquet(splits / name / "users.parquet").raw_user
    items = pd.read_parquet(splits / name / "items.parquet").raw_item
    for part in PARTS:
        rows = pd.read_parquet(splits / name / f"{part}.parquet")
        named = {"user": users.to_numpy()[rows.user], "item": items.to_numpy()[rows.item], "time": rows.timestamp}
        pd.DataFrame(named).astype({"time": "int64"}).to_csv(out / f"{part}.csv", index=False)
    return items


def ml_100k(data: Path, splits: Path, out: Path) -> None:
    """Likes, titles, years, genres, plots, posters, and the Freebase triples."""
    films_100k(data, out, set(peer_split(splits, "ml-100k", out)))
    people_100k(data, out, set(pd.read_csv(out / "train.csv").user))


def ml_1m(data: Path, splits: Path, out: Path) -> None:
    """Likes, titles and genres."""
    kept = peer_split(splits, "ml-1m", out)
    movies(data / "ml-1m", out, set(kept))


def sequence(data: Path, stem: str, out: Path) -> None:
    """One user a line, items in time order; attributes as JSON. Place in the line stands for the time."""
    rows = [line.split() for line in (data / f"{stem}.txt").read_text().splitlines()]
    long = [(user, item, place) for user, *items in rows for place, item in enumerate(items)]
    pd.DataFrame(long, columns=["user", "item", "time"]).to_csv(out / "interactions.csv", index=False)
    attributes = json.loads((data / f"{stem}_item2attributes.json").read_text())
    known = sorted({item for _, item, _ in long}, key=int)
    listed = ["|".join(f"a{attribute}" for attribute in attributes.get(item, ())) for item in known]
    pd.DataFrame({"item": known, "Attribute[]": listed}).to_csv(out / "items.csv", index=False)


def main(arguments: list[str]) -> None:
    if len(arguments) < 3 or arguments[0] not in {"ml-100k", "ml-1m", *SEQUENCES, *OWN_PROTOCOL}:
        sys.exit(__doc__)
    name, *folders = arguments
    *sources, out = (Path(folder) for folder in folders)
    out.mkdir(parents=True, exist_ok=True)
    if name in SEQUENCES:
        sequence(sources[0], SEQUENCES[name], out)
    elif name in OWN_PROTOCOL:
        OWN_PROTOCOL[name](sources[0], out)
    else:
        {"ml-100k": ml_100k, "ml-1m": ml_1m}[name](*sources, out)
    print(json.dumps({"dataset": name, "folder": str(out), "files": sorted(path.name for path in out.iterdir())}))


if __name__ == "__main__":
    main(sys.argv[1:])
