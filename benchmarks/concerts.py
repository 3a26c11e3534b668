"""Concerts of real artists, attended by a documented model: does `interlace bench events` find what was put in?

    python -m benchmarks.concerts make DATA OUT [--seed 7]
    python -m benchmarks.concerts measure OUT [--seeds 42 43]

Real, from DATA/lastfm-hetrec (HetRec 2011): who listens to whom, who is whose friend, artists' names and tags. Drawn:
homes, venues, dates, and who goes. OUT becomes a dataset folder; OUT/drawn.npz, which no command reads, keeps the true
chances. Half of what somebody listens to is in the folder; the other half is hidden, and drives where they go, so that
attendance cannot be read off the listens. With h(p, a) the rank of artist a among p's hidden listens from 1 (most
heard) to 0 (least), .6 added, 0 where not heard; c(p, a) the cosine of the tags of p's hidden artists with a's,
standardised over everything,

    utility(p, e) = 3 h + .9 c - km(home, venue) / 40 + weekday(p) + venue(p),
    chance that p goes = 1 / (1 + exp(level - utility)),

km at most 300; weekday(p) normal of deviation .7 for each of seven days, venue(p) the same for each venue; `level` such
that somebody goes to 18 concerts on average. Two waves: who goes by that says so after a share .9 sqrt(uniform) of the
time between the announcement and the concert; who does not, and has n friends who did, goes by the same chance with
.8 log2(1 + n) added to the utility, and says so in the last tenth of that time. Homes: one of 16 cities, with
probability .6 that of a friend who has one already, and 8 km around it. Concerts: 104 weeks, artists by the root of
their listeners, in a venue of a city drawn by its size, more of them from Thursday to Saturday, at 15, 19, 20 or 21
o'clock, announced 20 to 90 days ahead.

`measure` prints `bench events`, and beside it the oracle: the true chance of going, its draws of the first wave
included, which nobody could know and no model can beat but by luck.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graph.distance import kilometres
from training.bench_events import bench_events, means, read_log
from training.events.cut import HORIZON_DAYS, make_cuts
from training.events.ranker import measure

Floats = NDArray[np.float64]
FEWEST_LISTENERS, FEWEST_TAGGERS = 10, 2
CONCERTS, WEEKS = 2_600, 104
FIRST_DAY = pd.Timestamp("2024-01-01", tz="UTC")
CITIES = (
    ("Amsterdam", 52.37, 4.90, 9), ("Rotterdam", 51.92, 4.48, 7), ("Utrecht", 52.09, 5.12, 6),
    ("Antwerp", 51.22, 4.40, 6), ("Brussels", 50.85, 4.35, 8), ("Ghent", 51.05, 3.72, 4), ("Cologne", 50.94, 6.96, 8),
    ("Düsseldorf", 51.23, 6.78, 6), ("Dortmund", 51.51, 7.47, 5), ("Essen", 51.46, 7.01, 4), ("Lille", 50.63, 3.06, 4),
    ("Eindhoven", 51.44, 5.48, 4), ("Groningen", 53.22, 6.57, 3), ("Liège", 50.63, 5.57, 3),
    ("Aachen", 50.78, 6.08, 3), ("Münster", 51.96, 7.63, 3),
)  # fmt: skip
"""Name, latitude, longitude, size."""
HEARD, TAGGED, KM, WEEKDAY, VENUE, FRIENDS = 3.0, 0.9, 40.0, 0.7, 0.7, 0.8
MEAN_CONCERTS = 18.0
FROM_FRIENDS = 0.6
LATE = 0.9
DAY_WEIGHTS = np.array([1.0, 1.0, 1.5, 2.5, 4.0, 4.0, 1.5])


@dataclass(frozen=True)
class Real:
    """Of `users` and `artists` (ids): `weight` (users, artists) plays, 0 for none; `tags` (artists, tags) binary with
    their `names`; `friends` (users, users) binary; `titles` of artists.
    """

    users: NDArray[np.int64]
    artists: NDArray[np.int64]
    weight: Floats
    tags: Floats
    names: tuple[str, ...]
    friends: Floats
    titles: Mapping[int, str]


@dataclass(frozen=True)
class Drawn:
    """`home` (users, 2) and `spot` (venues, 2) degrees; of each concert its artist, venue, start and announcement (days
    from the first).
    """

    city: NDArray[np.int64]
    home: Floats
    venue_city: NDArray[np.int64]
    spot: Floats
    artist: NDArray[np.int64]
    venue: NDArray[np.int64]
    day: NDArray[np.int64]
    hour: NDArray[np.int64]
    announced: Floats


def real(data: Path) -> Real:
    """Artists with at least `FEWEST_LISTENERS`; their tags given by `FEWEST_TAGGERS` people to five of them or more."""
    source = data / "lastfm-hetrec"
    plays = pd.read_csv(source / "user_artists.dat", sep="\t")
    plays = plays[plays.groupby("artistID").userID.transform("size") >= FEWEST_LISTENERS]
    users, artists = np.unique(plays.userID), np.unique(plays.artistID)
    weight = np.zeros((len(users), len(artists)))
    weight[np.searchsorted(users, plays.userID), np.searchsorted(artists, plays.artistID)] = plays.weight
    given = pd.read_csv(source / "user_taggedartists.dat.gz", sep="\t")
    given = given[given.artistID.isin(artists)].groupby(["artistID", "tagID"]).size()
    given = given[given >= FEWEST_TAGGERS].reset_index()
    given = given[given.groupby("tagID").artistID.transform("size") >= 5]
    kinds = np.unique(given.tagID)
    tags = np.zeros((len(artists), len(kinds)))
    tags[np.searchsorted(artists, given.artistID), np.searchsorted(kinds, given.tagID)] = 1
    words = pd.read_csv(source / "tags.dat", sep="\t", encoding="latin-1").set_index("tagID").tagValue
    links = pd.read_csv(source / "user_friends.dat", sep="\t")
    links = links[links.userID.isin(users) & links.friendID.isin(users)]
    friends = np.zeros((len(users), len(users)))
    friends[np.searchsorted(users, links.userID), np.searchsorted(users, links.friendID)] = 1
    titles = pd.read_csv(source / "artists.dat.gz", sep="\t").set_index("id").name
    named = tuple(str(words[kind]).replace("|", " ") for kind in kinds)
    return Real(users, artists, weight, tags, named, np.maximum(friends, friends.T), titles.to_dict())


def hide(found: Real, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Half of everybody's listens, and the other half: (users, artists) plays each."""
    shown = rng.random(found.weight.shape) < 0.5
    return np.where(shown, found.weight, 0), np.where(shown, 0, found.weight)


