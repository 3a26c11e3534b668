"""A small log of events whose goers are known: each person goes to events of their genre in their own town."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

FIRST = datetime(2026, 1, 1, 20, tzinfo=UTC)
TOWNS = {"Delft": (52.01, 4.36), "Breda": (51.59, 4.78), "Zwolle": (52.51, 6.09)}


def write_events(folder: Path, *, people: int = 90, events: int = 150, bare: bool = False) -> Path:
    """An event a day, three genres in three towns. `bare`: no places, homes, friends or times of answers."""
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True, exist_ok=True)
    towns = list(TOWNS)
    genre, town = rng.integers(0, 3, events), rng.integers(0, 3, events)
    taste, home = np.arange(people) % 3, np.arange(people) // 3 % 3
    items = ["item,kind,title,starts,Genre[],city,latitude,longitude"]
    for event in range(events):
        place = ("", "", "") if bare else (towns[town[event]], *TOWNS[towns[town[event]]])
        starts = (FIRST + timedelta(days=event)).isoformat()
        items.append(f"e{event},event,E{event},{starts},g{genre[event]},{place[0]},{place[1]},{place[2]}")
    answers = ["user,item,kind,time"]
    for person in range(people):
        fits = (genre == taste[person]) & (town == home[person])
        for event in np.flatnonzero(rng.random(events) < np.where(fits, 0.5, 0.03)):
            at = "" if bare else (FIRST + timedelta(days=int(event) - int(rng.integers(1, 20)))).isoformat()
            answers.append(f"p{person},e{event},liked,{at}")
    (folder / "items.csv").write_text("\n".join(items) + "\n")
    (folder / "interactions.csv").write_text("\n".join(answers) + "\n")
    if not bare:
        homes = [f"p{person},{towns[home[person]]},{TOWNS[towns[home[person]]][0]},{TOWNS[towns[home[person]]][1]}"
                 for person in range(people)]  # fmt: skip
        (folder / "users.csv").write_text("user,city,latitude,longitude\n" + "\n".join(homes) + "\n")
        friends = [f"p{person},p{(person + 9) % people}" for person in range(people)]
        (folder / "friends.csv").write_text("user,friend\n" + "\n".join(friends) + "\n")
    return folder
