"""`interlace erase` and `interlace export`: what is known of a person, taken away for good, or handed to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import InvalidData
from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

PANEL = "Operate"
LEFT = 3
"""Exit status where traces are left."""

Users = Annotated[
    list[str] | None, typer.Argument(metavar="[USER]...", help="Users, platform:native.", show_default=False)
]
IdFile = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Users, one a line.", show_default=False)]
ThisOne = Annotated[
    bool, typer.Option("--only-this-platform", help="The named ids alone, not the person's on other platforms.")
]
Verify = Annotated[
    str | None,
    typer.Option("--verify", metavar="USER|RECEIPT", help="Search for traces of a user, or of a receipt's users.",
                 show_default=False),
]  # fmt: skip
PublicKey = Annotated[bool, typer.Option("--public-key", help="Print the key that receipts are checked by.")]
User = Annotated[str, typer.Argument(metavar="USER", help="User id, platform:native.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to: NAME.zip.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(
        "erase",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace erase shop:42", "the person, on all platforms, everywhere; prints the signed receipt"),
            ("interlace erase --file ids.txt", "many people, one new index"),
            ("interlace erase", "go on with what is not done yet"),
            ("interlace erase --verify shop:42", "exits 3 and names the places where a trace is left"),
        ),
    )(erase)
    app.command(
        "export",
        rich_help_panel=PANEL,
        epilog=examples(("interlace export shop:42 -o 42.zip", "everything about user 42, as JSON and CSV")),
    )(export)


def erase(
    ctx: typer.Context,
    users: Users = None,
    file: IdFile = None,
    only_this_platform: ThisOne = False,
    verify: Verify = None,
    public_key: PublicKey = False,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Erase people: graph, events, models, index, files. Killed anywhere, the next call goes on.

    Prints a receipt signed by the home, that holds no id. Versions of the model that learned from them never serve
    again. What a source outside the home says of them is not Interlace's to change, but does not bring them back.
    """
    session = start(ctx, home, store, as_json)
    if public_key:
        from serving.signed_documents import public_key as text

        session.answer({"public_key": (key := text(session.home))}, lambda console: console.print(key, soft_wrap=True))
    elif verify is not None:
        _verify(session, verify)
    else:
        _erase(session, [*(users or ()), *_listed(file)], whole=not only_this_platform)


def _erase(session: Session, users: list[str], *, whole: bool) -> None:
    from serving.erasure.begin import begin
    from serving.erasure.record import still_open
    from serving.erasure.run import Eraser
    from serving.items import is_id

    for one in users:
        if not is_id(one):
            raise InvalidData(f"the id {one!r}", valid="platform:native, as shop:42", remedy="correct it")
    if users:
        begin(session.settings, users, by="command", whole=whole)
    receipts = Eraser(session.settings, session.reporter).carry_on() if still_open(session.home) else []
    session.answer({"receipts": receipts}, lambda console: show(console, receipts))
    if any(one["left"] for one in receipts):
        raise typer.Exit(LEFT)


def _verify(session: Session, asked: str) -> None:
    from serving.erasure.check import checked

    with session.store() as graph:
        report = checked(session.settings, asked, graph)
    session.answer(report, lambda console: show_check(console, report))
    if report["traces"] or not report["signature"]:
        raise typer.Exit(LEFT)


def _listed(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"{file} cannot be read ({error})", valid="a text file with one id a line",
                          remedy="correct --file") from error  # fmt: skip


def export(
    ctx: typer.Context, user: User, out: Out = None, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Write everything known of a person, and where what was derived came from, as JSON and CSV in a zip."""
    session = start(ctx, home, store, as_json)
    from graph.whole_files import write_whole
    from serving.erasure.export import exported, packed
    from serving.private import cipher_of

    with session.store() as graph:
        found = exported(session.home, user, graph, cipher_of(session.settings))
    path = out or Path(f"{user.replace(':', '-').replace('/', '-')}.zip")
    write_whole(path, packed(found), durable=True)
    counts = {name: len(rows) for name, rows in found.items() if isinstance(rows, list)}
    session.answer({"user": user, "file": str(path), "rows": counts}, lambda console: console.print(f"wrote {path}"))


def show(console: Console, receipts: list[dict[str, Any]]) -> None:
    """What was removed, for people."""
    if not receipts:
        console.print("nothing is to be erased")
    for one in receipts:
        end = "[red]traces are left, it stays open[/]" if one["left"] else "no trace is left"
        console.print(f"erasure {one['erasure']}: {len(one['people'])} ids, {end}")
        for place in one["places"]:
            counts = ", ".join(f"{number:,} {name}" for name, number in place["removed"].items() if number)
            console.print(f"  {place['place']:<14} {counts or '-'}", markup=False)
        for name, number in one["left"].items():
            console.print(f"  left: {number} in {name}", markup=False)


def show_check(console: Console, report: dict[str, Any]) -> None:
    """Where traces are, for people."""
    if not report["signature"]:
        console.print("[red]the receipt is not what was signed[/]")
    console.print(f"{report['files']:,} files searched: " + ("traces are left" if report["traces"] else "no trace"))
    for name, number in report["traces"].items():
        console.print(f"  {number} in {name}", markup=False)
