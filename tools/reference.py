"""Writes docs/reference/{cli,settings,models}.md from the program itself: `python -m tools.reference`.

With `--check` nothing is written, and the exit code is 1 when a page is not up to date (`tests/test_docs.py`).
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from serving.cli.main import app
from serving.cli.session import EVERYWHERE
from serving.settings import Settings
from training.zoo import ZOO, Model

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by `python -m tools.reference`; change the program, not this page. -->"
_MARKUP = re.compile(r"\[/?(?:[a-z]+(?: [a-z]+)*)?\]")


def pages() -> dict[str, str]:
    """File name -> text."""
    return {"cli.md": cli_page(), "settings.md": settings_page(), "models.md": models_page()}


def plain(text: str) -> str:
    """Without Rich's markup, on one line a paragraph, safe in a table."""
    return _MARKUP.sub("", text).replace("|", "\\|").strip()


def cli_page() -> str:
    """Every command: what it does, usage, arguments, options, examples."""
    root = typer.main.get_command(app)
    parts = ["# Command line", NOTE, plain(root.help or ""), _common(root)]
    parts += [part for words, command in _commands([], root) for part in _command(words, command)]
    return "\n\n".join(parts) + "\n"


def _commands(words: list[str], command: Any) -> Iterator[tuple[list[str], Any]]:
    for name, one in command.commands.items():
        if hasattr(one, "commands"):
            yield from _commands([*words, name], one)
        else:
            yield [*words, name], one


def _common(root: Any) -> str:
    options = [param for param in root.params if getattr(param, "rich_help_panel", None) == EVERYWHERE]
    return "These options stand before the command or after it:\n\n" + _table(options)


def _command(words: list[str], command: Any) -> Iterator[str]:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [
        param
        for param in command.params
        if param.param_type_name == "option" and param.rich_help_panel != EVERYWHERE and param.name != "help"
    ]
    usage = " ".join([*words, *(param.metavar or param.name.upper() for param in arguments)])
    yield f"## interlace {' '.join(words)}"
    yield plain(command.help or "")
    yield f"    interlace {usage}{' [OPTIONS]' if options else ''}"
    if arguments or options:
        yield _table([*arguments, *options])
    yield _examples(command.epilog or "")


def _table(params: list[Any]) -> str:
    rows = ["| option | meaning | default |", "|---|---|---|"]
    rows += [f"| {_names(param)} | {plain(param.help or '')} | {_default(param)} |" for param in params]
    return "\n".join(rows)


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{param.metavar or param.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])
    return names if param.is_flag or not param.metavar else f"{names} {param.metavar}"


def _default(param: Any) -> str:
    if param.required:
        return "required"
    shown = getattr(param, "show_default", None)
    if isinstance(shown, str):
        return shown
    if param.secondary_opts:
        return f"`{(param.opts if param.default else param.secondary_opts)[0]}`"
    if param.default is None or param.default is False or shown is False:
        return ""
    return f"`{param.default}`"


def _examples(epilog: str) -> str:
    lines = plain(epilog).replace("\\|", "|").splitlines()[1:]
    return "\n".join(["```", *(line.strip() for line in lines if line.strip()), "```"])


def settings_page() -> str:
    """Every setting: variable, meaning, default."""
    rows = ["| variable | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append(f"| `INTERLACE_{name.upper()}` | {plain(field.description or '')} | {default} |")
    text = "Environment variables, read once when a command or the server starts; an option of the same name wins."
    return "\n\n".join(["# Settings", NOTE, text, "\n".join(rows)]) + "\n"


def models_page() -> str:
    """Every model: what it is, paper, needs, settings, and what validation chooses from."""
    text = "`--model NAME` trains one; `auto` tries all that the data allows and blends what helps."
    parts = ["# Models", NOTE, text]
    parts += [part for model in ZOO.values() for part in _model(model)]
    return "\n\n".join(parts) + "\n"


def _model(model: Model) -> Iterator[str]:
    module = import_module(f"training.models.{model.module}")
    yield f"## {model.name}"
    yield f"{model.about[0].upper()}{model.about[1:]}. {_needs(model)}".strip()
    yield "\n".join(f"> {line}".rstrip() for line in inspect.cleandoc(module.__doc__ or "").splitlines())
    config = model.config()
    names = [item.name for item in fields(config) if item.name not in model.fixed]
    if names:
        yield "\n".join(["| setting | default |", "|---|---|", *(f"| `{n}` | `{getattr(config, n)}` |" for n in names)])
    yield f"Validation chooses from {len(dict.fromkeys(model.grid()))} settings."


def _needs(model: Model) -> str:
    words = ["any embedding" if need == "any" else need for need in model.needs]
    needs = f"Needs {' and '.join(words)}. " if words else ""
    return needs + (f"At most {model.most_items:,} items." if model.most_items else "")


def main() -> int:
    """Writes or checks; returns the exit code."""
    stale = {name: text for name, text in pages().items() if not _same(FOLDER / name, text)}
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/reference/{name} is not up to date: python -m tools.reference")
        return bool(stale)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in stale.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"wrote docs/reference/{name}")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
