"""`interlace playlist`, `radio` and `discovery`: lists to be played one after the other, from the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graph.errors import InvalidData
from serving.cli.recommend import PANEL, Kind
from serving.cli.search import Where, pairs
from serving.cli.session import Home, Json, Store, examples, start
from serving.cli.visit import visitor

if TYPE_CHECKING:
    from rich.console import Console


FromItem = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="ITEM", help="Start from this item; may be repeated, oldest first.",
                 show_default=False),
]  # fmt: skip
Attribute = Annotated[
    list[str] | None,
    typer.Option("--attribute", metavar="LABEL=NAME", show_default=False,
                 help="All entries have it: a genre, a tag (a mood); may be repeated."),
]  # fmt: skip
Artist = Annotated[str | None, typer.Option("--artist", help="Around this artist.", show_default=False)]
ForUser = Annotated[
    str | None, typer.Option("--user", metavar="USER", help="Ranked by this user's taste.", show_default=False)
]
Few = Annotated[int | None, typer.Option("-n", help="How many items; 20 unless minutes are given.", show_default=False)]
Minutes = Annotated[
    float | None, typer.Option("--minutes", help="How long, where items tell durations.", show_default=False)
]
AtMost = Annotated[
    list[str] | None,
    typer.Option("--at-most", metavar="LABEL=N", show_default=False,
                 help="Entries that may share a name of a label; left out: 2 of an artist."),
]  # fmt: skip
Seen = Annotated[bool, typer.Option("--seen", help="What the user knows may come.")]
Played = Annotated[
    list[str] | None,
    typer.Option("--played", metavar="ITEM", help="Was played; may be repeated, oldest first.", show_default=False),
]
Skipped = Annotated[
    list[str] | None,
    typer.Option("--skipped", metavar="ITEM", help="Was skipped; may be repeated.", show_default=False),
]
Liked = Annotated[
    list[str] | None, typer.Option("--liked", metavar="ITEM", help="Was liked; may be repeated.", show_default=False)
]
Next = Annotated[int, typer.Option("-n", help="How many items.")]
Person = Annotated[str, typer.Argument(metavar="USER", help="User id, platform:native.")]
Familiarity = Annotated[
    float, typer.Option("--familiarity", help="0: nothing near what they know, to 1: half of it familiar.")
]
Weekly = Annotated[int, typer.Option("-n", help="How many items.")]
Lang = Annotated[Literal["en", "zh"], typer.Option("--lang", help="Language of name and facts.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "playlist",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace playlist --from movielens:50 -n 15", "fifteen items that go on from item 50"),
            ("interlace playlist --attribute Genre=Comedy --user movielens:196", "comedies in user 196's order"),
            ("interlace playlist --artist Björk --minutes 45", "three quarters of an hour around an artist"),
        ),
    )(playlist)
    app.command(
        "radio",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace radio --from movielens:50", "ten items to go on with"),
            ("interlace radio --attribute Genre=Comedy --played movielens:1 --skipped movielens:1", "after a skip"),
        ),
    )(radio)
    app.command(
        "discovery",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace discovery movielens:196", "this week's list of user 196"),
            ("interlace discovery movielens:196 --familiarity 0", "nothing near what they know"),
        ),
    )(discovery)


def playlist(
    ctx: typer.Context,
    items: FromItem = None,
    attribute: Attribute = None,
    artist: Artist = None,
    user: ForUser = None,
    n: Few = None,
    minutes: Minutes = None,
    at_most: AtMost = None,
    kind: Kind = None,
    where: Where = None,
    seen: Seen = False,
    lang: Lang = "en",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Make a playlist: what goes with its seeds, no artist too often, in an order whose neighbours are alike."""
    session = start(ctx, home, store, as_json)
    from serving.playlists.answer import playlist_json
    from serving.playlists.make import playlist as made
    from serving.playlists.wish import PlaylistWish, Seeds
    from serving.search import Wanted

    most = pairs(at_most, "--at-most")
    caps = None if at_most is None else {label: _whole(label, text) for label, text in most.items()}
    wish = PlaylistWish(
        Seeds(tuple(items or ()), pairs(attribute, "--attribute"), artist, user), n, minutes,
        Wanted(kind, attributes=pairs(where)), at_most=caps, seen=seen,
    )  # fmt: skip
    wish.check()
    who = visitor(session, user)
    live, transitions = who.live, who.live.index.transitions
    payload = playlist_json(live, wish, made(who, transitions, wish), lang)

    def shown(console: Console) -> None:
        smooth = payload["smoothness"]
        console.print(f"[bold]{_escaped(payload['name'])}[/]" + ("" if payload["complete"] else " (all there is)"))
        show_entries(console, payload["items"])
        console.print(f"neighbours alike {smooth['ordered']:.3f}, by score alone {smooth['unordered']:.3f}")

    session.answer(payload, shown)


