"""Why an item is recommended: a path in the graph from what the user liked, in words, with the Cypher that proves it.

Every explanation that leaves here has been proved: its query was run and returned exactly its path. This finds shared
attributes and direct relations from the graph alone; `serving.reasons` finds more with the index and the model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from graph.explain_paths import Path, graph_paths, tastes
from graph.explain_tell import Explanation, proof_of, told
from graph.store import GraphStore

SPARE = 1
"""Paths proved beyond those asked for, an item: what takes their place when the graph has just changed."""


def explain(store: GraphStore, user: str, items: Sequence[str]) -> dict[str, Explanation]:
    """The best proved explanation of each item that has one. Unknown users and items have none."""
    return {item: found[0] for item, found in explain_all(store, user, items, limit=1).items()}


def explain_all(
    store: GraphStore, user: str, items: Sequence[str], *, limit: int = 3
) -> dict[str, tuple[Explanation, ...]]:
    """Up to `limit` proved explanations of each item, best first; items without any are left out."""
    items = list(dict.fromkeys(items))
    taste = tastes(store, user)
    if not taste.liked or not items:
        return {}
    return _proved(store, graph_paths(store, taste, items), limit)


def verify(store: GraphStore, explanation: Explanation) -> bool:
    """Runs the explanation's own query and compares what it returns with the path and the words.

    False, too, for a query that is none of ours.
    """
    proof = proof_of(explanation)
    if proof is None:
        return False
    rows = store.query(explanation.cypher, explanation.parameters).dicts()
    plain = replace(explanation, effect=None)
    return any(told(proof, explanation.parameters, row, explanation.lang) == plain for row in rows)


def _proved(store: GraphStore, paths: Iterable[Path], limit: int) -> dict[str, tuple[Explanation, ...]]:
    """The best paths of each item that their queries return: one batched query a kind of path."""
    chosen: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        if len(chosen[path.item]) < limit + SPARE:
            chosen[path.item].append(path)
    rows = _rows(store, [path for found in chosen.values() for path in found])
    proved = {
        item: tuple(told(path.proof, path.parameters, rows[_key(path)]) for path in found if _key(path) in rows)
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
