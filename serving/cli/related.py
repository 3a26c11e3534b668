"""`interlace related`: what is taken together with an item, instead of it, or beside it, as the API answers it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from serving.cli.recommend import PANEL, Count, Item, Kind, Lang, show
from serving.cli.session import Home, Json, Store, examples, start

Relation = Annotated[
    Literal["together", "alternatives", "complements"],
    typer.Option("--relation", help="Taken together with it, instead of it, or beside it."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="ITEM", help="An item that shall not come; again for more.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        "related",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace related movielens:50", "what people take together with item 50"),
            ("interlace related movielens:50 --relation alternatives", "what is like it, and not taken with it"),
            ("interlace related movielens:50 --relation complements", "what goes with it, of another category"),
        ),
    )(related)


def related(
    ctx: typer.Context,
    item: Item,
    relation: Relation = "together",
    n: Count = 10,
    kind: Kind = None,
    exclude: Exclude = None,
    lang: Lang = "en",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show what belongs to an item, with the facts that say so: taken together, alternatives, or complements."""
    session = start(ctx, home, store, as_json)
    import orjson

    from serving.live_holder import open_live
    from serving.related import RelatedWish
    from serving.related import related as found_for
    from serving.render import ranked

    live = open_live(session.home, session.settings.consent_defaults)
    found = found_for(live, live.item(item), RelatedWish(relation, n, kind, tuple(exclude or ())))
    reasons = [orjson.dumps(one) for one in found.reasons(live, lang)]
    rows = orjson.loads(ranked(live, found.items, found.scores, reasons))
    session.answer({"item": item, "relation": relation, "items": rows}, lambda console: show(console, rows))
