"""What a list is asked to be made from, and how; values alone, checked against the catalogue by `serving.playlists`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graph.errors import InvalidData
from serving.search import Wanted

MOST_ITEMS = 100
MOST_MINUTES = 24 * 60.0
DEFAULT_ITEMS = 20
TOLERANCE = 0.05
"""Of the minutes asked for: how far off the total may be."""


@dataclass(frozen=True)
class Seeds:
    """`items`: ids, oldest first. `attributes`: label -> name that every entry has. `artist`: a name; entries are like
    what this artist made. `user`: an id, whose taste ranks. At least one of them has to be given.
    """

    items: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    artist: str | None = None
    user: str | None = None

    def check(self) -> None:
        """Raises `InvalidData` where nothing is given."""
        if not (self.items or self.attributes or self.artist or self.user):
            raise InvalidData(
                "a list from nothing", valid="items, attributes, an artist, a user", remedy="give at least one of them"
            )


@dataclass(frozen=True)
class PlaylistWish:
    """A length in items (`n`) or in `minutes`, not both. `at_most`: label -> entries that may have one name of it;
    None: two of an artist, where the catalogue tells artists. `seen`: what the user knows may come.
    """

    seeds: Seeds
    n: int | None = None
    minutes: float | None = None
    wanted: Wanted = field(default_factory=Wanted)
    exclude: tuple[str, ...] = ()
    at_most: Mapping[str, int] | None = None
    seen: bool = False

    def check(self) -> None:
        """Raises `InvalidData` for no seed, or a length that cannot be."""
        self.seeds.check()
        if self.n is not None and self.minutes is not None:
            raise InvalidData(f"{self.n} items and {self.minutes:g} minutes", valid="one of them",
                              remedy="leave one out")  # fmt: skip
        if self.n is not None and not 1 <= self.n <= MOST_ITEMS:
            raise InvalidData(f"a playlist of {self.n} items", valid=f"1 to {MOST_ITEMS}", remedy="ask for as many")
        if self.minutes is not None and not 0 < self.minutes <= MOST_MINUTES:
            raise InvalidData(f"a playlist of {self.minutes:g} minutes", valid=f"above 0, at most {MOST_MINUTES:g}",
                              remedy="ask for as many")  # fmt: skip
        for label, most in (self.at_most or {}).items():
            if most < 1:
                raise InvalidData(f"at most {most} of one {label}", valid="1 or more", remedy=f"leave {label} out")
