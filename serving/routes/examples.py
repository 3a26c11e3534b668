"""Examples for the OpenAPI document, one an answer. Without nulls: FastAPI drops them from the document."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from serving.problem import documented

ITEM: Mapping[str, Any] = MappingProxyType(
    {
        "id": "movielens:1",
        "title": "Toy Story",
        "kind": "movie",
        "year": 1995,
        "image": "/media/3f/3fa9c1d2e4.jpg",
        "attributes": {"Genre": ["Animation", "Children's", "Comedy"]},
    }
)
OTHER: Mapping[str, Any] = MappingProxyType(
    {
        "id": "movielens:588",
        "title": "Aladdin",
        "kind": "movie",
        "year": 1992,
        "image": "/media/8c/8c1b20f7aa.jpg",
        "attributes": {"Genre": ["Animation", "Children's", "Comedy", "Musical"]},
    }
)
USER: Mapping[str, Any] = MappingProxyType(
    {"id": "movielens:196", "platform": "movielens", "interactions": 39, "properties": {"age": 49}}
)
MODEL: Mapping[str, Any] = MappingProxyType({"name": "auto", "version": "3"})
REASON: Mapping[str, Any] = MappingProxyType(
    {
        "text": "Because you liked Toy Story (1995): both have the genre Animation",
        "kind": "attribute",
        "measured": "graph",
        "effect": {"drop": 0.21, "others": 0.004, "place": 1, "of": 39},
        "path": {
            "nodes": [
                {"id": "movielens:196", "label": "User", "title": "movielens:196"},
                {"id": "movielens:1", "label": "Item", "title": "Toy Story"},
                {"id": "Genre:Animation", "label": "Genre", "title": "Animation"},
                {"id": "movielens:588", "label": "Item", "title": "Aladdin"},
            ],
            "relationships": [
                {
                    "source": "movielens:196",
                    "source_label": "User",
                    "target": "movielens:1",
                    "target_label": "Item",
                    "type": "RATED",
                },
                {
                    "source": "movielens:1",
                    "source_label": "Item",
                    "target": "Genre:Animation",
                    "target_label": "Genre",
                    "type": "HAS_GENRE",
                },
                {
                    "source": "movielens:588",
                    "source_label": "Item",
                    "target": "Genre:Animation",
                    "target_label": "Genre",
                    "type": "HAS_GENRE",
                },
            ],
        },
        "cypher": "MATCH (user:User {id: $user})-[like]->(liked:Item {id: $liked}) …",
        "parameters": {"user": "movielens:196", "liked": "movielens:1", "item": "movielens:588"},
    }
)


def answer(model: type[BaseModel], example: Any, *problems: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` entry of a route: its answer with an example, and the problems it may answer with."""
    content = {"application/json": {"example": example}}
    return {200: {"model": model, "description": model.__doc__ or "", "content": content}, **documented(*problems)}
