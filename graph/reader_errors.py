"""Driver errors of strangers' queries to ours: the same words for both stores where they mean the same.

A store's own message is cleaned of what is the store's business: positions in its words, its classes and settings.
"""

from __future__ import annotations

import re

from neo4j.exceptions import DriverError, Neo4jError

from graph.errors import Forbidden, InterlaceError, InvalidData, StoreUnavailable, TimedOut

VALID = "Cypher as Neo4j 5 reads it, its parameters given"
_LONGEST = 300

_POSITION = re.compile(r"\(line (\d+), column (\d+) \(offset: \d+\)\)")
_LOCAL_POSITION = re.compile(r"at line (\d+)(?::|, column )(\d+)")
_SYNTAX = re.compile(r"Invalid input|Syntax error at line|Unexpected input|Unexpected end|Failed to parse string")
_VARIABLE = re.compile(r"[Vv]ariable [`'](.+?)[`'] not defined")
_FUNCTION = re.compile(r"Unknown function '(.+?)'")
_PROCEDURE = re.compile(r"(?:Unknown procedure/function: |no procedure with the name `)([\w.]+)")
_MISSING = re.compile(r"Expected parameter\(s\): (.+)")
_KIND = re.compile(r"^[A-Z]\w+(?:Error|Conflict|Overflow|Implemented|Argument\w*): (?:InvalidArgumentValue - )?")
_CLASS = re.compile(r"\b(?:[a-z]+\.){2,}[A-Z]\w+(?:Exception|Error)?:? ?")
_SETTING = re.compile(r"`?(?:arcadedb|dbms?)\.[a-zA-Z_.]+`?")
_SENTENCE = re.compile(r"(?<=[.:;,]) ")
_WORD = re.compile(r"\w+|\S")


def timed_out(seconds: float) -> TimedOut:
    """The query took longer than it may."""
    return TimedOut(
        f"the query ran longer than {seconds:g} s and was ended",
        valid="a query that ends in time",
        remedy="anchor it to labels and ids, add LIMIT, or allow it more time (timeout)",
    )


def translate(error: DriverError | Neo4jError, seconds: float, text: str = "", shift: int = 0) -> InterlaceError:
    """The error to raise for `error` while the query `text`, allowed `seconds`, was running.

    `shift`: how many characters were sent before the text, on its first line.
    """
    code = getattr(error, "code", None) or ""
    message = getattr(error, "message", None) or str(error)
    if "TimedOut" in code or "Terminated" in code:
        return timed_out(seconds)
    if "Security.Forbidden" in code or "AccessMode" in code:
        return Forbidden(
            "the graph store saw more in this query than a read",
            valid="queries that read",
            remedy="leave out what creates, changes, deletes or administers",
        )
    if "OutOfMemory" in code or "MemoryPool" in code:
        return too_much_memory()
    if code.startswith(("Neo.ClientError", "Neo.DatabaseError")):
        return InvalidData(said(message, text, shift), valid=VALID, remedy=_remedy(code))
    return StoreUnavailable(
        "the graph store gave up on this query", remedy="try again in a few seconds; interlace doctor looks closer"
    )


def too_much_memory() -> InvalidData:
    """The query asked for more memory than one query may have."""
    return InvalidData(
        "the query needs more memory than one query may have",
        valid="a query whose lists and sorted rows stay small",
        remedy="collect less: add WHERE or LIMIT before collect, ORDER BY and DISTINCT",
    )


def too_large(most: int) -> InvalidData:
    """One row alone is more than an answer may be."""
    return InvalidData(
        f"one row of the answer is larger than {most >> 20} MB",
        valid="rows whose lists and texts stay small",
        remedy="return more rows with less in each: no collect over everything",
    )


def said(message: str, text: str, shift: int = 0) -> str:
    """What is wrong, in the same words for both stores where the store's kind of error is known."""
    if found := _VARIABLE.search(message):
        return f"variable '{found[1]}' is not defined"
    if found := _FUNCTION.search(message):
        return f"there is no function '{found[1]}'"
    if found := _PROCEDURE.search(message):
        return f"there is no procedure '{found[1]}'"
    if found := _MISSING.search(message):
        return f"no value is given for parameter {', '.join(f'${name.strip()}' for name in found[1].split(','))}"
    if _SYNTAX.search(message):
        return _syntax(message, text, shift)
    return _cleaned(message)


def _syntax(message: str, text: str, shift: int) -> str:
    line, column = _position(message)
    if line == 1 and column is not None:
        column = max(column - shift, 1)
    if line is None or column is None:
        return "the query is not Cypher: it ends too early" if not text.strip() else "the query is not Cypher"
    lines = text.splitlines() or [""]
    rest = lines[line - 1][column - 1 :] if line <= len(lines) else ""
    near = _WORD.search(rest)
    where = f"at line {line}, column {column}"
    return f"the query is not Cypher {where}: {near[0][:40]!r}" if near else f"the query is not Cypher {where}: its end"


def _position(message: str) -> tuple[int | None, int | None]:
    """Line and column, both from 1 (the local store counts columns from 0)."""
    if found := _POSITION.search(message):
        return int(found[1]), int(found[2])
    if found := _LOCAL_POSITION.search(message):
        return int(found[1]), int(found[2]) + 1
    return None, None


def _cleaned(message: str) -> str:
    first = _POSITION.split(message)[0].splitlines()[0] if message.strip() else "the graph store refused the query"
    kept = [part for part in _SENTENCE.split(_CLASS.sub("", _KIND.sub("", first))) if not _SETTING.search(part)]
    short = " ".join(kept).strip(" .:;") or "the graph store refused the query"
    return short if len(short) <= _LONGEST else short[:_LONGEST] + "…"


def _remedy(code: str) -> str:
    if "ParameterMissing" in code:
        return 'send it in "parameters"'
    return "correct the query"
