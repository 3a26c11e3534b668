"""`interlace ingest` and `encode`: what fills the graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import Unsupported
from serving.cli.ingest_options import Rate, is_neo4j, open_place
from serving.cli.session import Home, Json, Session, Store, examples, require, start

if TYPE_CHECKING:
    from rich.console import Console

    from encoders.pipeline import Team
    from encoders.report import EncodeReport
    from graph.neo4j_offline import OfflineReport

PANEL = "Build the graph"


class Modality(StrEnum):
    """What the encoders of this version read."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"


Source = Annotated[str, typer.Argument(metavar="PATH", help="Folder or file to read, or bolt://HOST: a running Neo4j.")]
Platform = Annotated[
    str | None,
    typer.Option("--platform", metavar="NAME", help="Where the ids come from: shop, movielens… A graph that "
                 "`export-graph` wrote says it itself.", show_default=False),
]  # fmt: skip
Format = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="NAME", help="folder, graph, rdf, recbole or movielens.", show_default="found out"
    ),
]
SameUsers = Annotated[bool, typer.Option("--same-users", help="Equal user ids on several platforms are one person.")]
Sync = Annotated[
    bool, typer.Option("--sync", help="The source is all there is of its platform: delete what it no longer holds.")
]
GRAPHS = "Graphs of others"
Map = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE", help="TOML: what the labels, types and properties of a graph mean.",
                 show_default=False, rich_help_panel=GRAPHS),
]  # fmt: skip
UserLabels = Annotated[
    list[str] | None,
    typer.Option("--users", metavar="LABEL", help="Label of the users; may be repeated.", show_default=False,
                 rich_help_panel=GRAPHS),
]  # fmt: skip
ItemLabels = Annotated[
    list[str] | None,
    typer.Option("--items", metavar="LABEL", help="Label of the items; may be repeated.", show_default=False,
                 rich_help_panel=GRAPHS),
]  # fmt: skip
Interactions = Annotated[
    list[str] | None,
    typer.Option("--interaction", metavar="TYPE=KIND", help="BOUGHT=purchased; may be repeated.", show_default=False,
                 rich_help_panel=GRAPHS),
]  # fmt: skip
SourceUser = Annotated[
    str | None,
    typer.Option("--source-user", metavar="NAME", help="User of the Neo4j that is read.", show_default="neo4j",
                 rich_help_panel=GRAPHS),
]  # fmt: skip
SourcePassword = Annotated[
    Path | None,
    typer.Option("--source-password-file", metavar="FILE", help="File that holds its password.", show_default=False,
                 rich_help_panel=GRAPHS),
]  # fmt: skip
Posters = Annotated[
    Path | None, typer.Option("--posters", metavar="DIR", help="Images named by item id.", show_default=False)
]
Refused = Annotated[
    float, typer.Option("--max-refused", min=0, max=1, help="Share of bad rows that is still accepted.")
]  # fmt: skip
Modalities = Annotated[
    list[Modality] | None,
    typer.Option("--modality", help="What to encode; may be repeated.", show_default="text, image and audio"),
]
Text = Annotated[
    str | None,
    typer.Option("--text", metavar="NAME", help="Text encoder.", show_default="the last named, else the offline one"),
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="NAME", help="Image encoder.", show_default="the last named, else the offline one"),
]
Processes = Annotated[
    int, typer.Option("--processes", min=1, max=1024, help="Processes that share the encoding, through Ray.")
]
Ray = Annotated[str, typer.Option("--ray", metavar="ADDRESS", help="Their cluster: local, auto or ray://HOST:PORT.")]
Audio = Annotated[
    str | None,
    typer.Option("--audio", metavar="NAME", help="Audio encoder.", show_default="the last named, else the offline one"),
]


OFFLINE = "Into a stopped Neo4j"
Offline = Annotated[
    Path | None,
    typer.Option("--offline", metavar="NEO4J_HOME", help="By Neo4j's own importer, before its first start.",
                 show_default=False, rich_help_panel=OFFLINE),
]  # fmt: skip
Admin = Annotated[
    str | None,
    typer.Option("--neo4j-admin", metavar="COMMAND", help="How it is started.", rich_help_panel=OFFLINE,
                 show_default="NEO4J_HOME/bin/neo4j-admin"),
]  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "ingest",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace ingest my-shop/ --platform shop", "a dataset folder: interactions.csv, items.csv…"),
            ("interlace ingest ml-1m/ --platform movielens", "MovieLens' own files, found out by their names"),
            ("interlace ingest ml-100k/ --platform movielens --posters posters/", "with pictures"),
            ("interlace ingest my-shop/ --platform shop --store bolt://db:7687", "into Neo4j"),
            ("interlace ingest my-shop/ --platform shop --sync", "what the folder no longer holds is deleted"),
            ("interlace ingest backup/", "a graph that export-graph wrote, as it was"),
            ("interlace ingest my-shop/ --platform shop --offline /var/lib/neo4j", "into an empty Neo4j, much faster"),
            (
                "interlace ingest bolt://crm:7687 --platform crm --users Customer --items Product "
                "--interaction BOUGHT=purchased",
                "out of another Neo4j",
            ),
        ),
    )(ingest)
    app.command(
        "encode",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace encode", "titles, texts and pictures of all items; what is encoded already costs nothing"),
            ("interlace encode --modality text", "text alone"),
        ),
    )(encode)


