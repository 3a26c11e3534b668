"""What a list is called, from what is true of its entries, and the pictures that illustrate it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import orjson

from serving.live import Live
from serving.playlists.facts import attributes_of, title_of
from serving.playlists.wish import Seeds

PICTURES = 4
MOSTLY = 0.6
"""Share of the entries that have an attribute by which the list may be called."""
TEMPLATES: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "en": {
        "asked": "{name}", "artist": "Around {name}", "like": "Like {name}", "mostly": "{name} for you",
        "taste": "For you", "and": " and ", "minutes": "{name}, {minutes} minutes",
    },
    "zh": {
        "asked": "{name}精选", "artist": "{name} 与相似", "like": "与《{name}》相似", "mostly": "为你选的{name}",
        "taste": "为你而选", "and": "、", "minutes": "{name} · {minutes} 分钟",
    },
})  # fmt: skip


def name_of(live: Live, seeds: Seeds, entries: Sequence[int], language: str, minutes: float | None) -> str:
    """By what every entry was asked to have, else the artist, else the last item it starts from, else what most
    entries share, else the user. With the minutes there are, where minutes were asked for.
    """
    words = TEMPLATES[language]
    if seeds.attributes:
        kind, name = "asked", words["and"].join(seeds.attributes.values())
    elif seeds.artist:
        kind, name = "artist", seeds.artist
    elif seeds.items:
        kind, name = "like", title_of(live, live.item(seeds.items[-1]))
    else:
        common = most_common(live, entries)
        kind, name = ("taste", "") if common is None else ("mostly", common)
    found = words[kind].replace("{name}", name)
    if minutes is None:
        return found
    return words["minutes"].replace("{minutes}", f"{minutes:.0f}").replace("{name}", found)


def most_common(live: Live, entries: Sequence[int]) -> str | None:
    """The attribute that most entries have, where at least `MOSTLY` of them do."""
    counts = Counter(
        name for item in entries for names in attributes_of(live, item).values() for name in set(names)
    )  # fmt: skip
    name, count = max(counts.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    return name if entries and count >= MOSTLY * len(entries) else None


def pictures(live: Live, entries: Sequence[int]) -> list[str]:
    """Addresses of the first `PICTURES` different pictures, in the list's order."""
    found: dict[str, None] = {}
    for item in entries:
        image = orjson.loads(live.card(item))["image"]
        if image:
            found[image] = None
        if len(found) == PICTURES:
            break
    return list(found)
