"""Cypher's text to tokens, by Neo4j 5.26's own lexer rules: the guard's first reading of a stranger's query.

Where Neo4j's lexer and anybody else's could part, this one refuses: numbers run into letters (`12abc`), look-alikes of
dashes and arrows, names with invisible characters, strings and comments that never end. Linear in the text's length.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from unicodedata import category

from graph.errors import InvalidData

WORD = "word"
QUOTED = "quoted"
STRING = "string"
INTEGER = "integer"
FLOAT = "float"
OPERATOR = "operator"

_SPACE = "\t-\r\x1c-\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Neo4j's own list
_TOKEN = re.compile(
    rf"""(?P<space>[{_SPACE}]+)
    |(?P<line>//[^\r\n]*)
    |(?P<block>/\*[^*]*+\*++(?:[^/*][^*]*+\*++)*+/)
    |(?P<word>[^\W\d][\w$\u0300-\u036f]*)
    |(?P<float>(?:(?:[0-9]+(?:_[0-9]+)*)?\.[0-9]+(?:_[0-9]+)*(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)(?![\w$]))
    |(?P<integer>(?:0x[0-9a-fA-F]+|0o[0-7]+|[0-9]+(?:_[0-9]+)*)(?![\w$]))
    |(?P<string>'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+")
    |(?P<quoted>`[^`]++(?:``[^`]*+)*+`|`(?:``[^`]*+)++`)
    |(?P<operator>\.\.|::|<=|>=|<>|!=|=~|\+=|\|\||/(?!\*)|\.(?![0-9])|[()\[\]{{}},:;|&!%*+\-^=<>$])
    """,
    re.VERBOSE | re.DOTALL,
)
_SKIPPED = frozenset({"space", "line", "block"})
# Letters that some upper- or lower-casing turns into ASCII: a keyword to one reader, a name to another.
_TWO_FACED = re.compile("[\u017f\u0130\u0131\u212a\U00010000-\U0010ffff]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "n": "\n", "r": "\r", "t": "\t", "f": "\f"}


class Token(NamedTuple):
    """`word`: upper case for a bare word, the operator itself, else empty, so that nothing quoted equals a keyword.

    `start` is its offset in the text. `value` is a quoted name or string without quotes and escapes.
    """

    kind: str
    text: str
    start: int
    word: str = ""

    @property
    def value(self) -> str:
        if self.kind == QUOTED:
            return self.text[1:-1].replace("``", "`")
        if self.kind == STRING:
            return _unescape(self.text[1:-1])
        return self.text


def lex(text: str) -> list[Token]:
    """Tokens of `text` without white space and comments, then one of kind `end`. Raises `InvalidData` at the first
    character that starts no token.
    """
    tokens: list[Token] = []
    position, length, match = 0, len(text), _TOKEN.match
    while position < length:
        found = match(text, position)
        if found is None:
            raise _unreadable(text, position)
        kind = found.lastgroup or ""
        if kind not in _SKIPPED:
            tokens.append(_token(kind, found.group(), position, text))
        position = found.end()
    tokens.append(Token("end", "", length))
    return tokens


def comments(text: str) -> list[tuple[int, int]]:
    """Where the comments of a text that lexes start and end."""
    found = (one for one in _TOKEN.finditer(text) if one.lastgroup in {"line", "block"})
    return [one.span() for one in found]


def where(text: str, offset: int) -> str:
    """`line 2, column 7` of an offset, both from 1."""
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def _token(kind: str, found: str, position: int, text: str) -> Token:
    if kind == WORD:
        if not found.isascii() and (_TWO_FACED.search(found) or "No" in map(category, found)):  # "No": ², ½
            raise _unreadable(text, position)
        return Token(kind, found, position, found.upper() if found.isascii() else "")
    return Token(kind, found, position, found if kind == OPERATOR else "")


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda one: _character(one.group(1)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _ESCAPES.get(escape, escape)


def _unreadable(text: str, position: int) -> InvalidData:
    start = text[position]
    place = where(text, position)
    if start in "'\"`":
        what, remedy = f"what {start} opens at {place} never ends", f"close it with {start}"
    elif text.startswith("/*", position):
        what, remedy = f"the comment that opens at {place} never ends", "close it with */"
    elif start == "\\":
        what, remedy = f"the escape at {place} is outside a text", "write the character itself"
    elif start.isdigit():
        what, remedy = f"the number at {place} is not Cypher's", "write 12, 1.5, 1e3, 0x1F or 0o17"
    else:
        shown = start if start.isprintable() else f"U+{ord(start):04X}"
        what = f"{shown!r} at {place} cannot stand there"
        remedy = "remove it, or put a name that holds it in backticks"
    return InvalidData(what, valid="Cypher as Neo4j 5 reads it", remedy=remedy)