def show_entries(console: Console, entries: Sequence[dict[str, Any]]) -> None:
    """One row an item, why it is there below."""
    from rich.table import Table

    table = Table("", "item", "title", "minutes", box=None)
    for entry in entries:
        why = "; ".join(fact["text"] for fact in entry["why"])
        title = f"{_escaped(entry['item']['title'] or '')}\n[green]{_escaped(why)}[/]"
        length = "" if entry["minutes"] is None else f"{entry['minutes']:.1f}"
        table.add_row(str(entry["rank"]), _escaped(entry["item"]["id"]), title, length)
    console.print(table)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _whole(label: str, text: str) -> int:
    if not text.isdecimal():
        raise InvalidData(f"--at-most {label}={text}", valid="a whole number from 1 on", remedy="write it so")
    return int(text)


def radio(
    ctx: typer.Context,
    items: FromItem = None,
    attribute: Attribute = None,
    artist: Artist = None,
    user: ForUser = None,
    played: Played = None,
    skipped: Skipped = None,
    liked: Liked = None,
    n: Next = 10,
    kind: Kind = None,
    where: Where = None,
    lang: Lang = "en",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show what to play next, after what was played, skipped and liked."""
    session = start(ctx, home, store, as_json)
    from serving.playlists.answer import radio_json
    from serving.playlists.radio import RadioWish
    from serving.playlists.radio import radio as tuned
    from serving.playlists.wish import Seeds
    from serving.search import Wanted

    wish = RadioWish(
        Seeds(tuple(items or ()), pairs(attribute, "--attribute"), artist, user),
        tuple(played or ()), tuple(skipped or ()), tuple(liked or ()), n,
        Wanted(kind, attributes=pairs(where)),
    )  # fmt: skip
    wish.check()
    who = visitor(session, user)
    live, transitions = who.live, who.live.index.transitions
    payload = radio_json(live, tuned(who, transitions, wish), lang)
    session.answer(payload, lambda console: show_entries(console, payload["items"]))


def discovery(
    ctx: typer.Context,
    user: Person,
    familiarity: Familiarity = 0.3,
    n: Weekly = 30,
    kind: Kind = None,
    lang: Lang = "en",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show a user's discovery list of this week: mostly what they do not know."""
    session = start(ctx, home, store, as_json)
    from serving.playlists.answer import discovery_json
    from serving.playlists.discovery import DiscoveryWish
    from serving.playlists.discovery import discovery as made
    from serving.search import Wanted

    wish = DiscoveryWish(familiarity, n, Wanted(kind))
    wish.check()
    who = visitor(session, user)
    live, transitions = who.live, who.live.index.transitions
    payload = discovery_json(live, user, wish, made(who, transitions, wish), lang)

    def shown(console: Console) -> None:
        console.print(f"[bold]{payload['week']}[/]: {payload['familiar_share']:.0%} familiar")
        show_entries(console, payload["items"])

    session.answer(payload, shown)
