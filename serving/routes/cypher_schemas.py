"""What `POST /v1/cypher` takes and answers, for the OpenAPI document; requests are validated by it too."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.routes.schemas import Documented


class CypherRequest(BaseModel):
    """A query that reads, with its parameters."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: str = Field(description="one Cypher statement, as Neo4j 5 reads it")
    parameters: dict[str, Any] = Field(default_factory=dict, description="values of $name in the query")
    limit: Annotated[int, Field(ge=1)] | None = Field(None, description="at most so many rows; the server has a cap")
    timeout: Annotated[float, Field(gt=0)] | None = Field(None, description="seconds; the server has a cap")
    embeddings: bool = Field(False, description="whether nodes show their embeddings")


class NodeValue(Documented):
    """A node. `id` is its property `id`; embeddings are left out unless asked for."""

    type: Literal["node"] = Field(alias="_type")
    labels: list[str]
    id: Any
    properties: dict[str, Any]


class EndValue(Documented):
    """The node at an end of a relationship."""

    labels: list[str]
    id: Any


class RelationshipValue(Documented):
    """A relationship, from `start` to `end`."""

    kind: Literal["relationship"] = Field(alias="_type")
    type: str
    start: EndValue
    end: EndValue
    properties: dict[str, Any]


class PathValue(Documented):
    """A path: node, relationship, node, …"""

    type: Literal["path"] = Field(alias="_type")
    elements: list[NodeValue | RelationshipValue]


class PointValue(Documented):
    """A point in the coordinate system `srid`."""

    type: Literal["point"] = Field(alias="_type")
    srid: int
    x: float
    y: float
    z: float | None = None


class CypherAnswer(Documented):
    """Rows by column. `types`: what each column's values are; `truncated`: whether a cap cut the rows off."""

    columns: list[str]
    rows: list[list[NodeValue | RelationshipValue | PathValue | PointValue | Any]]
    types: list[str]
    truncated: bool
    seconds: float


EXAMPLE: Mapping[str, Any] = MappingProxyType(
    {
        "request": {
            "query": "MATCH (i:Item {id: $id})-[:HAS_GENRE]->(g) RETURN i.title AS title, g",
            "parameters": {"id": "movielens:1"},
        },
        "answer": {
            "columns": ["title", "g"],
            "rows": [
                [
                    "Toy Story",
                    {
                        "_type": "node",
                        "labels": ["Genre"],
                        "id": "Genre:Animation",
                        "properties": {"id": "Genre:Animation", "name": "Animation"},
                    },
                ]
            ],
            "types": ["String", "Node"],
            "truncated": False,
            "seconds": 0.004,
        },
        "lines": '{"title":"Toy Story","year":1995}\n'
        '{"_type":"summary","columns":["title","year"],"types":["String","Integer"],"truncated":false,"seconds":0.004}\n',
        "csv": "title,year\r\nToy Story,1995\r\n",
    }
)
