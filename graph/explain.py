"""Why an item is recommended: a path in the graph from what the user liked, in words, with the Cypher that proves it.

Every explanation that leaves here has been proved: its query was run and returned exactly its path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from graph import explain_words as words
from graph.explain_paths import Path, Tastes, graph_paths, neighbour_paths, tastes
from graph.queries import QUERIES
from graph.schema import ITEM, USER
from graph.store import GraphStore

SPARE = 1
"""Paths proved beyond those asked for, an item: what takes their place when the graph has just changed."""


@dataclass(frozen=True)
class PathNode:
    """A node of the path."""

    id: str
    label: str
    title: str


@dataclass(frozen=True)
class PathRelationship:
    """`source` and `target` are node ids, unique within their labels."""

    source: str
    source_label: str
    target: str
    target_label: str
    type: str


@dataclass(frozen=True)
class Explanation:
    """The words, the path from the user to the item, and the query with parameters that returns it."""

    text: str
    nodes: tuple[PathNode, ...]
    relationships: tuple[PathRelationship, ...]
    cypher: str
    parameters: Mapping[str, Any]

    def json(self) -> dict[str, Any]:
        """As the API gives it."""
        path = {"nodes": [asdict(one) for one in self.nodes],
                "relationships": [asdict(one) for one in self.relationships]}  # fmt: skip
        return {"text": self.text, "path": path, "cypher": self.cypher, "parameters": dict(self.parameters)}


def explain(store: GraphStore, user: str, items: Sequence[str]) -> dict[str, Explanation]:
    """The best proved explanation of each item that has one. Unknown users and items have none."""
    return {item: found[0] for item, found in explain_all(store, user, items, limit=1).items()}


def explain_all(
    store: GraphStore, user: str, items: Sequence[str], *, limit: int = 3
) -> dict[str, tuple[Explanation, ...]]:
    """Up to `limit` proved explanations of each item, best first; items without any are left out.

    Other users' taste is asked for those items only that the graph itself cannot explain.
    """
    items = list(dict.fromkeys(items))
    taste = tastes(store, user)
    if not taste.liked or not items:
        return {}
    found = _proved(store, graph_paths(store, taste, items), limit)
    return found | _by_neighbours(store, taste, [item for item in items if item not in found], limit)


def verify(store: GraphStore, explanation: Explanation) -> bool:
    """Runs the explanation's own query and compares what it returns with the path and the words.

    False, too, for a query that is none of ours.
    """
    proof = next((name for name in _TELL if QUERIES[f"path_{name}"] == explanation.cypher), None)
    if proof is None:
        return False
    rows = store.query(explanation.cypher, explanation.parameters).dicts()
    return any(_told(proof, explanation.parameters, row) == explanation for row in rows)


def _by_neighbours(
    store: GraphStore, taste: Tastes, items: Sequence[str], limit: int
) -> dict[str, tuple[Explanation, ...]]:
    return _proved(store, neighbour_paths(store, taste, items), limit) if items else {}


def _proved(store: GraphStore, paths: Iterable[Path], limit: int) -> dict[str, tuple[Explanation, ...]]:
    """The best paths of each item that their queries return: one batched query a kind of path."""
    chosen: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        if len(chosen[path.item]) < limit + SPARE:
            chosen[path.item].append(path)
    rows = _rows(store, [path for found in chosen.values() for path in found])
    proved = {
        item: tuple(_told(path.proof, path.parameters, rows[_key(path)]) for path in found if _key(path) in rows)
        for item, found in chosen.items()
    }
    return {item: found[:limit] for item, found in proved.items() if found}


def _rows(store: GraphStore, paths: Sequence[Path]) -> dict[tuple[Any, ...], dict[str, Any]]:
    by_proof: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        by_proof[path.proof].append(path)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for proof, found in by_proof.items():
        answer = store.query(f"paths_{proof}", {"paths": [dict(path.parameters) for path in found]})
        rows |= {(proof, *(row[name] for name in _KEY)): row for row in answer.dicts()}
    return rows


_KEY = ("liked", "item", "relation", "via")


def _key(path: Path) -> tuple[Any, ...]:
    return path.proof, *(path.parameters.get(name) for name in _KEY)


def _told(proof: str, parameters: Mapping[str, Any], row: Mapping[str, Any]) -> Explanation:
    return _TELL[proof](parameters, row)


def _ends(row: Mapping[str, Any]) -> tuple[PathNode, PathNode, PathNode]:
    user = PathNode(row["user"], USER, row["user"])
    liked, item = (
        PathNode(row[end], ITEM, words.titled(row[f"{end}_title"], row[f"{end}_year"], row[end]))
        for end in ("liked", "item")
    )
    return user, liked, item


def _attribute(facts: Mapping[str, Any], row: Mapping[str, Any]) -> Explanation:
    user, liked, item = _ends(row)
    name = row["via_title"] if words.is_name(row["via_title"], row["via"]) else None
    via = PathNode(row["via"], facts["label"], name or words.noun(facts["relation"]))
    return Explanation(
        words.shared(facts["liking"], liked.title, facts["relation"], name),
        (user, liked, via, item),
        (
            _joined(user, liked, facts["liking"]),
            _joined(liked, via, facts["relation"]),
            _joined(item, via, facts["relation"]),
        ),
        QUERIES["path_attribute"],
        dict(facts),
    )


def _direct(facts: Mapping[str, Any], row: Mapping[str, Any], *, forward: bool) -> Explanation:
    user, liked, item = _ends(row)
    head, tail = (liked, item) if forward else (item, liked)
    return Explanation(
        words.direct(facts["liking"], liked.title, facts["relation"], head.title, tail.title),
        (user, liked, item),
        (
            _joined(user, liked, facts["liking"]),
            _joined(head, tail, facts["relation"]),
        ),
        QUERIES["path_from_liked" if forward else "path_to_liked"],
        dict(facts),
    )


def _from_liked(facts: Mapping[str, Any], row: Mapping[str, Any]) -> Explanation:
    return _direct(facts, row, forward=True)


def _to_liked(facts: Mapping[str, Any], row: Mapping[str, Any]) -> Explanation:
    return _direct(facts, row, forward=False)


def _neighbour(facts: Mapping[str, Any], row: Mapping[str, Any]) -> Explanation:
    user, liked, item = _ends(row)
    other = PathNode(row["via"], USER, "another user")
    return Explanation(
        words.neighbour(facts["liking"], liked.title, facts["relation"], facts["last"]),
        (user, liked, other, item),
        (
            _joined(user, liked, facts["liking"]),
            _joined(other, liked, facts["relation"]),
            _joined(other, item, facts["last"]),
        ),
        QUERIES["path_neighbour"],
        dict(facts),
    )


def _joined(source: PathNode, target: PathNode, kind: str) -> PathRelationship:
    return PathRelationship(source.id, source.label, target.id, target.label, kind)


_TELL = {"attribute": _attribute, "from_liked": _from_liked, "to_liked": _to_liked, "neighbour": _neighbour}
