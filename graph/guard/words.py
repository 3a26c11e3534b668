"""The second look at forbidden clauses: by their words alone, whatever the parser thought.

A word that opens a writing, schema or administration clause is let through only where it must be a name: behind `.`,
`$`, `:`, `AS` and the like, and never before something that could be a clause's body. Stricter than the grammar by a
hair (`RETURN delete[0]` is refused, `RETURN delete.x` is not), so that a mistake in the parser alone opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from graph.errors import Forbidden
from graph.guard.lexer import INTEGER, QUOTED, STRING, WORD, Token, where

_FORBIDDEN = """
CREATE MERGE SET REMOVE DELETE DETACH NODETACH FOREACH INSERT LOAD USE SHOW TERMINATE DROP ALTER GRANT DENY REVOKE
START STOP RENAME ENABLE DEALLOCATE REALLOCATE FINISH FILTER LET FOR IMPORT EXPORT COPY BEGIN COMMIT ROLLBACK
EXPLAIN PROFILE CYPHER USING PERIODIC
"""
FORBIDDEN = frozenset(_FORBIDDEN.split())
_WATCHED = FORBIDDEN - {"USING", "FOR", "COPY", "BEGIN", "COMMIT", "ROLLBACK", "IMPORT", "EXPORT", "ENABLE", "RENAME"}
# Behind these a clause cannot begin.
# After `|` only FOREACH has clauses, and FOREACH is refused itself.
_BEFORE_A_NAME = frozenset(
    {"|", ".", "$", ":", "&", "!", "(", "[", ",", "=", "<>", "<=", ">=", "<", ">", "-", "/", "^", "=~", "||"}
)
_KEYWORDS_BEFORE = frozenset(
    {"AS", "IN", "RETURN", "WITH", "WHERE", "BY", "AND", "OR", "XOR", "NOT", "UNWIND", "YIELD"}
)
_KEYWORDS_BEFORE |= {"WHEN", "THEN", "ELSE", "CONTAINS", "DISTINCT"}
_TAKES_A_LIST = frozenset({"DELETE", "NODETACH", "DETACH"})
_NAMES = frozenset({WORD, QUOTED, STRING, INTEGER})


def check_words(text: str, tokens: Sequence[Token]) -> None:
    """Raises `Forbidden` for the first word that could open a clause that does more than read."""
    for at, token in enumerate(tokens):
        if token.word in _WATCHED and not _is_name(tokens, at):
            raise Forbidden(
                f"{token.text} at {where(text, token.start)} could be a clause that does more than read",
                valid="such words as names: n.set, :Create, $delete, AS load",
                remedy=f"leave the clause out, or put the name in backticks: `{token.text}`",
            )


def _is_name(tokens: Sequence[Token], at: int) -> bool:
    if at == 0:
        return False
    before, after = tokens[at - 1], tokens[at + 1]
    if before.word in {".", "$", ":"} or (after.word == ":" and before.word in {"{", ","}):
        return True
    if not _follows_name(after) and not (after.word == "[" and tokens[at].word not in _TAKES_A_LIST):
        return False
    earlier = tokens[at - 2]
    if before.word in _KEYWORDS_BEFORE:
        return earlier.word not in {"AS", ".", "$", ":"}
    if before.word in {"+", "*", "%"}:  # Not a quantifier, `)+ SET`, and not all columns, `WITH * SET`.
        return earlier.kind in _NAMES and earlier.word not in {"WITH", "RETURN"}
    return before.word in _BEFORE_A_NAME


def _follows_name(after: Token) -> bool:
    """Whether what follows leaves the word a name: no other name, no bracket, unless a keyword of reading."""
    return (
        after.kind == "end" or after.word in _AFTER or (after.kind not in _NAMES and after.word not in {"(", "[", "$"})
    )


_READING = """
AS AND OR XOR IN IS STARTS ENDS CONTAINS ORDER SKIP LIMIT OFFSET RETURN WITH MATCH WHERE UNWIND UNION CALL OPTIONAL THEN
ELSE WHEN END ASC DESC ASCENDING DESCENDING USING
"""
_AFTER = frozenset(_READING.split())
