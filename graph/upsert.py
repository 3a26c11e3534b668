"""Cypher of `GraphStore.write`: entities, interactions and triples as labelled UNWIND batches of MERGE.

An interaction is one per user, item, kind and time; without a time, one per user, item and kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from graph.errors import InvalidData
from graph.schema import ITEM, KIND_TO_TYPE, USER, Entity, Interaction, Triple, safe_name

ROWS_PER_STATEMENT = 5_000


@dataclass(frozen=True)
class Upsert:
    """One statement over `rows`, answering how many rows took effect.

    `ends`: for relationships, (Cypher that finds which of `$ids` exist, key of the id in a row, label) of both ends.
    """

    cypher: str
    rows: list[dict[str, Any]]
    ends: tuple[tuple[str, str, str], ...] = field(default=())


def upserts(entities: Sequence[Entity], interactions: Sequence[Interaction], triples: Sequence[Triple]) -> list[Upsert]:
    """Statements in the order they must run. Raises `InvalidData` for a bad label, type, property or kind."""
    return [*_entities(entities), *_interactions(interactions), *_triples(triples)]


def _entities(entities: Sequence[Entity]) -> Iterator[Upsert]:
    groups: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for entity in entities:
        properties = {safe_name(name): value for name, value in entity.properties.items() if name != "id"}
        row = groups[safe_name(entity.label)].setdefault(entity.id, {"id": entity.id, "properties": {}})
        row["properties"].update(properties)
    for label, rows in groups.items():
        text = f"UNWIND $rows AS row MERGE (n:`{label}` {{id: row.id}}) SET n += row.properties RETURN count(n)"
        yield from _chunks(text, list(rows.values()), ())


def _interactions(interactions: Sequence[Interaction]) -> Iterator[Upsert]:
    groups: dict[tuple[str, bool], dict[tuple[str, str, int | None], dict[str, Any]]] = defaultdict(dict)
    for one in interactions:
        row = {"head": one.user, "tail": one.item, "value": one.value, "at": one.at}
        groups[_type(one.kind), one.at is not None][one.user, one.item, one.at] = row
    for (kind, timed), rows in groups.items():
        yield from _chunks(_match(USER, ITEM) + _merge(kind, timed), list(rows.values()), _ends(USER, ITEM))


def _triples(triples: Sequence[Triple]) -> Iterator[Upsert]:
    groups: dict[tuple[str, str, str], dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
    for one in triples:
        key = safe_name(one.head_label), safe_name(one.relation), safe_name(one.tail_label)
        groups[key][one.head, one.tail] = {"head": one.head, "tail": one.tail}
    for (head, relation, tail), rows in groups.items():
        text = _match(head, tail) + f"MERGE (h)-[r:`{relation}`]->(t) RETURN count(r)"
        yield from _chunks(text, list(rows.values()), _ends(head, tail))


def _match(head: str, tail: str) -> str:
    return f"UNWIND $rows AS row MATCH (h:`{head}` {{id: row.head}}) MATCH (t:`{tail}` {{id: row.tail}}) "


def _merge(kind: str, timed: bool) -> str:
    if timed:
        return f"MERGE (h)-[r:`{kind}` {{at: row.at}}]->(t) SET r.value = row.value RETURN count(r)"
    # MERGE refuses a null property, and without one it would also match (and change) the interactions with a time.
    return (
        f"OPTIONAL MATCH (h)-[old:`{kind}`]->(t) WHERE old.at IS NULL WITH row, h, t, collect(old) AS olds "
        f"FOREACH (old IN olds | SET old.value = row.value) "
        "FOREACH (_ IN CASE WHEN size(olds) = 0 THEN [1] ELSE [] END | "
        f"CREATE (h)-[:`{kind}` {{value: row.value}}]->(t)) "
        "RETURN count(*)"
    )


def _ends(head: str, tail: str) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (f"UNWIND $ids AS id MATCH (n:`{label}` {{id: id}}) RETURN n.id", key, label)
        for key, label in (("head", head), ("tail", tail))
    )


def _chunks(text: str, rows: list[dict[str, Any]], ends: tuple[tuple[str, str, str], ...]) -> Iterator[Upsert]:
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        yield Upsert(text, rows[start : start + ROWS_PER_STATEMENT], ends)


def _type(kind: str) -> str:
    if kind in KIND_TO_TYPE:
        return KIND_TO_TYPE[kind]
    raise InvalidData(
        f"{kind!r} is no kind of interaction", valid=", ".join(KIND_TO_TYPE), remedy="map it to one of these kinds"
    )
