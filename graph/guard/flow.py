"""Follows values through a query, and refuses where something hidden could come out as something else.

Whole nodes and their maps may be returned, passed on and collected: the reader strips hidden properties from every
answer. What it could not see any more is refused here: a node made into text (`'' + n` on ArcadeDB), a map of all
properties that is compared or sorted, a key that is computed (`n[k]`), a property of a node that may be hidden itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graph.errors import InvalidData
from graph.guard import kinds as k
from graph.guard.ghosts import Ghosts, labelled_by
from graph.guard.hidden import Hidden, fold, refused
from graph.guard.lexer import Token
from graph.guard.policy import Catalogue
from graph.guard.procedures import ALLOWED
from graph.guard.tree import Node

Scope = dict[str, int]
_POSTFIXES = frozenset({"property", "index", "slice", "has_label"})
_EQUALITY = frozenset({"=", "<>", "!=", "IN"})
_ORDERING = frozenset({"<", ">", "<=", ">="})
_TEXTUAL = frozenset({"=~", "STARTS", "ENDS", "CONTAINS"})
_BOOLEAN = frozenset({"AND", "OR", "XOR", "NOT", "IS", "::"}) | _EQUALITY | _ORDERING | _TEXTUAL
STEPS = 40_000
_MAP = "a map of all properties"


class Flow:
    """One run over one query. `of` evaluates an expression in a scope, raising `Forbidden` where it must."""

    def __init__(
        self,
        text: str,
        tokens: Sequence[Token],
        *,
        hidden: Hidden,
        catalogue: Catalogue,
        parameters: Mapping[str, Any],
    ) -> None:
        self._text, self._tokens = text, tokens
        self._hidden = hidden
        self._parameters = parameters
        self._left = STEPS
        self.ghosts = Ghosts(catalogue, active=hidden.any_label(catalogue.labels))
        known = catalogue.secret_properties
        self._secret = None if known is None else frozenset(map(fold, known)) - {"id"}

    def forbid(self, node: Node, what: str) -> None:
        raise refused(self._text, self._tokens, node, what)

    def of(self, node: Node, scope: Scope) -> int:
        """What an expression may be."""
        self._left -= 1
        if self._left < 0:
            raise InvalidData(
                "the query is too involved to follow", valid="fewer nested lists", remedy="ask in several queries"
            )
        if node.kind in _POSTFIXES:
            return self._postfixed(node, scope)
        handler = getattr(self, f"_of_{node.kind}", None)
        if handler is None:
            return k.union(self.of(part, scope) for part in node.parts)
        return int(handler(node, scope))

    def _all(self, nodes: Iterable[Node], scope: Scope) -> list[int]:
        return [self.of(node, scope) for node in nodes]

    def _postfixed(self, node: Node, scope: Scope) -> int:
        """A chain of keys and indexes, from its operand outwards; a loop, since chains can be long."""
        chain = [node]
        while chain[-1].parts[0].kind in _POSTFIXES:
            chain.append(chain[-1].parts[0])
        found = self.of(chain[-1].parts[0], scope)
        for one in reversed(chain):
            if one.kind == "property":
                self._check_ghost(one, found, one.name)
                found = k.of_key(found)
            elif one.kind == "index":
                found = self._index(one, found, scope)
            elif one.kind == "slice":
                self._all(one.parts[1:], scope)
            else:
                found = k.BARE
        return found

    def _index(self, node: Node, base: int, scope: Scope) -> int:
        key = node.parts[1]
        kind = self.of(key, scope)
        name = self._parameters.get(key.name) if key.kind == "parameter" else key.name
        if isinstance(name, str) and key.kind in {"string", "parameter"}:
            self._check_ghost(node, base, name)
            return k.of_key(base)
        if base & k.CARRIES and base & k.BARE:
            if kind & k.NAME:
                self.forbid(node, "a property whose name is computed")
            if kind & k.TEXT and base & k.GHOST:
                self.forbid(node, "a computed property of a node without a label")
        return base | k.BARE | (k.of_key(base) if kind & k.TEXT else 0)

    def _check_ghost(self, node: Node, base: int, name: str) -> None:
        """A property of a node that may have a hidden label, when such nodes have it."""
        if base & k.GHOST and fold(name) != "id" and (self._secret is None or fold(name) in self._secret):
            self.forbid(node, f"the property {name!r} of a node without a label")

    def _check_whole_ghost(self, node: Node, base: int) -> None:
        if base & k.GHOST and self._secret != frozenset():
            self.forbid(node, "all properties of a node without a label")

    # Operands.

    def _of_string(self, node: Node, _: Scope) -> int:
        return self._text_kind(node.name)

    def _text_kind(self, value: str) -> int:
        return (
            k.TEXT
            | k.BARE
            | (k.NAME if self._hidden.property(value) else 0)
            | (k.SECRET if self._hidden.label(value) else 0)
        )

    def _of_number(self, _node: Node, _: Scope) -> int:
        return k.BARE

    _of_constant = _of_number

    def _of_parameter(self, node: Node, _: Scope) -> int:
        found, waiting = 0 if isinstance(self._parameters.get(node.name), list | tuple) else k.BARE, []
        waiting.append(self._parameters.get(node.name))
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                found |= self._text_kind(value) & ~k.BARE
            elif isinstance(value, Mapping):
                waiting += [*value.keys(), *value.values()]
            elif isinstance(value, list | tuple):
                waiting += value
        return found

    def _of_variable(self, node: Node, scope: Scope) -> int:
        return scope.get(node.name, k.UNKNOWN)

    def _of_list(self, node: Node, scope: Scope) -> int:
        return k.union(self._all(node.parts, scope)) & ~k.BARE

    def _of_map(self, node: Node, scope: Scope) -> int:
        return k.of_map([k.TEXT, *self._all((part.parts[0] for part in node.parts), scope)])

    def _of_projection(self, node: Node, scope: Scope) -> int:
        base, found, whole = self.of(node.parts[0], scope), [k.TEXT], 0
        for part in node.parts[1:]:
            if part.kind == "whole":
                self._check_whole_ghost(node, base)
                whole |= k.WHOLE if base & k.ENTITY else base
            else:
                found.append(self.of(part.parts[0] if part.kind == "entry" else part, scope))
        return k.of_map(found) | whole

    def _of_call(self, node: Node, scope: Scope) -> int:
        name, given = node.name.lower(), self._all(node.parts, scope)
        carried = k.union(given)
        if name not in k.OPEN and carried & k.CARRIES:
            self.forbid(node, f"a node as an argument of {node.name}()")
        if name in k.COMPARING and carried & k.WHOLE:
            self.forbid(node, _MAP)
        if name == "properties":
            self._check_whole_ghost(node, carried)
        return k.of_call(name, given)

    def _of_operation(self, node: Node, scope: Scope) -> int:
        given, operators = self._all(node.parts, scope), set(node.name.split())
        carried = k.union(given)
        if operators & (_TEXTUAL | _ORDERING) and carried & k.CARRIES:
            self.forbid(node, "a node that is compared as text")
        if operators & _EQUALITY:
            self._check_equality(node, carried)
        if operators & _BOOLEAN:
            return k.BARE
        if "+" in operators and k.adds_text(given):
            self.forbid(node, "a node that is added to text")
        if operators & {"+", "||"}:
            lists = 0 if any(not one & k.BARE for one in given) else k.BARE
            return (carried & ~k.BARE) | lists | (k.NAME if carried & k.TEXT else 0)
        return (carried & k.TEXT and k.NAME | k.TEXT) | k.BARE

    def _check_equality(self, node: Node, carried: int) -> None:
        if carried & k.WHOLE:
            self.forbid(node, f"{_MAP} that is compared")
        if carried & k.LABELS and carried & k.SECRET:
            self.forbid(node, "a hidden label")

    def _of_case(self, node: Node, scope: Scope) -> int:
        found = k.union(self._all(node.parts, scope))
        if node.name == "simple" and found & k.WHOLE:
            self.forbid(node, f"{_MAP} that is compared")
        return found

    # What iterates.

    def _of_comprehension(self, node: Node, scope: Scope) -> int:
        inner = dict(scope)
        source = self._source(node, inner)
        for part in node.parts[1:]:
            found = self.of(part.parts[0] if part.kind == "condition" else part, inner)
            if part.kind != "condition":
                return found & ~k.BARE
        return source & ~k.BARE

    def _source(self, node: Node, inner: Scope) -> int:
        first = node.parts[0]
        if first.kind == "path":
            condition = next((part.parts[0] for part in node.parts if part.kind == "condition"), None)
            self.bind([first], inner, frozenset(labelled_by(condition)) if condition else frozenset())
            return k.ENTITY
        source = self.of(first, inner)
        inner[node.name] = source | k.BARE
        return source

    def _of_quantifier(self, node: Node, scope: Scope) -> int:
        inner = dict(scope)
        self._source(node, inner)
        self._all((part.parts[0] for part in node.parts[1:]), inner)
        return k.BARE

    def _of_reduce(self, node: Node, scope: Scope) -> int:
        first, items, step, total, each = node.parts
        inner = dict(scope)
        inner[total.name] = self.of(first, scope)
        inner[each.name] = self.of(items, scope) | k.BARE
        found = self.of(step, inner)
        if found & ~inner[total.name] & k.CARRIES:  # What a step gives is what the next one starts with.
            inner[total.name] |= found
            found |= self.of(step, inner)
        return inner[total.name] | found

    def _of_path(self, node: Node, scope: Scope) -> int:
        inner = dict(scope)
        self.bind([node], inner)
        return k.ENTITY

    # Patterns and subqueries; `graph.guard.scopes` runs the clauses.

    def bind(self, paths: Sequence[Node], scope: Scope, labelled: frozenset[str] = frozenset()) -> None:
        """Binds a pattern's variables, then evaluates the maps and conditions inside it."""
        for path in paths:
            for name, kind, plain in self.ghosts.bindings(path, labelled):
                if name and name not in scope:
                    scope[name] = kind
                elif name and plain:
                    scope[name] &= ~k.GHOST
        for path in paths:
            self._inside(path, scope, labelled)

    def _inside(self, path: Node, scope: Scope, labelled: frozenset[str]) -> None:
        kinds = {id(part): kind for part, kind in self._kinds(path, labelled)}
        unknown = k.GHOST if self.ghosts.active else 0
        waiting = list(path.parts)
        while waiting:
            part = waiting.pop()
            if part.kind in {"node", "relationship", "group", "path"}:
                waiting += part.parts
                base = scope.get(part.name, 0) if part.name else kinds.get(id(part), unknown)
                self._check_keys(part, base)
            elif part.kind == "keys":
                self.of(part.parts[0], scope)
            elif part.kind not in {"labels", "length", "repeat", "shortest"}:
                self.of(part, scope)

    def _kinds(self, path: Node, labelled: frozenset[str]) -> list[tuple[Node, int]]:
        parts = [part for part in path.parts if part.kind in {"node", "relationship"}]
        found = [kind for _, kind, _ in self.ghosts.bindings(path, labelled)]
        return list(zip(parts, found, strict=False)) if len(found) == len(parts) + 1 else []

    def _check_keys(self, part: Node, base: int) -> None:
        """`({name: 'x'})` asks for a property as much as `n.name = 'x'` does."""
        maps = (inner.parts[0] for inner in part.parts if inner.kind == "keys")
        for entry in (entry for one in maps for entry in one.parts):
            self._check_ghost(entry, base, entry.name)

    def of_procedure(self, node: Node, scope: Scope) -> None:
        """Binds what a procedure yields."""
        columns = ALLOWED[node.name.lower()]
        yields = [part for part in node.parts if part.kind == "yield"]
        self._all((part for part in node.parts if part.kind not in {"yield", "star", "condition"}), scope)
        ghost = k.GHOST if self.ghosts.active else 0
        for name, column in [(one.name, one.parts[0].name) for one in yields] or [(one, one) for one in columns]:
            if column in {"node", "relationship"}:
                scope[name] = k.ENTITY | k.BARE | ghost
            else:
                scope[name] = k.BARE if column == "score" else k.TEXT | k.NAME | k.BARE
        self._all((part.parts[0] for part in node.parts if part.kind == "condition"), scope)
