"""Runs a query's clauses in order for `graph.guard.flow`: which variable may be what, after each of them."""

from __future__ import annotations

from graph.guard import kinds as k
from graph.guard.flow import Flow, Scope
from graph.guard.ghosts import labelled_by
from graph.guard.tree import Node


class Scopes(Flow):
    """A flow that knows clauses, and so also the subqueries inside expressions."""

    def query(self, node: Node, scope: Scope) -> Scope:
        """What a query gives: its columns; a query of patterns alone, `EXISTS {(n)--()}`, gives none."""
        columns: Scope = {}
        for member in node.parts:
            for name, kind in self._single(member, dict(scope)).items():
                columns[name] = columns.get(name, 0) | kind
        return columns

    def _single(self, member: Node, scope: Scope) -> Scope:
        columns: Scope = {}
        for clause in member.parts:
            columns = self._clause(clause, scope)
        return columns

    def _clause(self, node: Node, scope: Scope) -> Scope:
        """Changes `scope`; returns the columns of a RETURN."""
        if node.kind == "match":
            self._match(node, scope)
        elif node.kind in {"with", "return"}:
            return self._project(node, scope)
        elif node.kind == "unwind":
            scope[node.name] = self.of(node.parts[0], scope) | k.BARE
        elif node.kind == "procedure":
            self.of_procedure(node, scope)
        elif node.kind == "subquery":
            scope.update(self.query(node.parts[0], scope))
        else:
            self._page(node.parts, scope)
        return {}

    def _match(self, node: Node, scope: Scope) -> None:
        paths = [part for part in node.parts if part.kind != "condition"]
        conditions = [part.parts[0] for part in node.parts if part.kind == "condition"]
        labelled = frozenset(name for condition in conditions for name in labelled_by(condition))
        for name in labelled:
            if name in scope:
                scope[name] &= ~k.GHOST
        self.bind(paths, scope, labelled)
        self._all(conditions, scope)

    def _project(self, node: Node, scope: Scope) -> Scope:
        items = [part for part in node.parts if part.kind == "item"]
        kinds = [self.of(part.parts[0], scope) for part in items]
        found = {part.name: kind for part, kind in zip(items, kinds, strict=True) if part.name}
        if any(part.kind == "star" for part in node.parts):
            found = {**scope, **found}
        scope.update(found)
        self._page([part for part in node.parts if part.kind in {"order", "page", "condition"}], scope)
        if len(items) == 1 and not found:
            found = {"": kinds[0]}
        return found

    def _page(self, parts: list[Node] | tuple[Node, ...], scope: Scope) -> None:
        for part in parts:
            if self.of(part.parts[0], scope) & k.WHOLE and part.kind == "order":
                self.forbid(part, "a map of all properties that is sorted by")

    def _inner(self, node: Node, scope: Scope) -> Scope:
        inner = dict(scope)
        body = node.parts[0]
        if body.kind == "match":
            self._match(body, inner)
            return {}
        return self.query(body, inner)

    def _of_exists(self, node: Node, scope: Scope) -> int:
        self._inner(node, scope)
        return k.BARE

    _of_count = _of_exists

    def _of_collect(self, node: Node, scope: Scope) -> int:
        return k.union(self._inner(node, scope).values()) & ~k.BARE
