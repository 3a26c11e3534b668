"""`interlace search`: the catalogue by meaning: words, a picture, a sound, other items."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from graph.errors import InvalidData
from serving.cli.recommend import PANEL, Count, Kind, show
from serving.cli.session import Home, Json, Store, examples, require, start

Words = Annotated[str, typer.Argument(metavar="[WORDS]", help="What the items shall be about.", show_default=False)]
Picture = Annotated[
    Path | None, typer.Option("--image", metavar="FILE", help="Look like this picture.", show_default=False)
]
Sound = Annotated[
    Path | None, typer.Option("--audio", metavar="FILE", help="Sound like this file.", show_default=False)
]
Like = Annotated[
    list[str] | None,
    typer.Option("--like", metavar="ITEM", help="Be like this item; may be repeated.", show_default=False),
]
Years = Annotated[
    str, typer.Option("--year", metavar="FROM-TO", help="Only of these years: 1980-1989, or 1984.", show_default=False)
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="LABEL=VALUE", help="Only with this attribute; may be repeated.",
                 show_default=False),
]  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "search",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace search 'quiet science fiction'", "ten items whose texts are near it"),
            ("interlace search 'a heist' --year 1990-1999 --where Genre=Comedy", "filters hold, and ten still come"),
            ("interlace search --image poster.jpg --like movielens:50", "looks like the picture, is like the item"),
        ),
    )(search)


def search(
    ctx: typer.Context,
    words: Words = "",
    image: Picture = None,
    audio: Sound = None,
    like: Like = None,
    kind: Kind = None,
    year: Years = "",
    where: Where = None,
    n: Count = 10,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Find items by meaning: near a sentence, a picture, a sound or other items, alone or together."""
    session = start(ctx, home, store, as_json)
    for file in (image, audio):
        if file is not None:
            require(file)
    import orjson

    from serving.live_holder import open_live
    from serving.render import ranked
    from serving.search import Wanted
    from serving.search import search as nearest
    from serving.search_vectors import query_vectors

    wanted = Wanted(kind, years=_years(year), attributes=pairs(where))
    live = open_live(session.home, session.settings.consent_defaults)
    things = {name: thing for name, thing in (("text", words.strip()), ("image", image), ("audio", audio)) if thing}
    items, scores = nearest(live, query_vectors(live.index, things), n, like=like or (), wanted=wanted)
    found = orjson.loads(ranked(live, items.tolist(), scores.tolist()))
    session.answer({"query": {**things, "like": like or []}, "items": found}, lambda console: show(console, found))


def _years(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", text.strip())
    years = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if years[0] > years[1]:
        raise InvalidData(f"the years {text!r}", valid="one year, or two with a dash: 1980-1989", remedy="correct them")
    return years


def pairs(given: list[str] | None, what: str = "the filter") -> dict[str, str]:
    """Of `LABEL=VALUE`, given any number of times. Raises `InvalidData`."""
    found = {}
    for text in given or ():
        label, equals, value = text.partition("=")
        if not (label and equals and value):
            raise InvalidData(f"{what} {text!r}", valid="LABEL=VALUE, as Genre=Comedy", remedy="correct it")
        found[label] = value
    return found
