"""What every command starts with: settings from the environment and the options, and how it answers.

`start` is called once, first thing, by each command; nothing below an entry point reads the environment.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from graph.errors import NotFound

if TYPE_CHECKING:
    from rich.console import Console

    from graph.store import GraphStore
    from serving.progress import Reporter
    from serving.settings import Settings

EVERYWHERE = "Everywhere"

Home = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Folder of everything Interlace writes. [dim]default: ./.interlace[/]",
                 rich_help_panel=EVERYWHERE, show_default=False),
]  # fmt: skip
Store = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", show_default=False, rich_help_panel=EVERYWHERE,
                 help="Graph store: local:DIR, bolt://host:7687 or neo4j://host. [dim]default: local, below home[/]"),
]  # fmt: skip
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout, all else on stderr.", rich_help_panel=EVERYWHERE),
]


@dataclass(frozen=True)
class Options:
    """The options that may stand before the command as well as after it."""

    home: Path | None = None
    store: str | None = None
    as_json: bool = False


@dataclass(frozen=True)
class Session:
    """One run of one command. `out` is the real stdout: with `--json`, prints of others are sent to stderr."""

    settings: Settings
    as_json: bool
    reporter: Reporter
    out: TextIO

    @property
    def home(self) -> Path:
        return self.settings.home

    @contextmanager
    def store(self) -> Iterator[GraphStore]:
        """The graph store, open within the block."""
        from serving.connect import connect

        store = connect(self.settings)
        try:
            yield store
        finally:
            store.close()

    def answer(self, payload: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """The command's result: one JSON object with `--json`, else what `show` prints for people."""
        if self.as_json:
            write_json(payload, self.out)
            return
        from rich.console import Console

        show(Console(file=self.out, highlight=False))


def start(ctx: typer.Context, home: Path | None, store: str | None, as_json: bool, **overrides: Any) -> Session:
    """The session of this command: environment, then the options before the command, then those after it.

    Raises `InvalidData` naming the variable when a setting in the environment is not valid.
    """
    from serving.progress import open_reporter
    from serving.settings import read_settings

    before = ctx.obj if isinstance(ctx.obj, Options) else Options()
    as_json = as_json or before.as_json
    given = {"home": home or before.home, "store": store or before.store, **overrides}
    settings = read_settings({name: value for name, value in given.items() if value is not None})
    session = Session(settings, as_json, open_reporter(plain=as_json), sys.stdout)
    ctx.find_root().obj = session
    if as_json:
        ctx.with_resource(redirect_stdout(sys.stderr))
    return session


def embedder(session: Session) -> Callable[..., Any]:
    """(snapshot, folder) -> its item embeddings, by the encoders and the cache of the home."""

    def embed(snapshot: Any, folder: Path) -> Any:
        from encoders.encode import embed_folder

        return embed_folder(snapshot, folder, home=session.home)

    return embed


def require(path: Path) -> None:
    """Raises `NotFound` for a path that is not there: before a store is started for it."""
    if not path.exists():
        raise NotFound(
            f"no file or folder {str(path)!r}", valid="an existing dataset folder or file", remedy="correct the path"
        )


def write_json(payload: Mapping[str, Any], out: TextIO) -> None:
    """One object on one line. NumPy values become numbers and lists, paths strings, unknown numbers null."""
    text = json.dumps(finite(payload), ensure_ascii=False, allow_nan=False)
    out.write(text + "\n")
    out.flush()


def finite(value: Any) -> Any:
    """`value` with only what JSON has: NaN and infinities are null."""
    if isinstance(value, Mapping):
        return {str(name): finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Path):
        return str(value)
    return finite(value.tolist())


def examples(*lines: tuple[str, str]) -> str:
    """The examples under a command's help: (command line, what it does)."""
    shown = "\n".join(f"[cyan]{command}[/]  [dim]# {what}[/]" for command, what in lines)
    return f"[bold]Examples[/]\n\n{shown}"
