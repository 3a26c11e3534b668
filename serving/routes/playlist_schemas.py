"""What the routes of playlists take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serving.playlists.radio import RadioWish
from serving.playlists.wish import MOST_ITEMS, MOST_MINUTES, PlaylistWish, Seeds
from serving.routes.live import wanted
from serving.routes.live_schemas import Asked, Filters, Id, Word
from serving.routes.schemas import Documented, Item, Model

MOST_SEEDS = 200
Items = Annotated[list[Id], Field(max_length=MOST_SEEDS)]
Session = Annotated[list[Id], Field(max_length=5_000)]
Most = Annotated[int, Field(ge=1, le=MOST_ITEMS)]
Caps = Annotated[dict[Word, Most], Field(max_length=8)]


class Started(Asked):
    """What a list starts from: any of these together, at least one."""

    items: Items = Field(default_factory=list, description="ids, oldest first; they do not come in the list")
    attributes: dict[Word, Word] = Field(
        default_factory=dict, max_length=8, description="every entry has them: a genre, a tag (a mood)",
        examples=[{"Genre": "Comedy"}],
    )  # fmt: skip
    artist: Word | None = Field(None, description="a name of Artist, or of the first label that tells who made items")
    user: Id | None = Field(None, description="whose taste ranks")

    def seeds(self) -> Seeds:
        """As the core takes them."""
        return Seeds(tuple(self.items), self.attributes, self.artist, self.user)


class PlaylistRequest(Started):
    """What to start from, how long it shall be, what may come."""

    n: Most | None = Field(None, description="how many items; without `n` and `minutes`: 20")
    minutes: Annotated[float, Field(gt=0, le=MOST_MINUTES)] | None = Field(
        None, description="how long, where items tell their durations"
    )
    at_most: Caps | None = Field(None, description="label -> entries of a name; else 2 of an artist")
    exclude: Annotated[list[Id], Field(max_length=1_000)] = Field(default_factory=list)
    filter: Filters = Filters()
    seen: bool = Field(False, description="what the user knows may come")

    def wish(self) -> PlaylistWish:
        """As the core takes it."""
        return PlaylistWish(
            self.seeds(), self.n, self.minutes, wanted(self.filter), tuple(self.exclude), self.at_most, self.seen
        )


class WhyEntry(Documented):
    """A fact: `asked` (an attribute that was asked for), `attribute` (shared with `item`), `together` (who liked
    `item` liked it), `next` (people go on to it after `item`), `ranked` (the model alone)."""

    kind: str
    text: str
    label: str | None
    name: str | None
    item: str | None = Field(description="id of what it is shared with")


class Entry(Documented):
    """An item of a list."""

    rank: int
    score: float
    minutes: float | None
    item: Item
    why: list[WhyEntry]
    follows: WhyEntry | None = Field(
        None, description="what joins it with the entry before it, where anything is known"
    )


class Smoothness(Documented):
    """Mean likeness of neighbours, in the order to play and in the order of scores."""

    ordered: float
    unordered: float


class PlaylistAnswer(Documented):
    """A playlist, in the order to play. `complete`: as long as was asked for, minutes within `tolerance` (a share)."""

    name: str
    images: list[str] = Field(description="addresses of up to four pictures")
    model: Model
    complete: bool
    minutes: float | None = Field(description="of all entries, where each tells its own")
    tolerance: float
    smoothness: Smoothness
    items: list[Entry]


class RadioRequest(Started):
    """What the station is about, and what happened in this session so far, oldest first."""

    played: Session = Field(default_factory=list)
    skipped: Session = Field(default_factory=list)
    liked: Session = Field(default_factory=list)
    n: Most = 10
    at_most: Caps | None = Field(None, description="as of a playlist, within one answer")
    filter: Filters = Filters()

    def wish(self) -> RadioWish:
        """As the core takes it."""
        return RadioWish(
            self.seeds(), tuple(self.played), tuple(self.skipped), tuple(self.liked), self.n, wanted(self.filter),
            self.at_most,
        )  # fmt: skip


class RadioAnswer(Documented):
    """What to play next, in order. `exhausted`: nothing more is left."""

    model: Model
    exhausted: bool
    items: list[Entry]


class Discovered(Entry):
    """An entry; `familiar`: they know it, or something by the same artist."""

    familiar: bool


class DiscoveryAnswer(Documented):
    """The list of a week, in order. `familiar_share`: of its entries, as measured."""

    user: str
    week: str
    familiarity: float
    familiar_share: float
    model: Model
    items: list[Discovered]
