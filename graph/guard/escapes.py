r"""Unicode escapes: Neo4j turns `\uXXXX` into its character before it lexes, ArcadeDB inside strings alone.

An escape is let through only where both readings give the same tokens: inside a string, when it stands for neither that
string's quote nor a backslash, and inside a comment, when it cannot end it. The decoding mirrors Neo4j's: a backslash
that is itself escaped starts no escape, and a decoded backslash starts none either.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from graph.errors import Forbidden, InvalidData
from graph.guard.lexer import STRING, Token, comments, where

# A backslash and what follows: Neo4j skips over an escaped character, whatever it is.
_BACKSLASH = re.compile(r"\\(u.{0,4}|.?)", re.DOTALL)
_HEX = re.compile("[0-9a-fA-F]{4}")


def check_escapes(text: str, tokens: list[Token]) -> None:
    """Raises `Forbidden` for an escape that two readers could read differently, `InvalidData` for half an escape."""
    if "\\u" not in text:
        return
    strings = [token for token in tokens if token.kind == STRING]
    starts = [token.start for token in strings]
    spans = comments(text)
    openings = [start for start, _ in spans]
    for place, character in _whole(text, list(_escapes(text))):
        at = bisect_right(starts, place) - 1
        if at >= 0 and place < strings[at].start + len(strings[at].text):
            _check(text, place, harmful=character in {strings[at].text[0], "\\", "\x00"} or _is_half(character))
            continue
        at = bisect_right(openings, place) - 1
        inside = at >= 0 and place < spans[at][1]
        _check(text, place, harmful=not inside or not character.isalnum())


def _escapes(text: str) -> Iterator[tuple[int, str]]:
    """Where Neo4j replaces an escape, and by what."""
    for found in _BACKSLASH.finditer(text):
        if not found.group(1).startswith("u"):
            continue
        digits = found.group(1)[1:]
        if not _HEX.fullmatch(digits):
            raise InvalidData(
                f"{found.group()!r} at {where(text, found.start())} is half a Unicode escape",
                valid="\\u and four hexadecimal digits",
                remedy="complete it, or write \\\\u for a backslash and a u",
            )
        yield found.start(), chr(int(digits, 16))


def _whole(text: str, found: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The escapes, with the two halves of a character beyond U+FFFF as one."""
    rest = iter([*found, (len(text), "")])
    place, character = next(rest)
    while character:
        after, follower = next(rest)
        if "\ud800" <= character <= "\udbff" and after == place + 6 and "\udc00" <= follower <= "\udfff":
            yield place, (character + follower).encode("utf-16", "surrogatepass").decode("utf-16")
            after, follower = next(rest)
        else:
            yield place, character
        place, character = after, follower


def _check(text: str, place: int, *, harmful: bool) -> None:
    if harmful:
        raise Forbidden(
            f"the Unicode escape {text[place : place + 6]} at {where(text, place)} changes how the query is read",
            valid="escapes inside a string, for anything but its quote and a backslash",
            remedy="write the character itself",
        )


def _is_half(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"
