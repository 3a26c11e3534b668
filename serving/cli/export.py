"""`interlace export-graph`: the graph into files, into another Neo4j, or as tensors for PyG and DGL.

(`interlace export USER` is another thing: what is known of one person.)
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from graph.errors import InvalidData
from serving.cli.graph import show_fields
from serving.cli.ingest_options import Rate, is_neo4j, read_password
from serving.cli.session import Home, Json, Session, Store, examples, start

PANEL = "Build the graph"
TENSORS = ("pyg", "dgl")

Folder = Annotated[Path | None, typer.Argument(metavar="DIR", help="New folder to write.", show_default=False)]
Format = Annotated[
    str,
    typer.Option("--format", metavar="NAME",
                 help="csv, parquet, jsonl, ntriples, turtle, neo4j-csv, recbole, pyg or dgl."),
]  # fmt: skip
Embeddings = Annotated[bool, typer.Option("--embeddings", help="The vectors on the nodes too.")]
Derived = Annotated[
    bool, typer.Option("--derived", help="What Interlace wrote back too: recommendations, similar, tags.")
]
Platform = Annotated[
    str | None,
    typer.Option("--platform", metavar="NAME", help="recbole: the platform to write, where there are several.",
                 show_default=False),
]  # fmt: skip
Target = Annotated[
    str | None,
    typer.Option("--to", metavar="URL", help="Into another store instead: bolt://HOST:7687.", show_default=False),
]
TargetUser = Annotated[
    str | None, typer.Option("--to-user", metavar="NAME", help="User of that Neo4j.", show_default="neo4j")
]
TargetPassword = Annotated[
    Path | None,
    typer.Option("--to-password-file", metavar="FILE", help="File that holds its password.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "export-graph",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace export-graph backup --format parquet --embeddings", "everything; ingest backup brings it back"),
            ("interlace export-graph rdf --format turtle", "for other tools: RDF"),
            ("interlace export-graph --to bolt://other:7687 --to-password-file pw", "into another Neo4j"),
            ("interlace export-graph tensors --format pyg", "HeteroData of PyTorch Geometric"),
        ),
    )(export_graph)


def export_graph(
    ctx: typer.Context,
    folder: Folder = None,
    format_: Format = "csv",
    embeddings: Embeddings = False,
    derived: Derived = False,
    platform: Platform = None,
    to: Target = None,
    to_user: TargetUser = None,
    to_password_file: TargetPassword = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Write the whole graph to files (whole, or not at all), or copy it into another Neo4j."""
    session = start(ctx, home, store, as_json)
    from graph.export.read import What

    what = What(embeddings=embeddings, derived=derived)
    if (folder is None) == (to is None):
        raise InvalidData("where to is not clear", valid="a folder, or --to URL", remedy="give one of them")
    if to is not None:
        _copy(session, to, to_user, to_password_file, what)
    elif folder is not None and format_ in TENSORS:
        _tensors(session, folder, format_)
    elif folder is not None:
        _files(session, folder, format_, what, platform)


def _files(session: Session, folder: Path, name: str, what: Any, platform: str | None) -> None:
    from graph.export.write import export_graph as write

    with session.reporter.step(f"writing {folder}") as step, session.store() as graph:
        rate = Rate(step)
        rows = 0

        def watch(more: int) -> None:
            nonlocal rows
            rows += more
            rate("reading", rows, None)

        report = write(graph, folder, format=name, what=what, platform=platform, progress=watch)
    session.answer(asdict(report), lambda console: show_fields(console, asdict(report)))


def _copy(session: Session, to: str, user: str | None, password: Path | None, what: Any) -> None:
    from graph.export.as_source import store_source
    from graph.ingest import ingest
    from graph.store import open_store

    secret = read_password(password, "--to-password-file")
    if not is_neo4j(to):
        raise InvalidData(f"{to!r} is no Neo4j", valid="bolt://HOST:7687 or neo4j://HOST", remedy="correct --to")
    if to == session.settings.store_url:
        raise InvalidData(f"{to!r} is the store itself", valid="another one", remedy="correct --to")
    target = open_store(to, user=user, password=secret)
    try:
        with session.reporter.step(f"copying into {to}") as step, session.store() as graph:
            report = ingest(target, store_source(graph, what), home=session.home, watch=Rate(step))
    finally:
        target.close()
    session.answer(asdict(report), lambda console: show_fields(console, asdict(report)))


def _tensors(session: Session, folder: Path, name: str) -> None:
    from training.export_graphs import check_library, save_graph

    check_library(name)
    from serving.workflow import freeze

    with session.reporter.step(f"writing {folder}"), session.store() as graph:
        report = save_graph(
            freeze(graph, session.home, session.settings.consent_defaults).snapshot, folder, library=name
        )
    session.answer(report, lambda console: show_fields(console, report))