def ingest(
    ctx: typer.Context,
    path: Source,
    platform: Platform = None,
    posters: Posters = None,
    format_: Format = None,
    max_refused: Refused = 0.01,
    same_users: SameUsers = False,
    sync: Sync = False,
    map_: Map = None,
    users: UserLabels = None,
    items: ItemLabels = None,
    interactions: Interactions = None,
    source_user: SourceUser = None,
    source_password_file: SourcePassword = None,
    offline: Offline = None,
    neo4j_admin: Admin = None,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Load a data set into the graph, all or nothing. Bad rows go to a file with their reason."""
    session = start(ctx, home, store, as_json)
    if not is_neo4j(path):
        require(Path(path))
    from graph.ingest import ingest as load
    from graph.sources.graph_map import make_map
    from serving.private import cipher_of

    mapping = make_map(users=users or (), items=items or (), interactions=interactions or (), file=map_)
    cipher = cipher_of(session.settings)
    if cipher is not None and offline is not None:
        raise Unsupported("private properties with --offline", valid="an ingest into a store that runs",
                          remedy="leave --offline out: the importer's files would hold them in the clear")  # fmt: skip
    with session.reporter.step(f"ingesting {path}") as step:
        source = open_place(path, format=format_, mapping=mapping, user=source_user, password=source_password_file)
        if offline is not None:
            found = import_source(source, session, platform, offline, neo4j_admin, same_users, max_refused, Rate(step))
            session.answer(asdict(found), lambda console: show_fields(console, asdict(found)))
            return
        with session.store() as graph:
            report = load(
                graph,
                source,
                platform=platform,
                home=session.home,
                posters=posters,
                max_refused=max_refused,
                same_users=same_users,
                sync=sync,
                watch=Rate(step),
                cipher=cipher,
            )
            known = Known(graph.url, format_, posters, max_refused, same_users, sync)
    if not is_neo4j(path) and not mapping:
        keep_in_mind(session.home, Path(path), platform, known)
    session.answer(asdict(report), lambda console: show_fields(console, asdict(report)))


def import_source(
    source: Any,
    session: Session,
    platform: str | None,
    neo4j_home: Path,
    admin: str | None,
    same_users: bool,
    max_refused: float,
    watch: Rate,
) -> OfflineReport:
    """Into a stopped Neo4j; says what to do next."""
    from graph.ingest import checked
    from graph.neo4j_offline import admin_command, import_offline

    report = import_offline(
        checked(source, platform, None),
        platform=platform or "graph",
        neo4j_home=neo4j_home,
        home=session.home,
        admin=admin_command(neo4j_home, admin),
        same_users=same_users,
        max_refused=max_refused,
        watch=watch,
    )
    session.reporter.say(
        "Start Neo4j, then ingest the same once more with --store bolt://…: nothing changes, the constraints are made."
    )
    return report


@dataclass(frozen=True)
class Known:
    """How a source was read, to be read so again."""

    store: str
    format: str | None
    posters: Path | None
    max_refused: float
    same_users: bool
    sync: bool


def keep_in_mind(home: Path, path: Path, platform: str | None, known: Known) -> None:
    """Lets `interlace refresh` read the source again. A running Neo4j or a graph with a map is not remembered."""
    from graph.ingest import WHOLE
    from serving.refresh_sources import Source as Remembered
    from serving.refresh_sources import remember

    remember(home, Remembered(path=path, platform=platform or WHOLE, **asdict(known)))


@contextmanager
def _team(processes: int, ray: str) -> Iterator[Team | None]:
    """Processes that share the encoding; None for this one alone."""
    if processes == 1:
        yield None
        return
    from encoders.ray_pool import ray_pool

    with ray_pool(processes, ray) as team:
        yield team


def encode(
    ctx: typer.Context,
    modality: Modalities = None,
    text: Text = None,
    image: Image = None,
    audio: Audio = None,
    processes: Processes = 1,
    ray: Ray = "local",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Turn texts, pictures, sounds and videos into vectors on the graph, with a vector index."""
    session = start(ctx, home, store, as_json)
    from encoders.encode import encode_items
    from graph.ingest import recover
    from serving.progress import parts
    from serving.refresh_choice import encoders_of, remember_encoders

    given = {name: value for name, value in (("text", text), ("image", image), ("audio", audio)) if value}
    names = encoders_of(session.home) | given
    with session.reporter.step("encoding") as step, session.store() as graph, _team(processes, ray) as team:
        recover(graph, session.home)
        report = encode_items(
            graph,
            home=session.home,
            modalities=tuple(one.value for one in modality or Modality),
            names=names,
            progress=parts(step),
            team=team,
        )
    remember_encoders(session.home, given)
    session.answer(report.as_dict(), lambda console: show_encoded(console, report))


def show_encoded(console: Console, report: EncodeReport) -> None:
    """One row a modality."""
    from rich.table import Table

    table = Table("", "encoder", "encoded", "from cache", "missing", "refused", "seconds", box=None)
    for one in report.modalities:
        counts = (f"{count:,}" for count in (one.encoded, one.cached, one.missing, one.refused))
        table.add_row(one.modality, one.encoder, *counts, f"{one.seconds:.1f}")
    console.print(table)


def show_fields(console: Console, fields: dict[str, object]) -> None:
    """One line a field of a report; what is empty is left out."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        if value not in (None, "", {}, [], ()):
            table.add_row(f"[dim]{name.replace('_', ' ')}[/]", _text(value))
    console.print(table)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(map(_text, value))
    return str(value)
