"""The functions that a query may call: Neo4j 5's own that read nothing but their arguments. All others are refused.

Left out on purpose: `file` (LOAD CSV), `graph.*` (other databases), `apoc.*`, `gds.*` and whatever a
plug-in or ArcadeDB adds. Names are compared without case: Neo4j's are, ArcadeDB's are looser still.
"""

from __future__ import annotations

from collections.abc import Sequence

from graph.errors import Forbidden
from graph.guard.lexer import Token, where
from graph.guard.tree import Node, walk

_PLAIN = """
abs acos all any asin atan atan2 avg btrim ceil char_length character_length coalesce collect cos cot count degrees e
elementid endnode exists exp floor haversin head id isempty isnan keys labels last left length linenumber log log10
lower ltrim max min nodes none normalize nullif percentilecont percentiledisc pi point properties radians rand
randomuuid range relationships rels replace reverse right round rtrim sign sin single size split sqrt startnode stdev
stdevp substring sum tail tan timestamp toboolean tobooleanlist tobooleanornull tofloat tofloatlist tofloatornull
tointeger tointegerlist tointegerornull tolower tostring tostringlist tostringornull toupper trim type upper valuetype
date datetime localdatetime localtime time duration
point.distance point.withinbbox distance vector.similarity.cosine vector.similarity.euclidean
datetime.fromepoch datetime.fromepochmillis duration.between duration.inmonths duration.indays duration.inseconds
"""
_CLOCKED = ("date", "datetime", "localdatetime", "localtime", "time")
_CLOCKS = ("realtime", "statement", "transaction", "truncate")
ALLOWED = frozenset(_PLAIN.split()) | {f"{name}.{clock}" for name in _CLOCKED for clock in _CLOCKS}


def check_functions(text: str, tokens: Sequence[Token], tree: Node) -> None:
    """Raises `Forbidden` for the first function that is not on the list."""
    for node in walk(tree):
        if node.kind == "call" and node.name.lower() not in ALLOWED:
            raise Forbidden(
                f"the function {node.name}() at {where(text, tokens[node.at].start)} is not allowed",
                valid="Neo4j 5's own functions of values, lists, text, numbers, times, points and vectors",
                remedy="compute it in your own code from what a query returns",
            )
