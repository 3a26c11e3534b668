"""The OpenAPI document: FastAPI's, with our problem in place of its own validation error."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from serving.access.documented import describe_access
from serving.observe.watch import PROBES
from serving.problem import Problem, documented
from serving.routes.consent import ConsentRequest
from serving.routes.cypher_schemas import CypherRequest
from serving.routes.event_schemas import EventsRequest, UserRequest
from serving.routes.explanation_schemas import WhatIfRequest
from serving.routes.live_schemas import ClassifyRequest, ItemRequest, NewcomerRequest, SearchRequest
from serving.routes.playlist_schemas import PlaylistRequest, RadioRequest

READ_BY_HAND = (
    CypherRequest, ItemRequest, NewcomerRequest, SearchRequest, ClassifyRequest, EventsRequest, UserRequest,
    WhatIfRequest, ConsentRequest, PlaylistRequest, RadioRequest,
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
            for path, methods in document["paths"].items():
                for operation in methods.values():
                    _drop_foreign_errors(operation["responses"])
                    _add_those_of_all(path, operation["responses"])
            describe_access(document)
        assert self.openapi_schema is not None
        return self.openapi_schema


def _schemas_of(model: type[BaseModel]) -> dict[str, Any]:
    """The model's schema and those it is made of, by name."""
    found = model.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = found.pop("$defs", {})
    return {model.__name__: found, **parts}


def _add_those_of_all(path: str, responses: dict[str, Any]) -> None:
    """What `serving.observe.watch` may answer before any route: overloaded, too late, a bad X-Request-Timeout."""
    if path not in PROBES:
        for status, one in documented(422, 503, 504).items():
            responses.setdefault(str(status), one)


def _drop_foreign_errors(responses: dict[str, Any]) -> None:
    content = responses.get("422", {}).get("content", {})
    if "application/json" in content:
        del responses["422"]
