"""Neo4j's Cypher to what ArcadeDB answers rightly: the few constructs that it refuses or answers wrongly otherwise.

Between the guard and the local reader: the guard checks what was sent, and what is made of it here once more, so that
what is executed is what was checked. Measured against Neo4j 5.26 on the reads of `tests/congruence/cypher_reads`:

- an aggregate inside AND, OR, XOR, NOT, IN, IS, STARTS WITH, … is not seen: it is computed in a WITH before
  (`graph.local_aggregates`);
- `SHORTEST 1`, `ANY`, `ANY SHORTEST` and `ALL SHORTEST` are not there: `shortestPath` and `allShortestPaths` are;
- WHERE after a `shortestPath` may lose the path, and a relationship variable in it stays null: both move to a WITH;
- `vector.similarity.cosine` gives the cosine itself, Neo4j's (1 + cosine) / 2.
"""

from __future__ import annotations

from collections.abc import Callable

from graph.guard.lexer import WORD, Token, lex
from graph.local_aggregates import compute_before
from graph.local_text import Edit, closing, end_of

CLAUSES = frozenset(
    {"MATCH", "OPTIONAL", "WITH", "RETURN", "UNWIND", "CALL", "UNION", "WHERE", "ORDER", "SKIP", "LIMIT", "USING"}
)


def for_local(text: str) -> str:
    """The text as the local store should get it; the same text where nothing needs to change."""
    for change in (_cosines, _selectors, _named_lists, compute_before):
        text = _apply(text, change)
    return text


def _apply(text: str, change: Callable[[str, list[Token]], list[Edit]]) -> str:
    for edit in sorted(change(text, lex(text)), reverse=True):
        text = text[: edit.start] + edit.by + text[edit.end :]
    return text


def _cosines(_text: str, tokens: list[Token]) -> list[Edit]:
    found = []
    for place in range(len(tokens) - 5):
        words = [token.text.lower() for token in tokens[place : place + 6]]
        if words == ["vector", ".", "similarity", ".", "cosine", "("] and tokens[place - 1].word != ".":
            last = tokens[closing(tokens, place + 5)]
            found += [
                Edit(tokens[place].start, tokens[place].start, "(0.5 + 0.5 * "),
                Edit(end_of(last), end_of(last), ")"),
            ]
    return found


def _selectors(text: str, tokens: list[Token]) -> list[Edit]:
    """`MATCH p = SHORTEST 1 (a)-[r:T]-+(b)` becomes `MATCH p = shortestPath((a)-[r:T*1..]-(b))`."""
    found: list[Edit] = []
    for place, token in enumerate(tokens):
        before = tokens[place - 1].word if place else ""
        if token.kind == WORD and before in {"=", "MATCH"}:
            selector = _selector(tokens, place)
            if selector is not None:
                function, pattern = selector
                found += _as_function(text, tokens, place, function, pattern)
    return found


def _selector(tokens: list[Token], place: int) -> tuple[str, int] | None:
    """The function that stands for a selector, and where its pattern begins."""
    words = [token.word or token.text for token in tokens[place : place + 4]]
    for start in (["SHORTEST", "1"], ["ANY", "SHORTEST"], ["ALL", "SHORTEST"], ["ANY"]):
        if words[: len(start)] == start:
            after = place + len(start)
            after += tokens[after].word in {"PATH", "PATHS"}
            function = "allShortestPaths" if start[0] == "ALL" else "shortestPath"
            return (function, after) if tokens[after].word == "(" else None
    return None


def _as_function(text: str, tokens: list[Token], place: int, function: str, pattern: int) -> list[Edit]:
    """Edits for one selector whose pattern is node, one quantified relationship, node; none for anything else."""
    first_end = closing(tokens, pattern)
    arrow_end = first_end + 1
    while tokens[arrow_end].word in {"-", "<", ">", "["} and arrow_end < len(tokens) - 1:
        arrow_end = (closing(tokens, arrow_end) if tokens[arrow_end].word == "[" else arrow_end) + 1
    quantifier, node = _quantifier(tokens, arrow_end)
    if quantifier is None or tokens[node].word != "(":
        return []
    last = closing(tokens, node)
    if tokens[last + 1].word in {"-", "<", "(", "{", "+", "*"}:
        return []
    arrow = tokens[first_end + 1 : arrow_end]
    pieces = text[arrow[0].start : end_of(arrow[-1])]
    inside = next((token for token in arrow if token.word == "]"), None)
    if inside is None:
        middle = next(i for i in range(len(arrow) - 1) if arrow[i].word == "-" and arrow[i + 1].word == "-")
        at = arrow[middle + 1].start - arrow[0].start
        pieces = f"{pieces[:at]}[*{quantifier}]{pieces[at:]}"
    else:
        at = inside.start - arrow[0].start
        pieces = f"{pieces[:at]}*{quantifier}{pieces[at:]}"
    start, end = (
        text[tokens[pattern].start : end_of(tokens[first_end])],
        text[tokens[node].start : end_of(tokens[last])],
    )
    return [Edit(tokens[place].start, end_of(tokens[last]), f"{function}({start}{pieces}{end})")]


def _quantifier(tokens: list[Token], place: int) -> tuple[str | None, int]:
    """A quantifier as the bounds of a variable length, and the place after it."""
    word = tokens[place].word
    if word in {"+", "*"}:
        return ("1.." if word == "+" else "0.."), place + 1
    if word == "{":
        last = closing(tokens, place)
        bounds = "".join(token.text for token in tokens[place + 1 : last])
        low, comma, high = bounds.partition(",")
        return (f"{low or 0}..{high}" if comma else f"{low}..{low}"), last + 1
    return None, place


def _named_lists(_text: str, tokens: list[Token]) -> list[Edit]:
    """What follows a `p = shortestPath(…)` that ends its MATCH: WHERE and the relationship variable go to a WITH."""
    found: list[Edit] = []
    for place, token in enumerate(tokens[:-1]):
        if token.text.lower() not in {"shortestpath", "allshortestpaths"} or tokens[place + 1].word != "(":
            continue
        last = closing(tokens, place + 1)
        named = tokens[place - 1].word == "=" and tokens[place - 3].word in {"MATCH", ","}
        follows = tokens[last + 1].word
        if named and follows in {*CLAUSES, ""} and not _optional(tokens, place):
            found += _moved(tokens, place, last)
    return found


def _optional(tokens: list[Token], place: int) -> bool:
    """Whether the MATCH around a place is optional: there a WHERE belongs to the match."""
    while place and tokens[place].word != "MATCH":
        place -= 1
    return place > 0 and tokens[place - 1].word == "OPTIONAL"


def _moved(tokens: list[Token], place: int, last: int) -> list[Edit]:
    path = tokens[place - 2].text
    variable = _relationship_variable(tokens, place, last)
    where = tokens[last + 1].word == "WHERE"
    if variable is None and not where:
        return []
    after = end_of(tokens[last])
    extra = f", relationships({path}) AS {variable.text}" if variable else ""
    found = [Edit(after, after, f" WITH *{extra}")]
    if variable is not None:
        found.append(Edit(variable.start, end_of(variable), ""))
    return found


def _relationship_variable(tokens: list[Token], place: int, last: int) -> Token | None:
    for at in range(place, last):
        if tokens[at].word == "[" and tokens[at - 1].word == "-" and tokens[at + 1].word not in {":", "*", "]", "{"}:
            return tokens[at + 1]
    return None
