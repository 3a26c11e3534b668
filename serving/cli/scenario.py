"""`interlace home`, and `interlace scenario`: pages of shelves, and the presets they are made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from serving.cli.recommend import PANEL, show
from serving.cli.session import Home, Json, Store, examples, start
from serving.cli.visit import visitor

if TYPE_CHECKING:
    from rich.console import Console

User = Annotated[str, typer.Argument(metavar="USER", help="User id, platform:native.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A scenario of interlace scenario list.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A scenario's YAML file.")]
Scenario = Annotated[str, typer.Option("--scenario", help="Which page: shop, social, video, music, news, or your own.")]
Lang = Annotated[Literal["en", "zh"], typer.Option("--lang", help="Language of the titles.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "home",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace home movielens:196 --scenario video", "the shelves of user 196's page"),
            ("interlace home movielens:196 --scenario video --lang zh", "with titles in Chinese"),
        ),
    )(home)
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    group.command("list", epilog=examples(("interlace scenario list", "shipped ones and your own")))(list_)
    group.command(
        "show", epilog=examples(("interlace scenario show shop > my-shop.yaml", "a preset to copy and change"))
    )(show_)
    group.command("check", epilog=examples(("interlace scenario check my-shop.yaml", "what is wrong, by line")))(check)
    app.add_typer(
        group,
        name="scenario",
        rich_help_panel=PANEL,
        help="Presets of home pages: shop, social, video, music, news, and your own.",
        epilog=examples(("interlace scenario list", "which there are"), ("interlace scenario show shop", "one's YAML")),
    )


def home(
    ctx: typer.Context,
    user: User,
    scenario: Scenario,
    lang: Lang = "en",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show a user's home page: the shelves of a scenario, no item twice."""
    session = start(ctx, home, store, as_json)
    import orjson

    from serving.scenarios.find import Scenarios
    from serving.scenarios.home import home as shelves
    from serving.scenarios.home import render

    preset, who = Scenarios(session.home).get(scenario), visitor(session, user)
    page = orjson.loads(render(who.live, user, preset, lang, shelves(who, preset, lang)))

    def shown(console: Console) -> None:
        from rich.markup import escape

        for shelf in page["shelves"]:
            console.print(f"[bold]{escape(shelf['title'])}[/]")
            show(console, shelf["items"])

    session.answer(page, shown)


def list_(ctx: typer.Context, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """List the scenarios: those that are shipped, and your own in HOME/scenarios."""
    session = start(ctx, home, store, as_json)
    from serving.scenarios.find import Scenarios

    found = [one.json() for one in Scenarios(session.home).all().values()]

    def shown(console: Console) -> None:
        from rich.markup import escape
        from rich.table import Table

        table = Table("scenario", "title", "shelves from", box=None)
        for one in found:
            name = one["name"] + (" (own)" if one["own"] else "")
            table.add_row(escape(name), escape(one["title"]["en"]), ", ".join(row["source"] for row in one["shelves"]))
        console.print(table)

    session.answer({"scenarios": found}, shown)


def show_(ctx: typer.Context, name: Name, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """Print a scenario's YAML, to read, copy and change."""
    session = start(ctx, home, store, as_json)
    from serving.scenarios.find import Scenarios

    found = Scenarios(session.home).get(name)
    session.answer(found.json(), lambda console: console.print(found.text, end="", markup=False, soft_wrap=True))


def check(ctx: typer.Context, file: File, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """Check a scenario's file: the first mistake with its line, what is valid, and what to do."""
    session = start(ctx, home, store, as_json)
    from serving.scenarios.file import read_preset

    found: dict[str, Any] = read_preset(file).json()
    told = f"{file.name}: {len(found['shelves'])} shelves, no mistake"
    session.answer(found, lambda console: console.print(told, markup=False))
