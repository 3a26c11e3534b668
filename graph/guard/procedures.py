"""The procedures that a query may call: those that both stores answer, that read the graph and reveal no secret.

A full-text index is left out: its query language asks for any property that it holds, hidden or not.
"""

from __future__ import annotations

from collections.abc import Sequence

from graph.errors import Forbidden
from graph.guard.lexer import Token, where
from graph.guard.tree import Node, walk

ALLOWED = {
    "db.labels": ("label",),
    "db.relationshiptypes": ("relationshipType",),
    "db.propertykeys": ("propertyKey",),
    "db.index.vector.querynodes": ("node", "score"),
}


def check_procedures(text: str, tokens: Sequence[Token], tree: Node) -> None:
    """Raises `Forbidden` for the first procedure that is not on the list."""
    for node in walk(tree):
        if node.kind == "procedure" and node.name.lower() not in ALLOWED:
            raise Forbidden(
                f"the procedure {node.name} at {where(text, tokens[node.at].start)} is not allowed",
                valid="db.labels, db.relationshipTypes, db.propertyKeys, db.index.vector.queryNodes",
                remedy="use GET /v1/graph/schema for the schema; leave other procedures out",
            )
