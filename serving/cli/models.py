"""`interlace models`: the registry's versions, which one is champion, and changing that."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import Conflict, InvalidData
from serving.cli.session import Home, Json, Session, Store, examples, start
from serving.cli.train import parse_settings

if TYPE_CHECKING:
    from rich.console import Console

    from training.registry import Promotion, Registry, Version

ChosenVersion = Annotated[str, typer.Argument(metavar="VERSION", help="A version of `interlace models list`.")]
Force = Annotated[bool, typer.Option("--force", help="Promote although it is not significantly better.")]
GuardRule = Annotated[
    list[str] | None,
    typer.Option("--guard", metavar="NAME=VALUE", show_default=False,
                 help="How much worse it may be: coverage, gini, gap or latency_ms; may be repeated."),
]  # fmt: skip
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; needed with --force, kept in MLflow.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    group.command("list", epilog=examples(("interlace models list", "all versions, newest first")))(list_)
    group.command(
        "promote",
        epilog=examples(
            ("interlace models promote 4", "if it is significantly better than the champion"),
            ("interlace models promote 4 --guard coverage=0.5", "and may lose half of the champion's coverage"),
            ("interlace models promote 4 --force --reason 'fairer to new items'", "even if it is not"),
        ),
    )(promote)
    group.command(
        "stage",
        epilog=examples(
            ("interlace models stage 4", "its index beside the champion's, for an experiment's arm or a shadow"),
        ),
    )(stage)
    group.command(
        "rollback", epilog=examples(("interlace models rollback", "back to the champion before this one"))
    )(rollback)  # fmt: skip
    app.add_typer(
        group,
        name="models",
        rich_help_panel="Learn from it",
        help="List, promote and roll back trained models.",
        epilog=examples(
            ("interlace models list", "all versions"), ("interlace models rollback", "the last promotion undone")
        ),
    )


def list_(ctx: typer.Context, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """List every registered version with its test measures."""
    session = start(ctx, home, store, as_json)
    from serving.workflow import open_registry

    versions = open_registry(session.settings.mlflow).list_models()

    def show(console: Console) -> None:
        from rich.table import Table

        table = Table("version", "model", "ndcg@10", "recall@10", "snapshot", "", box=None)
        for one in versions:
            measures = (f"{one.metrics.get(name, float('nan')):.4f}" for name in ("ndcg@10", "recall@10"))
            table.add_row(one.version, one.model, *measures, one.snapshot[:12], ", ".join(one.aliases))
        console.print(table if versions else "no model has been registered: interlace train")

    session.answer({"models": [as_dict(one) for one in versions]}, show)


def as_dict(version: Version) -> dict[str, Any]:
    """A version as JSON."""
    return {**asdict(version), "champion": version.champion}


def promote(
    ctx: typer.Context,
    version: ChosenVersion,
    force: Force = False,
    reason: Reason = "",
    guard: GuardRule = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Make a version the champion and publish its index.

    If it beats the present one by a paired test over users, and is not worse than the guards allow in coverage, Gini,
    gaps between groups of users, or latency.
    """
    session = start(ctx, home, store, as_json)
    if force != bool(reason.strip()):
        raise InvalidData("--force and --reason belong together", valid="both, or neither",
                          remedy="interlace models promote VERSION --force --reason 'why'")  # fmt: skip
    from serving.workflow import guards_of, open_registry

    guards = guards_of(session.settings, parse_settings(guard or [], option="--guard"))
    registry = open_registry(session.settings.mlflow, guards=guards)
    done = registry.promote(version, snapshot=_served_snapshot(session), reason=reason.strip())
    if not done.promoted:
        raise Conflict(f"version {done.version} was not promoted: {done.why}",
                       valid="a model better beyond luck, and within the guards",
                       remedy="train longer or on more data; loosen a --guard; or --force --reason 'why'")  # fmt: skip
    _answer(session, registry, done)


def stage(
    ctx: typer.Context, version: ChosenVersion, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Publish a version's index beside the champion's: for arms of experiments, and for a shadow."""
    session = start(ctx, home, store, as_json)
    from serving.workflow import open_registry, publish_version, thaw

    registry = open_registry(session.settings.mlflow)
    found = registry.find(version)
    with session.reporter.step("publishing the index") as step:
        frozen = thaw(session.home, found.snapshot)
        folder = publish_version(frozen, registry, found, session.home, step.note, current=False,
                                 k_anonymity=session.settings.k_anonymity)  # fmt: skip
    payload = {"version": found.version, "index": folder.name}
    session.answer(
        payload, lambda console: console.print(f"version {found.version} is index {folder.name}: not current")
    )


def rollback(ctx: typer.Context, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """Make the champion before this one champion again, and publish its index."""
    session = start(ctx, home, store, as_json)
    from serving.workflow import open_registry

    registry = open_registry(session.settings.mlflow)
    _answer(session, registry, registry.rollback(snapshot=_served_snapshot(session)))


def _served_snapshot(session: Session) -> str | None:
    """Hash of the snapshot in the published index; None when nothing is published yet."""
    from graph.errors import NotFound
    from serving.index import open_index

    try:
        return open_index(session.home).snapshot
    except NotFound:
        return None


def _answer(session: Session, registry: Registry, done: Promotion) -> None:
    from serving.workflow import publish_version, thaw

    version = registry.find(done.version)
    with session.reporter.step("publishing the index") as step:
        frozen = thaw(session.home, version.snapshot)
        folder = publish_version(frozen, registry, version, session.home, step.note,
                                 k_anonymity=session.settings.k_anonymity)  # fmt: skip
    payload = {**asdict(done), "index": folder.name}
    session.answer(payload, lambda console: console.print(f"version {done.version} is the champion: {done.why}"))