def draw(found: Real, rng: np.random.Generator) -> Drawn:
    """Homes, venues and concerts."""
    places = np.array([one[1:3] for one in CITIES])
    size = np.array([one[3] for one in CITIES], np.float64)
    size /= size.sum()
    city = np.full(len(found.users), -1)
    for user in rng.permutation(len(found.users)):
        theirs = city[found.friends[user] > 0]
        theirs = theirs[theirs >= 0]
        follows = len(theirs) and rng.random() < FROM_FRIENDS
        city[user] = rng.choice(theirs) if follows else rng.choice(len(size), p=size)
    venue_city = np.repeat(np.arange(len(CITIES)), np.maximum(2, [one[3] // 2 for one in CITIES]))
    listeners = np.sqrt((found.weight > 0).sum(0))
    artist = rng.choice(len(found.artists), CONCERTS, p=listeners / listeners.sum())
    where = rng.choice(len(size), CONCERTS, p=size)
    venue = np.array([rng.choice(np.flatnonzero(venue_city == one)) for one in where])
    day = 7 * rng.integers(0, WEEKS, CONCERTS) + rng.choice(7, CONCERTS, p=DAY_WEIGHTS / DAY_WEIGHTS.sum())
    hour = rng.choice([15, 19, 20, 21], CONCERTS, p=[0.1, 0.3, 0.4, 0.2])
    announced = day + hour / 24 - rng.uniform(20, 90, CONCERTS)
    return Drawn(
        city, _around(places[city], 8, rng), venue_city, _around(places[venue_city], 3, rng),
        artist, venue, day, hour, announced,
    )  # fmt: skip


def _around(places: Floats, km: float, rng: np.random.Generator) -> Floats:
    """Places moved by normal steps of that many kilometres, north and east."""
    degrees = rng.normal(size=places.shape) * km / 111
    degrees[:, 1] /= np.cos(np.radians(places[:, 0]))
    return np.asarray(places + degrees)


def utilities(found: Real, hidden: Floats, drawn: Drawn, rng: np.random.Generator) -> Floats:
    """(users, concerts), without what friends add."""
    heard = np.zeros_like(hidden)
    for user, plays in enumerate(hidden):
        mine = np.flatnonzero(plays)
        heard[user, mine[np.argsort(plays[mine])]] = 0.6 + np.arange(1, len(mine) + 1) / max(1, len(mine))
    profile = (hidden > 0) @ found.tags
    lengths = np.linalg.norm(profile, axis=1, keepdims=True), np.linalg.norm(found.tags, axis=1, keepdims=True)
    cosine = (profile / np.maximum(lengths[0], 1e-9)) @ (found.tags / np.maximum(lengths[1], 1e-9)).T
    taste = HEARD * heard + TAGGED * (cosine - cosine.mean()) / cosine.std()
    spot = drawn.spot[drawn.venue]
    away = kilometres(drawn.home[:, :1], drawn.home[:, 1:], spot[:, 0], spot[:, 1])
    weekday = rng.normal(0, WEEKDAY, (len(found.users), 7))[:, drawn.day % 7]
    venue = rng.normal(0, VENUE, (len(found.users), len(drawn.spot)))[:, drawn.venue]
    return np.asarray(taste[:, drawn.artist] - np.minimum(away, 300) / KM + weekday + venue)


def chances(utility: Floats) -> tuple[Floats, float]:
    """(users, concerts) of going by oneself, and the level that makes it `MEAN_CONCERTS` a user."""
    low, high = -10.0, 20.0
    for _ in range(30):
        level = (low + high) / 2
        many = (1 / (1 + np.exp(level - utility))).sum(1).mean() > MEAN_CONCERTS
        low, high = (level, high) if many else (low, level)
    return 1 / (1 + np.exp(level - utility)), level


def make(data: Path, out: Path, seed: int) -> None:
    """Writes the folder and what was drawn."""
    rng = np.random.default_rng(seed)
    found = real(data)
    shown, hidden = hide(found, rng)
    drawn = draw(found, rng)
    utility = utilities(found, hidden, drawn, rng)
    alone, level = chances(utility)
    first = rng.random(alone.shape) < alone
    pushed = FRIENDS * np.log2(1 + found.friends @ first)
    with_friends = np.where(pushed > 0, 1 / (1 + np.exp(level - utility - pushed)), 0)
    second = ~first & (rng.random(alone.shape) < with_friends)
    ahead = drawn.day + drawn.hour / 24 - drawn.announced
    drawn_share = rng.random(first.shape)
    share = np.where(first, LATE * np.sqrt(drawn_share), LATE + (1 - LATE) * drawn_share)
    answered = drawn.announced + share * ahead
    out.mkdir(parents=True, exist_ok=True)
    goes = first | second
    _write_items(found, drawn, out)
    _write_people(found, drawn, out)
    _write_answers(found, shown, goes, answered, out)
    np.savez_compressed(
        out / "drawn.npz", users=found.users, chance=(alone + (1 - alone) * with_friends).astype(np.float32)
    )
    told = {"users": len(found.users), "artists": len(found.artists), "tags": len(found.names), "concerts": CONCERTS,
            "answers": int(goes.sum()), "because of friends": int(second.sum()), "listens": int((shown > 0).sum()),
            "friendships": int(found.friends.sum() / 2), "level": round(level, 3)}  # fmt: skip
    print(json.dumps(told))


def _write_items(found: Real, drawn: Drawn, out: Path) -> None:
    labels = ["|".join(found.names[tag] for tag in np.flatnonzero(row)) for row in found.tags]
    titles = [found.titles[artist].replace("|", " ") for artist in found.artists]
    rows = [(f"a{artist}", "artist", title, title, tags, "", "", "", "", "", "")
            for artist, title, tags in zip(found.artists, titles, labels, strict=True)]  # fmt: skip
    for concert, artist in enumerate(drawn.artist):
        venue = drawn.venue[concert]
        city = CITIES[drawn.venue_city[venue]][0]
        starts = FIRST_DAY + pd.Timedelta(days=int(drawn.day[concert]), hours=int(drawn.hour[concert]))
        published = FIRST_DAY + pd.Timedelta(days=drawn.announced[concert])
        north, east = np.round(drawn.spot[venue], 4)
        what = f"{titles[artist]}, {city}", titles[artist], labels[artist], f"venue {venue}"
        when = starts.isoformat(), published.round("s").isoformat()
        rows.append((f"c{concert}", "event", *what, *when, north, east, city))
    columns = ["item", "kind", "title", "Artist[]", "Tag[]", "Venue[]", "starts", "published", "latitude", "longitude",
               "city"]  # fmt: skip
    pd.DataFrame(rows, columns=columns).to_csv(out / "items.csv", index=False)


def _write_people(found: Real, drawn: Drawn, out: Path) -> None:
    north, east = np.round(drawn.home, 4).T
    cities = [CITIES[city][0] for city in drawn.city]
    people = {"user": found.users, "latitude": north, "longitude": east, "city": cities}
    pd.DataFrame(people).to_csv(out / "users.csv", index=False)
    pairs = np.argwhere(np.triu(found.friends, 1))
    pd.DataFrame(found.users[pairs], columns=["user", "friend"]).to_csv(out / "friends.csv", index=False)


def _write_answers(found: Real, shown: Floats, goes: NDArray[np.bool_], answered: Floats, out: Path) -> None:
    users, artists = np.nonzero(shown)
    listens = {"user": found.users[users], "item": [f"a{one}" for one in found.artists[artists]], "kind": "listened"}
    users, concerts = np.nonzero(goes)
    seconds = FIRST_DAY.timestamp() + np.floor(86_400 * answered[users, concerts]).astype(np.int64)
    answers = {"user": found.users[users], "item": [f"c{one}" for one in concerts], "kind": "liked", "time": seconds}
    rows = pd.concat([pd.DataFrame(listens), pd.DataFrame(answers)])
    rows.astype({"time": "Int64"}).to_csv(out / "interactions.csv", index=False)


def oracle(folder: Path, horizon_days: float) -> dict[str, dict[str, NDArray[np.float64]]]:
    """By cut, each measure by person of the true chances."""
    log = read_log(folder)
    cuts = make_cuts(log, horizon_days=horizon_days)
    with np.load(folder / "drawn.npz") as drawn:
        chance, people = drawn["chance"], drawn["users"]
    ids = read_ids(folder)
    rows = np.searchsorted(people, ids["users"])
    found = {}
    for name, cut, lists in (
        ("validation", cuts.validation, cuts.validation_lists),
        ("test", cuts.test, cuts.test_lists),
    ):
        scores = chance[rows[lists.users]][:, ids["items"][cut.candidates]]
        found[name] = measure(scores, lists)
    return found


def read_ids(folder: Path) -> dict[str, NDArray[np.int64]]:
    """The numbers in the ids of users, and of concerts (-1 for artists), in the order of the snapshot."""
    from graph.snapshot_read import read_folder

    snapshot = read_folder(folder).snapshot
    items = [one.split(":", 1)[1] for one in snapshot.items.ids]
    return {
        "users": np.array([int(one.split(":", 1)[1]) for one in snapshot.users.ids]),
        "items": np.array([int(one[1:]) if one[0] == "c" else -1 for one in items]),
    }


def compare(folder: Path, seeds: list[int], horizon_days: float) -> None:
    """One object a line: what the command prints for each seed, then the oracle."""
    for seed in seeds:
        print(json.dumps(bench_events(folder, seed=seed, horizon_days=horizon_days).as_dict()))
    best = oracle(folder, horizon_days)
    print(json.dumps({part: means(found) for part, found in best.items()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("data", type=Path)
    making.add_argument("out", type=Path)
    making.add_argument("--seed", type=int, default=7)
    measuring = commands.add_parser("measure")
    measuring.add_argument("out", type=Path)
    measuring.add_argument("--seeds", type=int, nargs="+", default=[42])
    measuring.add_argument("--horizon", type=float, default=HORIZON_DAYS)
    asked = parser.parse_args()
    if asked.command == "make":
        make(asked.data, asked.out, asked.seed)
    else:
        compare(asked.out, asked.seeds, asked.horizon)


if __name__ == "__main__":
    main()
