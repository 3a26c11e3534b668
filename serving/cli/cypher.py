"""`interlace cypher`: reads the graph as the API does: the same guard, the same reader, the same formats."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from graph.errors import InvalidData, NotFound
from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from graph.result_answer import Answer

PANEL = "Use it"
STDIN = "-"


class Form(StrEnum):
    """How the answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"
    NDJSON = "ndjson"


Query = Annotated[str | None, typer.Argument(metavar="[QUERY]", help="The query; - reads it from standard input.")]
File = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read the query from a file.")]
Parameter = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A value of $NAME, as JSON or plain text; repeat it."),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many rows.", show_default="1000")]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Seconds it may run.", show_default="10")]
Chosen = Annotated[Form, typer.Option("--format", "-f", help="How to print the answer.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.")]
Embeddings = Annotated[bool, typer.Option("--embeddings", help="Show the embeddings of nodes.")]
Private = Annotated[bool, typer.Option("--show-private", help="Show e-mail, secrets and other hidden properties.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "cypher",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace cypher 'MATCH (i:Item) RETURN i.title, i.year LIMIT 5'", "a table"),
            (
                "interlace cypher -p user=movielens:196 'MATCH (:User {id: $user})--(i) RETURN i.title'",
                "with a parameter",
            ),
            ("interlace cypher --file top.cypher --format csv -o top.csv", "a query from a file, into a file"),
            ("echo 'MATCH (n) RETURN labels(n), count(*)' | interlace cypher - -f json", "from standard input"),
        ),
    )(cypher)


def cypher(
    ctx: typer.Context,
    query: Query = None,
    file: File = None,
    parameter: Parameter = None,
    limit: Limit = None,
    timeout: Timeout = None,
    form: Chosen = Form.TABLE,
    output: Output = None,
    embeddings: Embeddings = False,
    show_private: Private = False,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Ask the graph in Cypher. Only reads: what would write is refused before it reaches the store."""
    session = start(ctx, home, store, as_json)
    from graph.guard.policy import Policy
    from graph.reader import Question, open_reader
    from graph.reader_ask import asked
    from serving.policy import policy_of

    text, values = query_text(query, file), parameters(parameter or [])
    question = Question(text, values, _limits(session, limit, timeout), embeddings)
    policy = Policy() if show_private else policy_of(session.settings)
    form = Form.JSON if session.as_json and form is Form.TABLE else form
    with (
        session.store() as graph,
        closing(open_reader(graph)) as reader,
        asked(reader, question, policy) as answer,
        _target(session, output) as out,
    ):
        _write(session, answer, form, out)
    if answer.truncated:
        sys.stderr.write(f"Cut off: there are more rows than these (--limit {question.limits.rows}).\n")


def query_text(query: str | None, file: Path | None) -> str:
    """The query, from wherever it stands. Raises `InvalidData` unless it stands in exactly one place."""
    if (query is None) == (file is None):
        raise InvalidData(
            "no query" if query is None else "two queries: an argument and --file",
            valid="QUERY, - for standard input, or --file FILE",
            remedy="interlace cypher 'MATCH (n) RETURN labels(n), count(*)'",
        )
    if file is not None:
        if not file.is_file():
            raise NotFound(f"no file {str(file)!r}", valid="a file that holds one query", remedy="correct --file")
        return file.read_text(encoding="utf-8")
    return sys.stdin.read() if query == STDIN else str(query)


def parameters(given: list[str]) -> dict[str, Any]:
    """`year=1999` is a number, `name=Ann` a text, `name='"1999"'` a text that looks like a number."""
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.removeprefix("$"):
            raise InvalidData(
                f"--parameter {one!r} is no NAME=VALUE",
                valid='user=movielens:196, year=1999, \'ids=["a", "b"]\'',
                remedy="write the name, =, and the value as JSON or plain text",
            )
        found[name.removeprefix("$")] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _limits(session: Session, limit: int | None, timeout: float | None) -> Any:
    from graph.reader import ReadLimits

    if timeout is not None and timeout <= 0:
        raise InvalidData(f"--timeout {timeout:g}", valid="seconds, more than 0", remedy="allow it some time")
    settings = session.settings
    return ReadLimits(timeout or settings.cypher_timeout, limit or settings.cypher_rows)


@contextmanager
def _target(session: Session, output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield session.out.buffer
        session.out.flush()
        return
    with output.open("wb") as file:
        yield file


def _write(session: Session, answer: Answer, form: Form, out: BinaryIO) -> None:
    if form is Form.TABLE:
        from serving.cli.cypher_table import print_table

        print_table(answer, out, width=None if out is session.out.buffer else 200)
        return
    from graph.result_formats import FORMATS

    out.writelines(FORMATS[form].blocks(answer, session.settings.cypher_bytes))
    if form is Form.JSON:
        out.write(b"\n")
    out.flush()
