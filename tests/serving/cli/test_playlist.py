"""`interlace playlist`, `radio` and `discovery` answer as the routes do, and refuse what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.cli.conftest import Interlace
from tests.serving.conftest import Get


def test_the_command_answers_as_the_route(interlace: Interlace, home: Path, get: Get) -> None:
    told = interlace("playlist", "--from", "p:i01", "--user", "p:u01", "-n", "5", "--home", home, "--json").json
    assert told == get("/v1/playlists", "POST", json={"items": ["p:i01"], "user": "p:u01", "n": 5}).json()
    assert "neighbours alike" in interlace("playlist", "--attribute", "Genre=Drama", "--home", home).out


@pytest.mark.parametrize("words", [["--attribute", "Genre"], ["--from", "p:i01", "--at-most", "Genre=x"], []])
def test_the_command_refuses(interlace: Interlace, home: Path, words: list[str]) -> None:
    answer = interlace("playlist", *words, "--home", home)
    assert answer.code == 2
    assert "Remedy" in answer.err


def test_radio_and_discovery_answer_as_the_routes(interlace: Interlace, home: Path, get: Get) -> None:
    told = interlace("radio", "--from", "p:i01", "--played", "p:i02", "-n", "5", "--home", home, "--json").json
    assert told == get("/v1/radio", "POST", json={"items": ["p:i01"], "played": ["p:i02"], "n": 5}).json()
    told = interlace("discovery", "p:u01", "-n", "5", "--home", home, "--json").json
    assert told == get("/v1/users/p%3Au01/discovery?n=5").json()
    assert "familiar" in interlace("discovery", "p:u01", "--home", home).out
    assert interlace("discovery", "p:u01", "--familiarity", "2", "--home", home).code == 2
