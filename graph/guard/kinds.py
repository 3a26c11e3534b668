"""What an expression may be, as bits: enough to tell whether a value could carry something hidden, and no more.

A bit means "may": an unknown value has all of them. Lists carry the bits of their elements; `BARE` says that it may be
no list.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

ENTITY = 1  # a node, relationship or path
WHOLE = 2  # a map with all properties of one: properties(n), n {.*}
HOLD = 4  # a map with one of those inside
DEEP = 8  # such a map inside a map
NAME = 16  # a text that may be a hidden name
TEXT = 32  # a text
BARE = 64  # no list
GHOST = 128  # a node that may have a hidden label
EDGE = 256  # a relationship whose ends may
LABELS = 512  # a label, as labels(n) gives it
SECRET = 1024  # a text that is a hidden label
CARRIES = ENTITY | WHOLE
UNKNOWN = ENTITY | WHOLE | HOLD | DEEP | NAME | TEXT | BARE | GHOST | EDGE

NUMBERS = frozenset(
    {"size", "length", "count", "id", "abs", "ceil", "floor", "round", "sign", "sqrt", "tointeger", "tofloat", "rand"}
    | {
        "toboolean",
        "exists",
        "isempty",
        "range",
        "timestamp",
        "isnan",
        "tointegerornull",
        "tofloatornull",
        "sum",
        "avg",
    }
    | {"char_length", "character_length", "log", "exp", "pi", "e", "point.distance", "stdev", "stdevp"}
)
"""Functions whose value is no text and no entity."""
OPEN = frozenset(
    {"count", "collect", "labels", "type", "id", "elementid", "keys", "properties", "startnode", "endnode", "nodes"}
    | {"relationships", "rels", "length", "size", "coalesce", "head", "last", "tail", "reverse", "exists", "isempty"}
    | {"valuetype", "nullif", "min", "max"}
)
"""Functions that may be given an entity: they make no text of what it holds."""
COMPARING = frozenset({"nullif", "min", "max"})
_GIVES = {
    "range": 0,
    "properties": WHOLE | BARE,
    "labels": TEXT | NAME | LABELS,
    "keys": TEXT | NAME,
    "split": TEXT | NAME,
}
PASSING = frozenset({"coalesce", "head", "last", "tail", "reverse", "min", "max", "nullif"})


def union(kinds: Iterable[int]) -> int:
    """What a value may be that is one of these."""
    return reduce(or_, kinds, 0)


def of_call(name: str, arguments: list[int]) -> int:
    """What a call of an allowed function gives."""
    given = union(arguments)
    if name in NUMBERS:
        return BARE
    if name in PASSING:
        return given if name in {"tail", "reverse"} else given | BARE
    if name in {"nodes", "relationships", "rels"}:
        return _of_path(name, given)
    if name in {"startnode", "endnode"}:
        return ENTITY | BARE | (GHOST if given & EDGE else 0)
    if name == "collect":
        return given & ~BARE
    return _GIVES.get(name, TEXT | NAME | BARE | (given & (LABELS | SECRET)))


def _of_path(name: str, path: int) -> int:
    if name == "nodes":
        return ENTITY | (path & GHOST)
    return ENTITY | (EDGE if path & GHOST else 0)


def of_map(values: Iterable[int]) -> int:
    """What a map literal with these values is."""
    inside = union(values)
    if not inside & CARRIES:
        return inside | BARE
    return inside | BARE | HOLD | (DEEP if inside & (HOLD | DEEP) else 0)


def of_key(base: int) -> int:
    """What `base.key` is."""
    found = BARE
    if base & CARRIES:
        found |= TEXT | NAME
    if base & HOLD:
        return found | (base if base & DEEP else base & ~HOLD)
    return found if base & CARRIES else found | (base & (TEXT | NAME | LABELS | SECRET))


def adds_text(operands: list[int]) -> bool:
    """Whether a chain of `+`, read from the left, could make text of an entity: never, once a list is reached."""
    so_far = operands[0]
    for operand in operands[1:]:
        if not so_far & BARE:
            return False
        if not operand & BARE:
            so_far |= operand
            so_far &= ~BARE
        elif (so_far | operand) & CARRIES:
            return True
        else:
            so_far |= operand
    return False
