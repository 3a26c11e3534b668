"""Which nodes of a pattern may have a hidden label: those that neither a label nor a relationship type rules out.

A node is none of them when its pattern names a visible label, or when a relationship touches it whose types reach no
node with a hidden label in this store. (A node that has a hidden label and a visible one is found by the visible one:
give such things a label of their own.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graph.guard.kinds import BARE, EDGE, ENTITY, GHOST
from graph.guard.labels import PLAIN
from graph.guard.policy import Catalogue
from graph.guard.tree import Node

_REPEATED = frozenset({"length", "repeat"})


class Ghosts:
    """`active` is whether this store holds a hidden label at all."""

    def __init__(self, catalogue: Catalogue, *, active: bool) -> None:
        self.active = active
        self._types = catalogue.secret_types

    def bindings(self, path: Node, labelled: frozenset[str]) -> Iterator[tuple[str, int, bool]]:
        """Variable, kind, whether its own labels are named here; for each variable of a path, the path's own last.

        `labelled`: variables that the clause's condition gives a label.
        """
        parts = [part for part in path.parts if part.kind in {"node", "relationship", "group", "repeat"}]
        any_ghost = False
        for at, part in enumerate(parts):
            if part.kind == "node":
                plain = _is_plain(part) or part.name in labelled
                ghost = self.active and not plain and not self._is_reached(parts, at)
                any_ghost |= ghost
                yield part.name, ENTITY | BARE | (GHOST if ghost else 0), plain
            elif part.kind == "relationship":
                edge = self.active and not self._is_safe(part) and not _between_plain(parts, at)
                any_ghost |= edge and _is_repeated(parts, at)
                yield part.name, ENTITY | (0 if _is_repeated(parts, at) else BARE) | (EDGE if edge else 0), False
            elif part.kind == "group":
                for name, kind, plain in self.bindings(part.parts[0], labelled):
                    any_ghost |= bool(kind & (GHOST | EDGE))
                    yield name, kind, plain
        yield path.name, ENTITY | BARE | (GHOST | EDGE if any_ghost else 0), False

    def _is_reached(self, parts: Sequence[Node], at: int) -> bool:
        """Whether a relationship at either side rules a hidden label out."""
        beside = [parts[at - 1]] if at else []
        if beside and beside[0].kind == "repeat":
            beside = [parts[at - 2]] if _least(beside[0]) else []
        if at + 1 < len(parts):
            after = parts[at + 2] if at + 2 < len(parts) else None
            if after is None or after.kind != "repeat" or _least(after):
                beside.append(parts[at + 1])
        return any(one.kind == "relationship" and self._is_safe(one) and _length(one) for one in beside)

    def _is_safe(self, relationship: Node) -> bool:
        """Whether its types are named, and none of them touches a node with a hidden label."""
        types = self._types
        if types is None:
            return False
        labels = next((part for part in relationship.parts if part.kind == "labels"), None)
        return labels is not None and labels.name == PLAIN and not any(one.name in types for one in labels.parts)


def labelled_by(condition: Node) -> Iterator[str]:
    """Variables that a condition gives a visible label: `WHERE n:Item AND …`."""
    parts = (
        condition.parts if condition.kind == "operation" and set(condition.name.split()) == {"AND"} else (condition,)
    )
    for part in parts:
        if part.kind == "has_label" and part.parts[0].kind == "variable" and part.parts[1].name == PLAIN:
            yield part.parts[0].name


def _is_plain(node: Node) -> bool:
    if any(part.kind == "labels" and part.name == PLAIN for part in node.parts):
        return True
    conditions = (part for part in node.parts if part.kind not in {"labels", "keys", "length"})
    return any(node.name in labelled_by(condition) for condition in conditions)


def _between_plain(parts: Sequence[Node], at: int) -> bool:
    if _is_repeated(parts, at) or at + 1 >= len(parts):
        return False
    return _is_plain(parts[at - 1]) and _is_plain(parts[at + 1])


def _is_repeated(parts: Sequence[Node], at: int) -> bool:
    quantified = at + 1 < len(parts) and parts[at + 1].kind == "repeat"
    return quantified or any(part.kind == "length" for part in parts[at].parts)


def _length(relationship: Node) -> bool:
    return all(_least(part) for part in relationship.parts if part.kind in _REPEATED)


def _least(repeated: Node) -> bool:
    """Whether it is walked at least once."""
    return repeated.parts[0].name != "0"
