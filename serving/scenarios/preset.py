"""What a scenario says: shelves, and of each its title, its source, its filters and its rules. Values alone.

`serving.scenarios.file` reads them from YAML; `serving.scenarios.home` fills them with items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

FOR_YOU, LIKE_LAST, TOGETHER, POPULAR, NEW = "for-you", "like-last", "together", "popular", "new"
CONTINUE, FRIENDS, SOON, RELATED, PLAYLIST = "continue", "friends", "soon", "related", "playlist"
LANGUAGES = ("en", "zh")

TITLES: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "for-you": {"en": "For you", "zh": "为你推荐"},
    "because": {"en": "Because you watched {item}", "zh": "因为你看过《{item}》"},
    "because-bought": {"en": "Because you bought {item}", "zh": "因为你买过 {item}"},
    "because-listened": {"en": "Because you listened to {item}", "zh": "因为你听过 {item}"},
    "because-read": {"en": "Because you read {item}", "zh": "因为你读过《{item}》"},
    "new": {"en": "New for you", "zh": "新品推荐"},
    "popular": {"en": "Popular now", "zh": "热门"},
    "popular-in": {"en": "Popular in {attribute}", "zh": "{attribute} 热门"},
    "continue": {"en": "Continue watching", "zh": "继续观看"},
    "listen-again": {"en": "Listen again", "zh": "再听一次"},
    "together": {"en": "Often together with {item}", "zh": "常与 {item} 一起"},
    "bought-together": {"en": "Bought together with {item}", "zh": "常与 {item} 一起购买"},
    "alternatives": {"en": "Alternatives to {item}", "zh": "{item} 的替代选择"},
    "goes-with": {"en": "Goes with {item}", "zh": "与 {item} 搭配"},
    "friends": {"en": "What your friends like", "zh": "好友喜欢的"},
    "soon": {"en": "Soon and near you", "zh": "近期与附近"},
    "groups": {"en": "Groups for you", "zh": "为你推荐的群组"},
    "playlist": {"en": "A playlist from {item}", "zh": "从 {item} 开始的播放列表"},
    "discover": {"en": "Something different", "zh": "换换口味"},
})  # fmt: skip
"""Titles by name, by language. `{item}` and `{attribute}` are filled with what the source starts from."""

USER = "user"
"""Stands in a filter for what the user's own properties say."""


@dataclass(frozen=True)
class Filters:
    """What an item has to be. Expired items (`serving.scenarios.filters`) pass none, whatever is written.

    `ranges`: numeric property -> lowest and highest (None: open); an item without the number does not pass.
    `attributes` and `without`: label or text property -> names, any of which the item has, or has not. `in_stock`: not
    where the property `stock` is 0 or less. `country`: the item's `countries`, where it names any, hold it. `age`: not
    where `age_limit` is above it; who tells no age passes no limit. `USER`: the user's own `country` and `age`.
    """

    kinds: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    in_stock: bool = False
    country: str | None = None
    age: str | float | None = None

    def json(self) -> dict[str, Any]:
        """What is asked for, by field; a field that asks for nothing is left out."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in said.items()}
        return {name: value for name, value in plain.items() if value not in (None, False, (), {})}


@dataclass(frozen=True)
class Boost:
    """Items with one of these names of an attribute count `times` as much."""

    label: str
    names: tuple[str, ...]
    times: float


@dataclass(frozen=True)
class Recency:
    """Half as much for each `half_life` (seconds) since the item's `property`: a time, or a year."""

    property: str
    half_life: float


@dataclass(frozen=True)
class Rules:
    """What moves items within a shelf. `pin`: ids that come first, as far as they pass the filters. `bury`: label ->
    names; items with one of them come last. `at_most`: label -> items of one name that a shelf may show.
    """

    pin: tuple[str, ...] = ()
    boost: tuple[Boost, ...] = ()
    bury: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)
    recency: Recency | None = None


@dataclass(frozen=True)
class Shelf:
    """A row of a page. `options`: of its source (`serving.scenarios.sources`). `seen`: what the user knows may come."""

    source: str
    titles: Mapping[str, str]
    n: int = 12
    options: Mapping[str, Any] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)
    rules: Rules = field(default_factory=Rules)
    seen: bool = False

    def title(self, language: str, words: Mapping[str, str]) -> str:
        """In a language, its gaps filled."""
        text = self.titles[language]
        for name, value in words.items():
            text = text.replace("{" + name + "}", value)
        return text


@dataclass(frozen=True)
class Preset:
    """A scenario: `filters` hold on all of its shelves, beside those of each. `own`: from the home's folder."""

    name: str
    titles: Mapping[str, str]
    shelves: tuple[Shelf, ...]
    filters: Filters = field(default_factory=Filters)
    text: str = ""
    """The file, to read and to copy."""
    own: bool = False

    def json(self) -> dict[str, Any]:
        """As the API lists it."""
        shelves = [{"source": one.source, "title": dict(one.titles), "n": one.n} for one in self.shelves]
        head = {"name": self.name, "title": dict(self.titles), "own": self.own, "filters": self.filters.json()}
        return {**head, "shelves": shelves, "yaml": self.text}
