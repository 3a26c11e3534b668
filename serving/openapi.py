"""The OpenAPI document: FastAPI's, with our problem in place of its own validation error."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from serving.problem import Problem
from serving.routes.cypher_schemas import CypherRequest
from serving.routes.event_schemas import EventsRequest, UserRequest
from serving.routes.explanation_schemas import WhatIfRequest
from serving.routes.live_schemas import ClassifyRequest, ItemRequest, NewcomerRequest, SearchRequest

READ_BY_HAND = (
    CypherRequest, ItemRequest, NewcomerRequest, SearchRequest, ClassifyRequest, EventsRequest, UserRequest,
    WhatIfRequest,
)  # fmt: skip
"""Models of bodies that routes read themselves (`serving.routes.bodies`)."""
REPLACED = ("HTTPValidationError", "ValidationError")


class Api(FastAPI):
    """FastAPI that documents every error as the `Problem` it answers with."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name in REPLACED:
                schemas.pop(name, None)
            schemas["Problem"] = Problem.model_json_schema()
            for model in READ_BY_HAND:
                schemas |= _schemas_of(model)
            for methods in document["paths"].values():
                for operation in methods.values():
                    _drop_foreign_errors(operation["responses"])
        assert self.openapi_schema is not None
        return self.openapi_schema


def _schemas_of(model: type[BaseModel]) -> dict[str, Any]:
    """The model's schema and those it is made of, by name."""
    found = model.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = found.pop("$defs", {})
    return {model.__name__: found, **parts}


def _drop_foreign_errors(responses: dict[str, Any]) -> None:
    content = responses.get("422", {}).get("content", {})
    if "application/json" in content:
        del responses["422"]
