"""Published data sets with a protocol of their own -> the dataset folder; called by `benchmarks.convert`.

`ncf-ml-1m`: He et al. 2017, «Neural Collaborative Filtering»: every rating is an interaction, each user's latest is the
test item, ranked among 99 that the user never rated. `lastfm-social`: the fixed split of LightGCN's authors with the
friends beside it. `friends-lastfm`: the listens and friendships of HetRec 2011. `kg-lastfm`: the labelled pairs of MKR
and KGCN with their knowledge graph, cut 60/20/20 at random.
`ctr-ml-1m`: labels and shares of Song et al. 2019, «AutoInt»: ratings above 3 are clicks, those below are none, 3 is
left out; 80/10/10. Their models read profiles, genres, year and time, but no ids of users and films.
`events-ml-1m`: films of 2000 as events, see `benchmarks.convert_100k`.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.convert_100k import premieres


def ncf_ml_1m(data: Path, out: Path) -> None:
    """Train, validation (each user's latest item but the test's), test and negatives, with titles and genres."""
    source = data / "ml-1m"
    ratings = pd.read_csv(source / "ratings.tsv.gz", sep="\t", header=None, names=["user", "item", "value", "time"])
    numbered = ratings.item.drop_duplicates().to_numpy()  # its item numbers are by first appearance
    with gzip.open(source / "ncf_test" / "ncf_ml-1m.test.rating.gz", "rt") as file:
        test = pd.read_csv(file, sep="\t", header=None, names=["user", "item", "value", "time"])
    test = test.assign(user=test.user + 1, item=numbered[test.item])
    pairs = pd.MultiIndex.from_frame(ratings[["user", "item"]])
    rest = ratings[~pairs.isin(pd.MultiIndex.from_frame(test[["user", "item"]]))]
    rest = rest.sort_values("time", kind="stable")
    latest = ~rest.duplicated("user", keep="last")
    for name, rows in (("train", rest[~latest]), ("valid", rest[latest]), ("test", test)):
        rows[["user", "item", "time"]].to_csv(out / f"{name}.csv", index=False)
    with gzip.open(source / "ncf_test" / "ncf_ml-1m.test.negative.gz", "rt") as file:
        lines = [line.split("\t") for line in file]
    users = [int(pair[1:].split(",")[0]) + 1 for pair, *_ in lines]
    listed = [(user, numbered[int(item)]) for user, (_, *items) in zip(users, lines, strict=True) for item in items]
    pd.DataFrame(listed, columns=["user", "item"]).to_csv(out / "negatives.csv", index=False)
    movies(source, out, set(numbered))
    people(source, out)


def people(source: Path, out: Path) -> None:
    """MovieLens 1M's profiles."""
    table = pd.read_csv(source / "users.dat", sep="::", engine="python", header=None, dtype=str)
    table.columns = ["user", "gender", "age", "occupation", "zip_code"]
    table.to_csv(out / "users.csv", index=False)


def movies(source: Path, out: Path, kept: set[int]) -> None:
    """MovieLens 1M's titles and genres."""
    lines = (source / "movies.dat").read_text("latin-1").splitlines()
    table = pd.DataFrame([line.split("::") for line in lines], columns=["item", "title", "Genre[]"])
    table = table[table.item.astype(int).isin(kept)]
    table.insert(1, "kind", "movie")
    table.to_csv(out / "items.csv", index=False)


def lastfm_social(data: Path, out: Path) -> None:
    """Listens as published, and friends."""
    source = data / "lastfm-social"
    for name, file in (("train", "data1.txt"), ("test", "test1.txt")):
        rows = pd.read_csv(source / file, sep="\t", header=None, names=["user", "item", "value"])
        rows.insert(2, "kind", "listened")
        rows.to_csv(out / f"{name}.csv", index=False)
    friends = pd.read_csv(source / "trustnetwork.txt", sep="\t", header=None, names=["user", "friend"])
    friends.to_csv(out / "friends.csv", index=False)


def friends_lastfm(data: Path, out: Path) -> None:
    """Listens with their counts, artists by name, and who is whose friend."""
    source = data / "lastfm-hetrec"
    rows = pd.read_csv(source / "user_artists.dat", sep="\t")
    rows.columns = ["user", "item", "value"]
    rows.insert(2, "kind", "listened")
    rows.to_csv(out / "interactions.csv", index=False)
    friends = pd.read_csv(source / "user_friends.dat", sep="\t")
    friends.columns = ["user", "friend"]
    friends[friends.user < friends.friend].to_csv(out / "friends.csv", index=False)
    artists = pd.read_csv(source / "artists.dat.gz", sep="\t")
    artists = artists.rename(columns={"id": "item", "name": "title"})[["item", "title"]]
    artists.assign(kind="artist").to_csv(out / "items.csv", index=False)


def kg_lastfm(data: Path, out: Path) -> None:
    """Labels 0/1 of (user, artist), and triples over the same entity numbers."""
    source = data / "lastfm-hetrec" / "kg"
    rows = pd.read_csv(source / "ratings_final_SARC.txt", sep="\t", header=None, names=["user", "item", "value"])
    place = np.random.default_rng(42).permutation(len(rows)) / len(rows)
    for name, low, high in (("train", 0.0, 0.6), ("valid", 0.6, 0.8), ("test", 0.8, 1.0)):
        rows[(place >= low) & (place < high)].to_csv(out / f"{name}.csv", index=False)
    triples = pd.read_csv(source / "kg_with_relation_names.txt", sep="\t", header=None, dtype=str)
    triples.columns = ["head", "relation", "tail"]
    triples.to_csv(out / "triples.csv", index=False)
    pd.DataFrame({"item": sorted(rows.item.unique())}).assign(kind="artist").to_csv(out / "items.csv", index=False)


def events_ml_1m(data: Path, out: Path) -> None:
    """Every rating with its time; films of 2000 that came out while people rated are events (`premieres`)."""
    source = data / "ml-1m"
    ratings = pd.read_csv(source / "ratings.tsv.gz", sep="\t", header=None, names=["user", "item", "value", "time"])
    ratings.to_csv(out / "interactions.csv", index=False)
    movies(source, out, set(ratings.item))
    items = pd.read_csv(out / "items.csv", dtype=str)
    premieres(items, items.title.str.contains(r"\(2000\)$"), ratings)
    items.to_csv(out / "items.csv", index=False)
    people(source, out)


def ctr_ml_1m(data: Path, out: Path) -> None:
    """Ratings as clicks, 80/10/10 of all of them at random (seed 42), with times, profiles, titles and genres."""
    source = data / "ml-1m"
    rows = pd.read_csv(source / "ratings.tsv.gz", sep="\t", header=None, names=["user", "item", "rating", "time"])
    rows = rows[rows.rating != 3]
    rows.insert(2, "value", (rows.pop("rating") > 3).astype(int))
    place = np.random.default_rng(42).permutation(len(rows)) / len(rows)
    for name, low, high in (("train", 0.0, 0.8), ("valid", 0.8, 0.9), ("test", 0.9, 1.0)):
        rows[(place >= low) & (place < high)].to_csv(out / f"{name}.csv", index=False)
    movies(source, out, set(rows.item))
    people(source, out)
