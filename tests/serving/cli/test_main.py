"""Help, start-up, options in any place, and how the command line fails."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from graph.errors import Conflict, InvalidData
from serving.cli.errors import ErrorGroup, from_os
from serving.cli.main import app
from tests.serving.cli.conftest import Interlace

COMMAND = Path(sys.executable).parent / "interlace"


def commands() -> Iterator[list[str]]:
    """Every command and group as words."""
    root = typer.main.get_command(app)
    waiting = [([], root)]
    while waiting:
        words, command = waiting.pop()
        yield words
        waiting += [([*words, name], one) for name, one in sorted(getattr(command, "commands", {}).items())]


ALL = sorted(commands())
GROUPS = (["data"], ["models"], ["runs"], ["keys"], ["experiment"], ["shadow"], ["scenario"])
LEAVES = [words for words in ALL if words and words not in GROUPS]


def test_the_design_commands_are_all_there() -> None:
    names = (
        "demo",
        "ingest",
        "export-graph",
        "encode",
        "enrich",
        "tag",
        "link",
        "refresh",
        "cypher",
        "train",
        "train-encoder",
        "tune",
        "leak-test",
        "evaluate",
        "consent",
        "retain",
        "friends",
        "home",
        "playlist",
        "radio",
        "discovery",
        "recommend",
        "similar",
        "related",
        "search",
        "serve",
        "mlflow",
        "erase",
        "export",
        "doctor",
        "bench",
        "rerank",
        "metrics",
        "compress",
        "compress-encoder",
        "distill",
    )
    groups = [["data", "list"], ["data", "get"], ["models", "list"], ["models", "promote"], ["models", "rollback"]]
    groups += [["keys", name] for name in ("create", "list", "pseudonym", "revoke", "rotate")]
    groups += [["keys", f"{name}-private"] for name in ("create", "rotate", "show")]
    groups += [["models", "stage"], ["runs", "list"], ["runs", "compare"]]
    groups += [["experiment", name] for name in ("list", "size", "start", "stop", "report")]
    groups += [["scenario", name] for name in ("list", "show", "check")]
    groups += [["shadow", name] for name in ("start", "stop", "report")]
    assert sorted([[name] for name in names] + groups) == LEAVES


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_teaches_with_an_example(interlace: Interlace, words: list[str]) -> None:
    answer = interlace(*words, "--help")
    assert answer.code == 0
    assert "Examples" in answer.out
    shown = answer.out.split("Examples")[1]
    assert f"interlace {' '.join(words)}".strip() in shown


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_takes_the_common_options(interlace: Interlace, words: list[str]) -> None:
    text = interlace(*words, "--help").out
    assert all(option in text for option in ("--json", "--home", "--store"))


def test_starting_up_imports_nothing_heavy() -> None:
    heavy = {"torch", "mlflow", "numpy", "pandas", "neo4j", "pydantic_settings", "fastapi", "transformers"}
    code = f"import sys, serving.cli.main; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_end_of_a_command_walks_none_of_its_imports() -> None:
    code = """if True:
        import gc, sys
        from serving.cli.main import main
        sys.argv = ["interlace", "--version"]
        try:
            main()
        finally:
            print(gc.get_freeze_count() > len(gc.get_objects()))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "True"


def test_the_installed_command_says_its_version() -> None:
    done = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("interlace 0.")
    assert done.stderr == ""


def test_shell_completion_offers_the_commands() -> None:
    environment = {"_INTERLACE_COMPLETE": "complete_bash", "COMP_WORDS": "interlace re", "COMP_CWORD": "1", "PATH": ""}
    done = subprocess.run([COMMAND], capture_output=True, text=True, check=False, env=environment)
    assert "recommend" in done.stdout.split()


def test_shell_completion_offers_the_models() -> None:
    environment = {
        "_INTERLACE_COMPLETE": "complete_bash",
        "COMP_WORDS": "interlace train --model ial",
        "COMP_CWORD": "3",
    }
    done = subprocess.run([COMMAND], capture_output=True, text=True, check=False, env=environment | {"PATH": ""})
    assert done.stdout.split() == ["ials"]


@pytest.mark.parametrize("order", ["before", "after"])
def test_common_options_stand_before_or_after_the_command(interlace: Interlace, home: Path, order: str) -> None:
    common = ["--home", home, "--json"]
    words = ["recommend", "p:u00", "-n", "3"]
    answer = interlace(*common, *words) if order == "before" else interlace(*words, *common)
    assert len(answer.json["items"]) == 3


def test_an_error_is_a_message_without_a_traceback(interlace: Interlace) -> None:
    answer = interlace("data", "get", "nope")
    assert answer.code == 2
    assert answer.out == ""
    assert "no data set 'nope'" in answer.err
    assert "Valid:  ml-100k" in answer.err
    assert "Remedy:" in answer.err
    assert "Traceback" not in answer.err


def test_an_error_with_json_is_also_the_one_object(interlace: Interlace) -> None:
    answer = interlace("data", "get", "nope", "--json")
    assert answer.code == 2
    assert answer.json["error"]["status"] == 404
    assert answer.json["error"]["valid"] == "ml-100k"
    assert "no data set" in answer.err


def test_an_error_in_a_real_process_exits_2() -> None:
    done = subprocess.run([COMMAND, "data", "get", "nope"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_bug_keeps_its_traceback_and_exits_1() -> None:
    code = (
        "import sys, serving.cli.main as m, serving.cli.session as s\n"
        "def broken(*_, **__): raise RuntimeError('oh')\n"
        "m.data.start = broken\n"
        "sys.argv = ['interlace', 'data', 'list']\n"
        "m.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RuntimeError: oh" in done.stderr
    assert "interlace doctor" in done.stderr


@pytest.mark.parametrize(
    ("number", "kind", "remedy"),
    [
        (errno.ENOSPC, InvalidData, "free some space"),
        (errno.EACCES, InvalidData, "permissions"),
        (errno.EADDRINUSE, Conflict, "--port"),
    ],
)
def test_an_error_of_the_system_gets_a_remedy(number: int, kind: type[Exception], remedy: str) -> None:
    error = from_os(OSError(number, "it failed", "/some/file"))
    assert isinstance(error, kind)
    assert remedy in error.remedy
    assert "/some/file" in error.what


def test_a_full_disk_exits_2_without_a_traceback() -> None:
    small = typer.Typer(cls=ErrorGroup)

    @small.callback()
    def root() -> None:
        """Root."""

    @small.command()
    def write() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "index/items.npy")

    result = CliRunner().invoke(small, ["write"])
    assert result.exit_code == 2
    assert "No space left on device (index/items.npy)" in result.stderr


@pytest.mark.parametrize("value", ["abc", "70000"])
def test_a_bad_setting_names_its_variable(interlace: Interlace, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("INTERLACE_PORT", value)
    answer = interlace("data", "list")
    assert answer.code == 2
    assert "INTERLACE_PORT" in answer.err
    assert value in answer.err


def test_an_unknown_option_is_a_usage_error(interlace: Interlace) -> None:
    answer = interlace("train", "--modle", "ease")
    assert answer.code == 2
    assert "--model" in answer.err
