"""MovieLens 100K with all that is known of its films and people; called by `benchmarks.convert`.

`cold-item-ml-100k`: the films that have a poster, a plot and triples, and every rating of them; the command holds a
fifth of them out by its seed (`interlace bench cold-item FOLDER --min-value 4 --seed 1`). `cold-user-ml-100k`: every
film and rating, with the profiles; the command holds users out. `events-ml-100k`: the same, and the films that came out
while people rated are events (`interlace bench events FOLDER --horizon 60 --test-share 0.4`). Of a film's release these
files tell the year alone, so a film of 1997 or 1998 that nobody rated in the first `SETTLED` days starts on the day of
its first rating: a stand-in for the date at which it reached people.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from graph.movielens_links import films_of_movies_dat, mend

DAY = 86_400
SETTLED = 14
"""Days of the log in which whatever was there already can have met its first rating."""
RELEASED = ("1997", "1998")
"""The years of the log."""


def cold_item_ml_100k(data: Path, out: Path) -> None:
    """Only films with everything that a newcomer could bring."""
    ratings = ratings_100k(data)
    films_100k(data, out, set(ratings.item))
    items = pd.read_csv(out / "items.csv", dtype=str)
    linked, triples = (pd.read_csv(out / f"{name}.csv", dtype=str) for name in ("links", "triples"))
    known = set(linked[linked.entity.isin(set(triples["head"]) | set(triples["tail"]))].item)
    whole = items[items.text.notna() & items.image.notna() & items.item.isin(known)]
    whole.to_csv(out / "items.csv", index=False)
    linked[linked.item.isin(whole.item)].to_csv(out / "links.csv", index=False)
    ratings[ratings.item.astype(str).isin(whole.item)].to_csv(out / "interactions.csv", index=False)
    people_100k(data, out, set(ratings.user))


def cold_user_ml_100k(data: Path, out: Path) -> None:
    """Every rating, every film, every profile."""
    ratings = ratings_100k(data)
    ratings.to_csv(out / "interactions.csv", index=False)
    films_100k(data, out, set(ratings.item))
    people_100k(data, out, set(ratings.user))


def events_ml_100k(data: Path, out: Path) -> None:
    """As `cold_user_ml_100k`, with `starts` for the films that came out during the log."""
    cold_user_ml_100k(data, out)
    items = pd.read_csv(out / "items.csv", dtype=str)
    premieres(items, items.year.isin(RELEASED), ratings_100k(data))
    items.to_csv(out / "items.csv", index=False)


def premieres(items: pd.DataFrame, lately: pd.Series, ratings: pd.DataFrame) -> None:
    """Adds `starts` to the films that are `lately` released and that nobody rated in the first `SETTLED` days."""
    starts = items.item.astype(int).map(ratings.groupby("item").time.min() // DAY * DAY)
    settled = ratings.time.min() + SETTLED * DAY
    days = pd.to_datetime(starts.where(lately & (starts > settled)), unit="s", utc=True)
    items["starts"] = days.dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def ratings_100k(data: Path) -> pd.DataFrame:
    """user, item, value, time."""
    ratings = pd.read_csv(data / "ml-100k" / "ml-100k.inter", sep="\t")
    return ratings.set_axis(["user", "item", "value", "time"], axis=1)


def films_100k(data: Path, out: Path, kept: set[int]) -> None:
    """items, triples and links of the films `kept`, and their posters."""
    source = data / "ml-100k"
    items = pd.read_csv(source / "ml-100k.item", sep="\t", dtype=str)
    items.columns = ["item", "title", "year", "genres"]
    items = items[items.item.astype(int).isin(kept)]
    overviews = pd.read_csv(source / "items_overview.csv", dtype=str).drop_duplicates("movie_id")
    plots = overviews.set_index("movie_id").overview
    posters = {path.stem for path in (source / "posters").glob("*.jpg")}
    (out / "posters").mkdir(exist_ok=True)
    for name in sorted(posters & set(items.item)):
        shutil.copyfile(source / "posters" / f"{name}.jpg", out / "posters" / f"{name}.jpg")
    folder = pd.DataFrame(
        {
            "item": items.item,
            "kind": "movie",
            "title": items.title,
            "year": items.year,
            "text": items.item.map(plots),
            "image": [f"posters/{name}.jpg" if name in posters else None for name in items.item],
            "Genre[]": items.genres.str.replace(" ", "|"),
        }
    )
    folder.to_csv(out / "items.csv", index=False)
    triples = pd.read_csv(source / "ml-100k.kg", sep="\t", dtype=str)
    triples.columns = ["head", "relation", "tail"]
    triples.to_csv(out / "triples.csv", index=False)
    for name in ("ml-100k.link", "ml-100k.item"):
        shutil.copyfile(source / name, out / name)
    mend(out, films_of_movies_dat(data / "ml-1m" / "movies.dat"))  # the published numbers are another catalogue's
    links = pd.read_csv(out / "ml-100k.link", sep="\t", dtype=str)
    for name in ("ml-100k.link", "ml-100k.item"):
        (out / name).unlink()
    links.columns = ["item", "entity"]
    links[links.item.isin(items.item)].to_csv(out / "links.csv", index=False)


def people_100k(data: Path, out: Path, kept: set[int]) -> None:
    """The profiles of the users `kept`."""
    users = pd.read_csv(data / "ml-100k" / "ml-100k.user", sep="\t", dtype=str)
    users.columns = ["user", "age", "gender", "occupation", "zip_code"]
    users[users.user.astype(int).isin(kept)].to_csv(out / "users.csv", index=False)
