"""Aggregates out of boolean expressions: `RETURN a, count(x) > 1 AND max(y) > 2 AS b` for the local store.

ArcadeDB sees an aggregate in arithmetic, comparisons, lists, maps, CASE and functions, not below AND, OR, XOR, NOT, IN,
IS, STARTS WITH, ENDS WITH, CONTAINS and =~, where it answers a row for each input. The clause becomes two: a WITH that
groups and aggregates, and the clause itself over its results.
"""

from __future__ import annotations

from typing import NamedTuple

from graph.guard.lexer import QUOTED, WORD, Token, lex
from graph.local_text import Edit, closing, end_of

AGGREGATES = frozenset(
    {"COUNT", "SUM", "AVG", "MIN", "MAX", "COLLECT", "STDEV", "STDEVP", "PERCENTILECONT", "PERCENTILEDISC"}
)
BLIND = frozenset({"AND", "OR", "XOR", "NOT", "IN", "IS", "STARTS", "ENDS", "CONTAINS", "=~"})
END_OF_ITEMS = frozenset(
    {"ORDER", "SKIP", "OFFSET", "LIMIT", "WHERE", "MATCH", "OPTIONAL", "WITH", "RETURN", "UNWIND", "CALL", "UNION", "}"}
)


class Item(NamedTuple):
    """Places of one projected item, `last` excluded; `alias`: of its AS, `last` when it has none."""

    first: int
    last: int
    alias: int


def compute_before(text: str, tokens: list[Token]) -> list[Edit]:
    """Edits for the first clause that needs them (one at a time: what it makes needs none)."""
    for place, token in enumerate(tokens):
        if token.word in {"WITH", "RETURN"} and tokens[place - 1].word not in {".", ":", "$", "STARTS", "ENDS"}:
            items = _items(tokens, place + 1)
            if any(_needs(tokens, item) for item in items) and all(tokens[one.first].word != "*" for one in items):
                return _edits(text, tokens, place, items)
    return []


def _items(tokens: list[Token], place: int) -> list[Item]:
    place += tokens[place].word == "DISTINCT"
    found, first, alias, depth = [], place, -1, 0
    while True:
        word = tokens[place].word
        over = tokens[place].kind == "end" or (depth == 0 and word in {*END_OF_ITEMS, ";", ")"} and place > first)
        over = over and not (word == "WITH" and tokens[place - 1].word in {"STARTS", "ENDS"})
        if over or (depth == 0 and word == ","):
            found.append(Item(first, place, alias if alias >= 0 else place))
            first, alias = place + 1, -1
            if over:
                return found
        elif depth == 0 and word == "AS":
            alias = place
        depth += (word in {"(", "[", "{"}) - (word in {")", "]", "}"})
        place += 1


def _calls(tokens: list[Token], first: int, last: int) -> list[tuple[int, int]]:
    """Places of the outermost aggregate calls in a span, subqueries left out: name and closing bracket."""
    found, place = [], first
    while place < last:
        token, follows = tokens[place], tokens[place + 1].word
        if token.word in {"EXISTS", "COUNT", "COLLECT"} and follows == "{":
            place = closing(tokens, place + 1)
        elif token.word in AGGREGATES and follows == "(" and tokens[place - 1].word != ".":
            end = closing(tokens, place + 1)
            found.append((place, end))
            place = end
        place += 1
    return found


def _needs(tokens: list[Token], item: Item) -> bool:
    calls = _calls(tokens, item.first, item.alias)
    if not calls:
        return False
    covered = {place for start, end in calls for place in range(start, end + 1)}
    return any(tokens[place].word in BLIND for place in range(item.first, item.alias) if place not in covered)


def _edits(text: str, tokens: list[Token], place: int, items: list[Item]) -> list[Edit]:
    names: dict[str, str] = {}
    before, after = [], []
    for item in items:
        groups, projected = _split(text, tokens, item, names)
        before += groups
        after.append(projected)
    distinct = "DISTINCT " if tokens[place + 1].word == "DISTINCT" else ""
    clause = f"WITH {', '.join(before)} {tokens[place].text} {distinct}{', '.join(after)}"
    last = items[-1].last
    return [Edit(tokens[place].start, end_of(tokens[last - 1]), clause), *_sorted_by(tokens, last, names)]


def _split(text: str, tokens: list[Token], item: Item, names: dict[str, str]) -> tuple[list[str], str]:
    """What the WITH before must compute for an item, and the item over that; `names` gets what stands for what."""
    whole = text[tokens[item.first].start : end_of(tokens[item.alias - 1])]
    variable = item.alias - item.first == 1 and tokens[item.first].kind in {WORD, QUOTED}
    named = item.alias < item.last
    alias = text[tokens[item.alias + 1].start : end_of(tokens[item.last - 1])] if named else _quoted(whole)
    calls = _calls(tokens, item.first, item.alias)
    if variable:
        return [whole], f"{whole} AS {alias}" if named else whole
    if not calls:
        new = whole not in names
        name = names.setdefault(whole, f"`group {len(names)}`")
        return [f"{whole} AS {name}"] * new, f"{name} AS {alias}"
    computed, pieces, at = [], [], tokens[item.first].start
    for first, last in calls:
        call = text[tokens[first].start : end_of(tokens[last])]
        if call not in names:
            names[call] = f"`aggregate {len(names)}`"
            computed.append(f"{call} AS {names[call]}")
        name = names[call]
        pieces += [text[at : tokens[first].start], name]
        at = end_of(tokens[last])
    pieces.append(text[at : end_of(tokens[item.alias - 1])])
    return computed, f"{''.join(pieces)} AS {alias}"


def _sorted_by(tokens: list[Token], place: int, names: dict[str, str]) -> list[Edit]:
    """ORDER BY may name a projected expression by its text: the name that stands for it now."""
    if tokens[place].word != "ORDER":
        return []
    found: list[Edit] = []
    for text, name in names.items():
        wanted = [token.text for token in lex(text)[:-1]]
        size = len(wanted)
        found += [
            Edit(tokens[at].start, end_of(tokens[at + size - 1]), name)
            for at in range(place, len(tokens) - size)
            if [token.text for token in tokens[at : at + size]] == wanted and tokens[at - 1].word != "."
        ]
    return found


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"
