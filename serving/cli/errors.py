"""How the command line fails: an `InterlaceError` is a message and exit 2; anything else is a bug: exit 1."""

from __future__ import annotations

import errno
import sys
import traceback
from types import TracebackType
from typing import Any

import typer
from typer.core import TyperGroup

from graph.errors import Conflict, InterlaceError, InvalidData
from serving.cli.session import Options, Session, write_json

HINT = (
    "\nThis is a fault in Interlace, not in what you gave it. `interlace doctor` checks the installation; "
    "otherwise report the lines above together with the command.\n"
)


class ErrorGroup(TyperGroup):
    """The root command: turns errors that a person can mend into messages."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer makes its own Context, always
        try:
            return super().invoke(ctx)
        except InterlaceError as error:
            _report(ctx, error)
        except BrokenPipeError:
            raise  # the reader of our output went away: typer ends quietly
        except OSError as error:
            _report(ctx, from_os(error))
        raise typer.Exit(2)


def from_os(error: OSError) -> InterlaceError:
    """A full disk, a folder without permission and their like, with a remedy."""
    path = f" ({error.filename})" if error.filename else ""
    remedies = {
        errno.ENOSPC: "free some space, or choose another --home",
        errno.EACCES: "mend the permissions, or choose another --home",
        errno.EROFS: "choose a --home that can be written",
        errno.EADDRINUSE: "choose another --port, or stop the program that holds it",
    }
    kind = Conflict if error.errno == errno.EADDRINUSE else InvalidData
    remedy = remedies.get(error.errno or 0, "check the path and try again")
    return kind(f"{error.strerror or error}{path}", remedy=remedy)


def _report(ctx: typer.Context, error: InterlaceError) -> None:
    """To stderr for people; with `--json` also as the one object on stdout."""
    found = ctx.find_root().obj
    sys.stderr.write(f"{error.title}: {error.what}.\n")
    if error.valid:
        sys.stderr.write(f"  Valid:  {error.valid}\n")
    if error.remedy:
        sys.stderr.write(f"  Remedy: {error.remedy}\n")
    if isinstance(found, Session | Options) and found.as_json:
        out = found.out if isinstance(found, Session) else sys.stdout
        write_json({"error": as_dict(error)}, out)


def as_dict(error: InterlaceError) -> dict[str, str | int]:
    """The members of the API's problem+json."""
    return {
        "title": error.title,
        "status": error.status,
        "detail": error.what,
        "valid": error.valid,
        "remedy": error.remedy,
    }


def report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The interpreter's last word on an error nobody expected (`sys.excepthook`; the exit code is 1)."""
    traceback.print_exception(kind, error, trace, file=sys.stderr)
    sys.stderr.write(HINT)
