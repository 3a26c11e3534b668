"""`interlace keys`: who may use the server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.errors import InvalidData
from serving.cli.session import Home, Json, Session, Store, examples, start

if TYPE_CHECKING:
    from rich.console import Console

    from serving.access.keys import Key, KeyStore

UNITS = {"m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(\d+)([mhd])")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is for, as shown in lists.")]
Named = Annotated[str, typer.Argument(metavar="KEY", help="Id or name of a key in use.")]
Role = Annotated[str, typer.Option("--role", help="reader, writer or admin.", show_default=True)]
Platform = Annotated[str, typer.Option("--platform", metavar="P", help="See and change ids P:… alone.")]
User = Annotated[
    str, typer.Option("--user", metavar="ID", help="A user's own token: this user alone, and the catalogue.")
]
Expires = Annotated[str, typer.Option("--expires", metavar="SPAN", help="End after 30d, 12h or 15m.")]
Grace = Annotated[str, typer.Option("--grace", metavar="SPAN", help="How long the old secret stays good, as 1h.")]


def add_to(app: typer.Typer) -> None:
    """Adds this group's commands."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    group.command(
        "create",
        epilog=examples(
            ("interlace keys create shop --role writer --platform shop", "a shop that sends items and events"),
            ("interlace keys create dashboard --role reader --expires 30d", "for a month"),
            ("interlace keys create app-196 --user movielens:196", "a user's own token"),
        ),
    )(create)
    group.command("list", epilog=examples(("interlace keys list", "every key; secrets are not kept")))(list_)
    group.command(
        "rotate", epilog=examples(("interlace keys rotate shop --grace 1h", "a new secret; the old one lasts an hour"))
    )(rotate)  # fmt: skip
    group.command("revoke", epilog=examples(("interlace keys revoke shop", "at once, in every worker")))(revoke)
    app.add_typer(
        group,
        name="keys",
        rich_help_panel="Operate",
        help="Make, list, rotate and revoke API keys.",
        epilog=examples(
            ("interlace keys create ops --role admin", "shown once"), ("interlace keys list", "who may use the server")
        ),
    )


def create(
    ctx: typer.Context,
    name: Name,
    role: Role = "reader",
    platform: Platform = "",
    user: User = "",
    expires: Expires = "",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, once: only a hash of it is kept."""
    session = start(ctx, home, store, as_json)
    with opened(session) as keys:
        key, text = keys.create(name, role, platform=platform, user=user, lifetime=seconds(expires))
    note(session, "key-create", key)
    show_once(session, key, text)


def list_(ctx: typer.Context, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """List every key: role, bounds, when it ends, whether it is in use."""
    session = start(ctx, home, store, as_json)
    with opened(session) as keys:
        found = keys.all()
    now = time.time()

    def show(console: Console) -> None:
        from rich.table import Table

        table = Table("id", "name", "role", "sees", "made", "ends", "", box=None)
        for one in found:
            table.add_row(one.id, one.name, one.role, one.user or one.platform or "everything", day(one.created),
                          day(one.expires), one.state(now))  # fmt: skip
        console.print(table if found else "there is no key yet: interlace keys create NAME --role admin")

    session.answer({"keys": [public(one, now) for one in found]}, show)


def rotate(
    ctx: typer.Context,
    named: Named,
    grace: Grace = "",
    home: Home = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Give a key another secret, shown once. Without --grace the old one is no good from now on."""
    session = start(ctx, home, store, as_json)
    with opened(session) as keys:
        key, text = keys.rotate(named, grace=seconds(grace) or 0.0)
    note(session, "key-rotate", key)
    show_once(session, key, text)


def revoke(
    ctx: typer.Context, named: Named, home: Home = None, store: Store = None, as_json: Json = False
) -> None:  # fmt: skip
    """End a key. Every worker refuses it within a second."""
    session = start(ctx, home, store, as_json)
    with opened(session) as keys:
        key = keys.revoke(named)
    note(session, "key-revoke", key)
    session.answer(public(key, time.time()), lambda console: console.print(f"key {key.id} ({key.name}) is revoked"))


@contextmanager
def opened(session: Session) -> Iterator[KeyStore]:
    """The keys of the home."""
    from serving.access.keys import KeyStore

    keys = KeyStore(session.home)
    try:
        yield keys
    finally:
        keys.close()


def note(session: Session, act: str, key: Key) -> None:
    """Writes the act into the audit log."""
    from serving.access.audit import FILE, AuditLog

    log = AuditLog(session.home / FILE, session.settings.audit_bytes)
    log.write({"caller": "command", "act": act, "target": key.id, "name": key.name, "role": key.role,
               "platform": key.platform, "user": key.user})  # fmt: skip
    log.close()


def show_once(session: Session, key: Key, text: str) -> None:
    """The key itself, which nobody can ask for again."""

    def show(console: Console) -> None:
        console.print(f"[bold cyan]{text}[/]", soft_wrap=True)
        console.print(f"[dim]{key.role}, sees {key.user or key.platform or 'everything'}, ends {day(key.expires)}. "
                      "Keep it now: it is not shown again.[/]")  # fmt: skip

    session.answer({"key": text, **public(key, time.time())}, show)


def public(key: Key, now: float) -> dict[str, Any]:
    """A key as JSON, without what is secret."""
    return {
        "id": key.id, "name": key.name, "role": key.role, "platform": key.platform or None, "user": key.user or None,
        "created": key.created, "expires": key.expires, "revoked": key.revoked, "state": key.state(now),
    }  # fmt: skip


def seconds(span: str) -> float | None:
    """`30d`, `12h`, `15m` as seconds; None for nothing. Raises `InvalidData`."""
    if not span:
        return None
    found = _SPAN.fullmatch(span)
    if found is None or not int(found[1]) or len(found[1]) > 6:
        raise InvalidData(f"the span {span!r}", valid="a number of days, hours or minutes: 30d, 12h, 15m",
                          remedy="correct it")  # fmt: skip
    return float(int(found[1]) * UNITS[found[2]])


def day(when: float | None) -> str:
    """A Unix time for people; `never` for None."""
    return "never" if when is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(when))
