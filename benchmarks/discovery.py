"""What the dial of the weekly list does: how much of it is familiar, how new it is, and does it find what people hear.

    python -m benchmarks.discovery DATA

DATA/lastfm-hetrec is HetRec's Last.FM: the items are artists, so one that somebody heard is what is familiar. Artists
with fewer than five listeners are left out (EASE is dense); tags that two people or more gave an artist are its
attributes. Of everybody with ten artists or more a fifth is hidden, drawn once; EASE is fitted and published without
them, and the list of thirty made at each dial for every third of these users. `ndcg` and `hr` are of the hidden
artists; `novelty` is the mean of -log2 of the share of people who hear an artist. Nothing is chosen here. Prints one
JSON object a line: a dial each, then the model's own list and the most popular unheard ones.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.convert_tasks import friends_lastfm
from graph.snapshot import Snapshot
from graph.snapshot_read import read_folder
from serving.candidates import appeal
from serving.foldin import viewer
from serving.index import ModelInfo, open_index
from serving.live import Live
from serving.playlists.discovery import WEEKLY, DiscoveryWish, discovery
from serving.publish import publish
from serving.rank import best
from serving.scenarios.columns import ColumnsHolder
from serving.scenarios.visitor import Visitor
from training.metrics import per_user
from training.train import everything
from training.zoo import find

FEWEST_PEOPLE, FEWEST_ARTISTS, FEWEST_TAGGERS = 5, 10, 2
EVERY = 3
HIDDEN = 0.2
DIALS = (0.0, 0.2, 0.3, 0.5, 0.7, 0.85, 1.0)
MONDAY = 1_780_272_000.0
"""2026-06-01, 0:00 UTC: the week of the lists."""


@dataclass(frozen=True)
class Held:
    """The published index, the users that are measured (positions), and what of theirs is hidden (users, items)."""

    live: Live
    users: NDArray[np.int64]
    hidden: csr_matrix
    people: NDArray[np.int64]
    """Of every item, how many hear it."""


def tagged(data: Path, out: Path) -> Snapshot:
    """The artists that enough people hear, with their tags; `out`: an empty folder to write them to."""
    friends_lastfm(data, out)
    (out / "friends.csv").unlink()
    listens = pd.read_csv(out / "interactions.csv")
    heard = listens[listens.groupby("item").user.transform("nunique") >= FEWEST_PEOPLE]
    heard.to_csv(out / "interactions.csv", index=False)
    source = data / "lastfm-hetrec"
    given = pd.read_csv(source / "user_taggedartists.dat.gz", sep="\t")
    people = given.groupby(["artistID", "tagID"], as_index=False).userID.nunique()
    names = pd.read_csv(source / "tags.dat", sep="\t", encoding="latin-1").set_index("tagID").tagValue
    kept = people[people.userID >= FEWEST_TAGGERS]
    tags = kept.assign(tag=kept.tagID.map(names)).groupby("artistID").tag.agg("|".join)
    items = pd.read_csv(out / "items.csv")
    items = items[items.item.isin(heard.item)]
    items.assign(**{"Tag[]": items.item.map(tags).fillna("")}).to_csv(out / "items.csv", index=False)
    return read_folder(out).snapshot


def held(snapshot: Snapshot, home: Path) -> Held:
    """Publishes what is not hidden."""
    rows, size = snapshot.interactions, len(snapshot.items)
    users = np.flatnonzero(np.bincount(rows.user, minlength=len(snapshot.users)) >= FEWEST_ARTISTS)[::EVERY]
    out = np.isin(rows.user, users) & (np.random.default_rng(1).random(len(rows.user)) < HIDDEN)
    users = np.unique(rows.user[out])
    known = replace(snapshot, interactions=rows.take(~out))
    data = everything(known, None)
    publish(known, find("ease").build().fit(data), home=home, model=ModelInfo("ease", "1"), histories=data.histories)
    row = np.searchsorted(users, rows.user[out])
    hidden = csr_matrix((np.ones(len(row), np.float32), (row, rows.item[out])), shape=(len(users), size))
    return Held(Live(open_index(home)), users, hidden, np.bincount(rows.item[~out], minlength=size))


def measured(one: Held, visitors: list[Visitor], make: Callable[[Visitor], list[int]]) -> Mapping[str, float]:
    """Means over users of what a list is worth."""
    lists = [make(visitor) for visitor in visitors]
    ranking = np.full((len(lists), WEEKLY), -1, np.int32)
    familiar, novelty = [], []
    for row, (visitor, items) in enumerate(zip(visitors, lists, strict=True)):
        ranking[row, : len(items)] = items
        familiar.append(np.mean(~visitor.unseen[items]))
        novelty.append(np.mean(-np.log2(np.maximum(1, one.people[items]) / one.live.index.num_users)))
    found = per_user(ranking, one.hidden, (WEEKLY,))
    return {
        "familiar": float(np.mean(familiar)),
        **{name: float(found[f"{name}@{WEEKLY}"].mean()) for name in ("ndcg", "hr")},
        "novelty": float(np.mean(novelty)),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    data = options.parse_args().data
    with tempfile.TemporaryDirectory() as cut, tempfile.TemporaryDirectory() as home:
        one = held(tagged(data, Path(cut)), Path(home))
        live, columns = one.live, ColumnsHolder().get(one.live)
        after = live.index.transitions
        names = [live.index.user_ids[place].decode() for place in one.users.tolist()]
        visitors = [Visitor(live, columns, viewer(live, name), MONDAY) for name in names]
        print(json.dumps({"users": len(visitors), "artists": live.num_items, "hidden": int(one.hidden.nnz)}))
        for dial in DIALS:
            wish = DiscoveryWish(dial)
            told = measured(one, visitors, lambda visitor, wish=wish: discovery(visitor, after, wish).items)
            print(json.dumps({"dial": dial, **told}), flush=True)
        popular = appeal(live)
        for name, scores in (("model", lambda visitor: visitor.scores), ("popular", lambda _: popular)):
            told = measured(one, visitors, lambda visitor, scores=scores: unheard(visitor, scores(visitor)))
            print(json.dumps({"list": name, **told}))


def unheard(visitor: Visitor, scores: NDArray[np.float32]) -> list[int]:
    """The best that the visitor has not met."""
    return best(np.where(visitor.unseen, scores, np.float32(-np.inf)).astype(np.float32), WEEKLY).tolist()


if __name__ == "__main__":
    main()
