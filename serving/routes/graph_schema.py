"""GET /v1/graph/schema: what is in the graph, and queries to begin with."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from pydantic import Field

from serving.access.caller import seat_of
from serving.catalogue import dumps
from serving.render import json_response
from serving.routes.examples import answer
from serving.routes.schemas import Documented
from serving.service import service_of

if TYPE_CHECKING:
    from graph.reader_schema import GraphSchema

router = APIRouter(tags=["cypher"])


class SchemaLabel(Documented):
    """A label, how many nodes bear it, and the properties that a sample of them has."""

    name: str
    count: int
    properties: dict[str, str] = Field(description="name -> type")


class SchemaPair(Documented):
    """Labels at the two ends of a relationship."""

    start: str
    end: str


class SchemaRelationship(Documented):
    """A relationship type, how many there are, their properties, and what they join, as a sample shows it."""

    name: str
    count: int
    properties: dict[str, str] = Field(description="name -> type")
    pairs: list[SchemaPair]


class SchemaIndex(Documented):
    """An index on nodes."""

    label: str
    properties: list[str]
    kind: str = Field(description="unique, range, vector, fulltext, …")


class SchemaExample(Documented):
    """A query that runs as it stands."""

    title: str
    query: str


class Schema(Documented):
    """Labels, relationship types, indexes and examples. What is hidden from this caller is left out."""

    labels: list[SchemaLabel]
    relationships: list[SchemaRelationship]
    indexes: list[SchemaIndex]
    examples: list[SchemaExample]


EXAMPLE = {
    "labels": [{"name": "Item", "count": 1682, "properties": {"id": "String", "title": "String", "year": "Integer"}}],
    "relationships": [
        {
            "name": "RATED",
            "count": 100000,
            "properties": {"at": "Integer", "value": "Float"},
            "pairs": [{"start": "User", "end": "Item"}],
        }
    ],
    "indexes": [{"label": "Item", "properties": ["id"], "kind": "unique"}],
    "examples": [{"title": "Some Item nodes", "query": "MATCH (n:Item)\nRETURN n\nLIMIT 25"}],
}


@router.get(
    "/graph/schema",
    summary="What is in the graph",
    response_class=Response,
    responses=answer(Schema, EXAMPLE, 429, 503, 504),
)
async def graph_schema(request: Request) -> Response:
    """Counts are the store's own; properties and pairs come from a sample, at most some seconds old."""
    service = service_of(request).cypher
    with service.place(seat_of(request)):
        found = await asyncio.wrap_future(service.schema())
    return json_response(dumps(as_json(found)))


def as_json(schema: GraphSchema) -> dict[str, object]:
    """The answer's body."""
    relationships = [
        {**asdict(one), "pairs": [{"start": start, "end": end} for start, end in one.pairs]}
        for one in schema.relationships
    ]
    return {
        "labels": [asdict(one) for one in schema.labels],
        "relationships": relationships,
        "indexes": [asdict(one) for one in schema.indexes],
        "examples": [{"title": title, "query": query} for title, query in schema.examples],
    }
