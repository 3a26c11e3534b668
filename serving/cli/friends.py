"""`interlace friends`: people a user may know, from the published index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.recommend import PANEL
from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

User = Annotated[str, typer.Argument(metavar="USER", help="User id, platform:native.")]
Few = Annotated[int, typer.Option("-n", min=1, max=50, help="How many people.")]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        "friends",
        rich_help_panel=PANEL,
        epilog=examples(("interlace friends lastfm:2", "ten people whom user 2 may know")),
    )(friends)


def friends(
    ctx: typer.Context, user: User, n: Few = 10, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Show people a user may know: by friends in common, by the ways between them, by taste."""
    session = start(ctx, home, store, as_json)
    from serving.acquaintances import people_you_may_know
    from serving.live_holder import open_live

    live = open_live(session.home, session.settings.consent_defaults)
    found = [
        {"rank": rank, "score": one.score, "user": live.index.user_ids[one.place].decode(),
         "common_friends": one.shared, "taste": one.taste, "reason": one.reason}
        for rank, one in enumerate(people_you_may_know(live, user, n), start=1)
    ]  # fmt: skip
    session.answer({"user": user, "people": found}, lambda console: show(console, found))


def show(console: Console, people: list[dict[str, Any]]) -> None:
    """One row a person."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "user", "why", "score", box=None)
    for one in people:
        table.add_row(str(one["rank"]), escape(one["user"]), one["reason"], f"{one['score']:.2f}")
    console.print(table)
