"""Tokens as Neo4j 5.26's own lexer makes them, and what it refuses."""

from __future__ import annotations

import pytest

from graph.errors import Forbidden, InvalidData
from graph.guard.escapes import check_escapes
from graph.guard.lexer import lex, where


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("1..2", ["1", "..", "2"]),
        ("*..5", ["*", "..", "5"]),
        ("n.x<=1e-5", ["n", ".", "x", "<=", "1e-5"]),
        ("a$b", ["a$b"]),
        ("$`x y`", ["$", "`x y`"]),
        ("`a``b`", ["`a``b`"]),
        ("'it\\'s' \"a'b\"", ["'it\\'s'", '"a\'b"']),
        ("a/**/b// c\nd", ["a", "b", "d"]),
        ("/* a /* b */ c", ["c"]),
        ("// a\rb", ["b"]),
        ("// a\u2028b", []),
        ("a\u00a0b\u3000c", ["a", "b", "c"]),
        ("1_000 0x1F 0o17 .5", ["1_000", "0x1F", "0o17", ".5"]),
        ("<-[r]->", ["<", "-", "[", "r", "]", "-", ">"]),
        ("n+=1", ["n", "+=", "1"]),
        ("é字", ["é字"]),
    ],
)
def test_tokens_are_neo4j_s(text: str, tokens: list[str]) -> None:
    assert [token.text for token in lex(text)[:-1]] == tokens


@pytest.mark.parametrize(
    "text",
    [
        "12abc",
        "1.5x",
        "'a",
        '"a',
        "`a",
        "``",
        "/* a",
        "a#b",
        "a\u200bb",
        "\ufeffa",
        "a\u2010b",
        "\u017fet",
        "x\u212a",
        "½",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(InvalidData):
        lex(text)


@pytest.mark.parametrize(
    "text", ["'caf\\u00e9'", "'\\ud83d\\ude00'", "'a \\\\u0027'", "'\\u0022'", "1 // caf\\u00e9", "'\\u000a'"]
)
def test_harmless_escapes_pass(text: str) -> None:
    check_escapes(text, lex(text))


@pytest.mark.parametrize(
    "text",
    ["'\\u0027'", '"\\u0022"', "'\\u005c'", "// \\u000a x", "/* \\u002a */", "`a\\u0060`", "'\\ud83d'", "`\\u0061`"],
)
def test_escapes_that_change_the_reading_are_refused(text: str) -> None:
    with pytest.raises(Forbidden):
        check_escapes(text, lex(text))


@pytest.mark.parametrize("text", ["'\\u27'", "'\\u+027'", "'\\u00g0'", "'\\u\uff10\uff10\uff12\uff17'"])
def test_half_an_escape_is_refused(text: str) -> None:
    with pytest.raises(InvalidData):
        check_escapes(text, lex(text))


def test_a_keyword_is_a_bare_word() -> None:
    words = [token.word for token in lex("match `match` 'match' Match")[:-1]]
    assert words == ["MATCH", "", "", "MATCH"]


def test_places_are_lines_and_columns_from_one() -> None:
    assert where("ab\ncd", 4) == "line 2, column 2"
