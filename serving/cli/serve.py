"""`interlace serve` and `mlflow`: the two servers a person looks at, both on this machine alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from serving.settings import Settings

PANEL = "Use it"

Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="0 takes a free one.", show_default="8421")]
Host = Annotated[str | None, typer.Option("--host", help="Address to bind to.", show_default="127.0.0.1")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Worker processes.", show_default="1")]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")]
UiPort = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of MLflow's page.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(
        "serve",
        rich_help_panel=PANEL,
        epilog=examples(
            ("interlace serve", "the page and the API at http://127.0.0.1:8421"),
            ("interlace serve --port 0 --json", "on a free port; the address as one object, then it serves"),
            ("interlace serve --workers 4", "four processes that share one index"),
        ),
    )(serve)
    app.command(
        "mlflow",
        rich_help_panel="Operate",
        epilog=examples(("interlace mlflow", "runs, models and metrics at http://127.0.0.1:5000")),
    )(mlflow)


def serve(
    ctx: typer.Context,
    port: Port = None,
    host: Host = None,
    workers: Workers = None,
    open_page: Open = False,
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Serve the page and the HTTP API from the published index, until Ctrl-C."""
    session = start(ctx, home, store, as_json, port=port, host=host, workers=workers)
    run(session, session.settings, open_page=open_page)


def run(session: Session, settings: Settings, *, open_page: bool) -> None:
    """Serves; says at which address, and opens the page there."""
    from serving.run import serve as serve_until_stopped

    def started(address: str) -> None:
        text = f"Interlace is at [bold cyan]{address}[/]  [dim]API: {address}/v1/openapi.json · stop: Ctrl-C[/]"
        session.answer({"address": address}, lambda console: console.print(text))
        if open_page:
            import webbrowser

            webbrowser.open(address)

    serve_until_stopped(settings, on_start=started)


def mlflow(
    ctx: typer.Context, port: UiPort = 5000, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Open MLflow on this project's runs and models, until Ctrl-C."""
    session = start(ctx, home, store, as_json)
    from serving.mlflow_ui import serve_ui

    def started(address: str) -> None:
        page = f"{address}/#/experiments?workflowType=machine_learning"  # MLflow's first page is about language models
        text = f"MLflow is at [bold cyan]{page}[/]  [dim]stop: Ctrl-C[/]"
        session.answer({"address": address}, lambda console: console.print(text))

    serve_ui(session.settings.mlflow, port, on_start=started)
