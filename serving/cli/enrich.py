"""`interlace enrich`: a language model's summaries of items and sentences on users, on the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from encoders.language.ask import Asker
    from encoders.language.enrich import What
    from graph.store import GraphStore

Summaries = Annotated[bool, typer.Option("--summaries", help="Only summaries of items.")]
Profiles = Annotated[bool, typer.Option("--profiles", help="Only sentences on users: what they liked is told.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="At most so many questions of each sort now; the next run goes on.",
                 show_default=False),
]  # fmt: skip
Provider = Annotated[
    str | None,
    typer.Option("--provider", metavar="NAME", show_default="INTERLACE_LANGUAGE_PROVIDER",
                 help="openai:MODEL, local:FOLDER or local:HUB-NAME."),
]  # fmt: skip
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would cost; ask and write nothing.")]
Again = Annotated[bool, typer.Option("--again", help="Ask once more where an earlier answer was refused.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's command."""
    app.command(
        "enrich",
        rich_help_panel="Build the graph",
        epilog=examples(
            ("interlace enrich --summaries --dry-run", "how many questions, tokens, and what they cost"),
            ("interlace enrich --summaries --limit 500", "500 items now; encode afterwards, for their vectors"),
            (
                "interlace enrich --profiles --provider local:models/my-model",
                "a sentence on each user, on this machine",
            ),
        ),
    )(enrich)


def enrich(
    ctx: typer.Context,
    summaries: Summaries = False,
    profiles: Profiles = False,
    limit: Limit = None,
    provider: Provider = None,
    dry_run: DryRun = False,
    again: Again = False,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Let a language model write summaries of items and a sentence on each user, checked, with what it cost.

    Off until a model is named. What is there already is left alone; a run that was ended goes on with the next one.
    """
    session = start(ctx, home, store, as_json)
    from serving.language import open_asker

    both = summaries == profiles
    sorts: tuple[tuple[What, bool], ...] = (("summaries", summaries), ("profiles", profiles))
    parts: list[What] = [what for what, asked in sorts if asked or both]
    with open_asker(session.settings, provider, anew=again) as asker, session.store() as graph:
        payload = (
            _estimated(session, graph, asker, parts, limit) if dry_run else _done(session, graph, asker, parts, limit)
        )
    session.answer(payload, lambda console: show(console, payload))


def _estimated(
    session: Session, graph: GraphStore, asker: Asker, parts: list[What], limit: int | None
) -> dict[str, Any]:
    from encoders.language.enrich import estimate
    from serving.language import prices
    from serving.progress import parts as shown

    with session.reporter.step("estimating") as step:
        found = [
            estimate(
                graph,
                asker,
                what,
                prices=prices(session.settings),
                limit=limit,
                progress=shown(step),
                defaults=session.settings.consent_defaults,
            )
            for what in parts
        ]
    return {"provider": asker.provider.name, "dry_run": True, "parts": [one.as_dict() for one in found]}


def _done(session: Session, graph: GraphStore, asker: Asker, parts: list[What], limit: int | None) -> dict[str, Any]:
    from encoders.language.enrich import enrich as write
    from graph.ingest import recover
    from serving.flush import flush
    from serving.language import prices
    from serving.progress import parts as shown

    recover(graph, session.home)
    flush(graph, session.home)  # with it what users said of consent
    with session.reporter.step("asking the language model") as step:
        found = [
            write(
                graph,
                asker,
                what,
                home=session.home,
                limit=limit,
                progress=shown(step),
                defaults=session.settings.consent_defaults,
            ).as_dict()
            for what in parts
        ]
    embedded = _embedded(session, graph) if "profiles" in parts else 0
    cost = asker.tally.as_dict(prices(session.settings))
    name = asker.provider.name
    return {"provider": name, "dry_run": False, "parts": found, "profiles_embedded": embedded, "cost": cost}


def _embedded(session: Session, graph: GraphStore) -> int:
    """Profiles by the text encoder that the catalogue has."""
    from encoders.cache import VectorCache
    from encoders.encode import CACHE
    from encoders.language.profiles import embed_profiles
    from encoders.registry import open_encoder, resolve_names
    from serving.refresh_choice import encoders_of

    encoder = open_encoder(resolve_names(["text"], encoders_of(session.home))["text"])
    with session.reporter.step("encoding profiles"), VectorCache(session.home / CACHE) as cache:
        return embed_profiles(graph, encoder, cache, home=session.home)


def show(console: Console, payload: dict[str, Any]) -> None:
    """What was written, or would be asked, for people."""
    console.print(f"language model: {payload['provider']}", markup=False)
    for part in payload["parts"]:
        if payload["dry_run"]:
            console.print(
                f"{part['what']}: {part['calls']:,} questions ({part['cached']:,} more are in the cache), about "
                f"{part['tokens_in']:,} tokens to read, at most {part['tokens_out']:,} to write, "
                f"price at most {part['price']:g} (retries may double it)"
            )
            continue
        console.print(
            f"{part['what']}: {part['written']:,} written, {part['kept']:,} as before, {part['removed']:,} removed"
            + ("; more are left for a later run" if part["more"] else "")
        )
        for why, count in part["skipped"].items():
            console.print(f"[yellow]{count:,} without:[/] {why}")
    if not payload["dry_run"]:
        show_cost(console, payload["cost"])
        if any(part["what"] == "summaries" and part["written"] for part in payload["parts"]):
            console.print("[dim]interlace encode turns the new summaries into vectors[/]")


def show_cost(console: Console, cost: dict[str, Any]) -> None:
    """One line on what asking took."""
    console.print(
        f"[dim]{cost['calls']:,} calls ({cost['retries']:,} retries, {cost['cached']:,} answers from the cache), "
        f"{cost['tokens_in']:,} tokens read, {cost['tokens_out']:,} written, price {cost['price']:g}, "
        f"{cost['seconds']:.1f} s, {cost['cpu_s']:.1f} CPU s here[/]"
    )
