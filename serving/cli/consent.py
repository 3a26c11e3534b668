"""`interlace consent`: what a user agrees to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.consent import check_purpose
from graph.errors import InvalidData
from serving.cli.session import Home, Json, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

User = Annotated[str, typer.Argument(metavar="USER", help="User id, platform:native.")]
_PURPOSE = "recommendation, transfer or explanation; may be given again."
Grant = Annotated[list[str] | None, typer.Option("--grant", metavar="PURPOSE", help=f"They agree: {_PURPOSE}")]
Withdraw = Annotated[list[str] | None, typer.Option("--withdraw", metavar="PURPOSE", help=f"They do not: {_PURPOSE}")]
Reset = Annotated[list[str] | None, typer.Option("--reset", metavar="PURPOSE", help=f"As by default: {_PURPOSE}")]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        "consent",
        rich_help_panel="Operate",
        epilog=examples(
            ("interlace consent movielens:196", "what user 196 agrees to, and who says so"),
            ("interlace consent movielens:196 --withdraw transfer", "from the next answer on"),
            ("interlace consent movielens:196 --reset transfer", "the default counts again"),
        ),
    )(consent)


def consent(
    ctx: typer.Context,
    user: User,
    grant: Grant = None,
    withdraw: Withdraw = None,
    reset: Reset = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show or change what a user agrees to: recommendation, transfer to other accounts, explanation to others."""
    session = start(ctx, home, store, as_json)
    words = _words(grant or [], withdraw or [], reset or [])
    from serving.consent import marks_at
    from serving.foldin import viewer
    from serving.live_holder import open_live

    live = open_live(session.home, session.settings.consent_defaults)
    who = viewer(live, user)
    consents = live.consents
    assert consents is not None
    if words:
        consents.say(user, words)
    payload = consents.told(user, marks_at(live.index.consent, who.place))
    session.answer(payload, lambda console: show(console, payload["consent"]))


def _words(grant: list[str], withdraw: list[str], reset: list[str]) -> dict[str, bool | None]:
    words: dict[str, bool | None] = {}
    for said, purposes in ((True, grant), (False, withdraw), (None, reset)):
        for purpose in map(check_purpose, purposes):
            if purpose in words:
                raise InvalidData(f"{purpose} twice", valid="each purpose once", remedy="leave one of them out")
            words[purpose] = said
    return words


def show(console: Console, told: dict[str, dict[str, Any]]) -> None:
    """One row a purpose."""
    from datetime import UTC, datetime

    from rich.table import Table

    table = Table("purpose", "", "by", "since", box=None)
    for purpose, one in told.items():
        since = "" if one["at"] is None else datetime.fromtimestamp(one["at"], UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(purpose, "granted" if one["granted"] else "withheld", one["by"], since)
    console.print(table)
