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

    from graph.private import Cipher
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
UserId = Annotated[str, typer.Argument(metavar="USER", help="User id, platform:native.")]
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
    group.command(
        "pseudonym", epilog=examples(("interlace keys pseudonym shop:42", "what to look for in logs and audit.jsonl"))
    )(pseudonym_of)
    group.command("revoke", epilog=examples(("interlace keys revoke shop", "at once, in every worker")))(revoke)
    group.command(
        "create-private",
        epilog=examples(("interlace keys create-private", "the file that INTERLACE_PRIVATE_KEY_FILE names")),
    )(create_private)
    group.command(
        "rotate-private",
        epilog=examples(("interlace keys rotate-private", "private properties are written anew; the old key goes")),
    )(rotate_private)
    group.command(
        "show-private",
        epilog=examples(("interlace keys show-private shop:42", "what is kept encrypted of user 42")),
    )(show_private)
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


def create_private(ctx: typer.Context, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """Make the file of keys for private properties, for its owner's eyes alone."""
    session = start(ctx, home, store, as_json)
    from serving.private import key_file

    file = key_file(session.settings)
    file.create()
    note_act(session, {"act": "private-key-create", "target": str(file.path)})
    payload = {"file": str(file.path)}
    told = f"{file.path} is made. Keep a copy of it apart from the data: without it nobody can read them."
    session.answer(payload, lambda console: console.print(told))


def rotate_private(ctx: typer.Context, home: Home = None, store: Store = None, as_json: Json = False) -> None:
    """Give private properties another key. Goes on where it was cut short; encrypts what is still in the clear."""
    session = start(ctx, home, store, as_json)
    from serving.private_rotation import rotate

    cipher = _cipher(session)
    with session.store() as graph:
        written = rotate(graph, session.home, cipher)
    note_act(session, {"act": "private-key-rotate", "target": str(cipher.keys.path)})
    session.answer({"written": written}, lambda console: console.print(f"properties of {written:,} users written anew"))


def show_private(
    ctx: typer.Context, user: UserId, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Decrypt what is kept encrypted of a user. Written into the audit log."""
    session = start(ctx, home, store, as_json)
    from graph.errors import NotFound
    from graph.queries import node_of
    from graph.schema import USER

    cipher = _cipher(session)
    with session.store() as graph:
        rows = graph.query(node_of(USER), {"id": user}).rows
    if not rows:
        raise NotFound(f"no user {user!r} in the graph", valid="an id that GET /v1/users finds", remedy="check the id")
    note_act(session, {"act": "private-show", "target": logged_name(session, user)})
    found = {name: cipher.show(user, name, value) for name, value in rows[0][0].items() if cipher.is_private(name)}
    session.answer({"user": user, "private": found}, lambda console: console.print_json(data=found))


def pseudonym_of(
    ctx: typer.Context, user: UserId, home: Home = None, store: Store = None, as_json: Json = False
) -> None:
    """Show the name that a user has in the server's log and in the audit log."""
    session = start(ctx, home, store, as_json)
    from serving.observe.logs import log_key, pseudonym

    name = pseudonym(log_key(session.home), user)
    session.answer({"user": user, "name": name}, lambda console: console.print(name))


def _cipher(session: Session) -> Cipher:
    from serving.private import cipher_of

    cipher = cipher_of(session.settings)
    if cipher is None:
        raise InvalidData("no property is private", valid="names in INTERLACE_PRIVATE_PROPERTIES: email,name",
                          remedy="set it, and INTERLACE_PRIVATE_KEY_FILE")  # fmt: skip
    return cipher


def note(session: Session, act: str, key: Key) -> None:
    """Writes the act into the audit log."""
    note_act(session, {"act": act, "target": key.id, "name": key.name, "role": key.role, "platform": key.platform,
                       "user": key.user and logged_name(session, key.user)})  # fmt: skip


def logged_name(session: Session, user: str) -> str:
    """A user's name in logs."""
    from serving.observe.logs import log_key, pseudonym

    return user if session.settings.audit_ids else pseudonym(log_key(session.home), user)


def note_act(session: Session, entry: dict[str, Any]) -> None:
    """The same of any act."""
    from serving.access.audit import FILE, AuditLog

    log = AuditLog(session.home / FILE, session.settings.audit_bytes)
    log.write({"caller": "command", **entry})
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
