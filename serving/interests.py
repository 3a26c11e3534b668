"""A user's own profile in words: what they like more than others do, their favourites, years, and what changed lately.

From the index and what they did since; nothing a model guessed. `serving.corrections` holds what they removed from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import orjson

from graph import explain_words as words
from serving.corrections import Interest
from serving.foldin import Viewer
from serving.index import Index
from serving.live import Live

COUNTED = 5_000
"""Items by which the taste of all is known; evenly spaced in a larger catalogue."""
FEWEST = 3
LIFT = 1.1
SHOWN = 8
TOLD = 3
FAVOURITES = 5
LATELY = 0.25
FEWEST_LATELY = 8
DRIFT = 0.1
"""A share that changed by so much is worth a word."""


class Population:
    """How often all people do something with an item of an attribute: (label, name) -> share. One a worker."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._index: Index | None = None
        self._shares: dict[Interest, float] = {}

    def shares(self, index: Index) -> dict[Interest, float]:
        """Counted at the first question after an index was published."""
        with self._lock:
            if self._index is not index:
                self._index, self._shares = index, _shares(index)
            return self._shares


def _shares(index: Index) -> dict[Interest, float]:
    step = max(1, index.num_items // COUNTED)
    places = np.arange(0, index.num_items, step)
    popularity = np.asarray(index.popularity)[places]
    total = float(popularity.sum()) or 1.0
    found: Counter[Interest] = Counter()
    for place, weight in zip(places.tolist(), popularity.tolist(), strict=True):
        for one in _interests(orjson.loads(index.item_cards[place])):
            found[one] += weight
    return {one: weight / total for one, weight in found.items()}


@dataclass(frozen=True)
class Profile:
    """`interests`: label, name, share of the user's likings, share of everybody's; `favourites` are positions; `years`
    the middle eight tenths; `more` and `less`: what the latest quarter has more and less of.
    """

    user: str
    liked: int
    interests: list[tuple[Interest, float, float]]
    favourites: list[int]
    years: tuple[int, int] | None
    more: list[Interest]
    less: list[Interest]
    removed: tuple[Interest, ...]

    def json(self, live: Live, lang: str) -> dict[str, Any]:
        """As the API gives it."""
        return {
            "user": self.user, "text": self.text(live, lang), "liked": self.liked,
            "interests": [
                {**_named(one, lang), "share": round(share, 4), "others": round(others, 4),
                 "lift": round(share / others, 2) if others else None}
                for one, share, others in self.interests
            ],
            "favourites": [orjson.loads(live.card(item)) for item in self.favourites],
            "years": None if self.years is None else {"first": self.years[0], "last": self.years[1]},
            "drift": {name: [_named(one, lang) for one in part]
                      for name, part in (("more", self.more), ("less", self.less))},
            "removed": [_named(one, lang) for one in self.removed],
        }  # fmt: skip

    def text(self, live: Live, lang: str) -> str:
        """In words, from templates."""
        told = [
            words.say(lang, "profile_lift", name=words.named(name, lang), times=f"{share / others:.1f}")
            for (_, name), share, others in self.interests[:TOLD] if others
        ]  # fmt: skip
        parts = [words.say(lang, "profile", interests=_listed(told, lang)) if told else words.say(lang, "profile_none")]
        if self.favourites:
            cards = [orjson.loads(live.card(item)) for item in self.favourites[:TOLD]]
            titles = [words.titled(one["title"], one["year"], one["id"]) for one in cards]
            parts.append(words.say(lang, "profile_favourites", items=_listed(titles, lang)))
        if self.years is not None:
            parts.append(words.say(lang, "profile_years", first=self.years[0], last=self.years[1]))
        more, less = (_listed([words.named(name, lang) for _, name in part], lang) for part in (self.more, self.less))
        if more or less:
            key = "profile_drift" + ("" if more and less else "_more" if more else "_less")
            parts.append(words.say(lang, key, **{name: one for name, one in (("more", more), ("less", less)) if one}))
        if self.removed:
            names = _listed([words.named(name, lang) for _, name in self.removed], lang)
            parts.append(words.say(lang, "profile_removed", names=names))
        return ("" if lang == "zh" else " ").join(parts)


def profile(live: Live, who: Viewer, population: Population, removed: Sequence[Interest]) -> Profile:
    """Of a user as they are now, without what they removed."""
    liked = list(dict.fromkeys(item for item in who.history.tolist() if item not in set(live.gone.tolist())))
    cards = [orjson.loads(live.card(item)) for item in liked]
    sets = [_interests(one) - set(removed) for one in cards]
    everybody = population.shares(live.index)
    counts = Counter(one for some in sets for one in some)
    shares = [(one, count / len(sets), everybody.get(one, 0.0)) for one, count in counts.items() if count >= FEWEST]
    above = [row for row in shares if row[2] > 0 and row[1] >= LIFT * row[2]]
    above.sort(key=lambda row: (-row[1] * float(np.log(row[1] / row[2])), row[0]))
    more, less = _drift(sets)
    years = [one["year"] for one in cards if one["year"]]
    middle = None if len(years) < FEWEST else tuple(int(one) for one in np.quantile(years, (0.1, 0.9)))
    return Profile(
        who.name, len(liked), above[:SHOWN], _favourites(live, who, liked),
        None if middle is None else (middle[0], middle[1]), more, less, tuple(removed),
    )  # fmt: skip


def _favourites(live: Live, who: Viewer, liked: Sequence[int]) -> list[int]:
    """The best rated, the latest of them first."""
    values: dict[int, float] = {}
    if who.place >= 0:
        span = live.index.history.rows.span(who.place)
        values = dict(zip(live.index.history.rows.columns[span].tolist(),
                          np.nan_to_num(live.index.history.value[span]).tolist(), strict=True))  # fmt: skip
    values |= {live.find(one.item): one.value or 0.0 for one in live.events(who.name)}
    latest = {item: place for place, item in enumerate(liked)}
    return sorted(liked, key=lambda item: (-values.get(item, 0.0), -latest[item]))[:FAVOURITES]


def _drift(sets: Sequence[set[Interest]]) -> tuple[list[Interest], list[Interest]]:
    """What the latest quarter of the likings has more of, and less of, than those before."""
    latest = int(len(sets) * LATELY)
    if latest < FEWEST_LATELY:
        return [], []
    now, then = (Counter(one for some in part for one in some) for part in (sets[-latest:], sets[:-latest]))
    moved = {one: now[one] / latest - then[one] / (len(sets) - latest) for one in now.keys() | then.keys()}
    up = sorted((one for one in moved if moved[one] >= DRIFT), key=lambda one: (-moved[one], one))
    down = sorted((one for one in moved if moved[one] <= -DRIFT), key=lambda one: (moved[one], one))
    return up[:2], down[:2]


def _interests(card: dict[str, Any]) -> set[Interest]:
    return {(label, name) for label, names in card["attributes"].items() for name in names}


def _named(one: Interest, lang: str) -> dict[str, str]:
    label, name = one
    return {"label": label, "name": name, "shown": f"{words.noun(label.upper(), lang)}: {words.named(name, lang)}"}


def _listed(names: Sequence[str], lang: str) -> str:
    """`a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return words.say(lang, "comma").join(names[:-1]) + words.say(lang, "and") + names[-1]
