"""The OpenAPI document: FastAPI's, with our problem in place of its own validation error."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from serving.problem import Problem
from serving.routes.cypher_schemas import CypherRequest

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
            schemas["CypherRequest"] = CypherRequest.model_json_schema()
            for methods in document["paths"].values():
                for operation in methods.values():
                    _drop_foreign_errors(operation["responses"])
        assert self.openapi_schema is not None
        return self.openapi_schema


def _drop_foreign_errors(responses: dict[str, Any]) -> None:
    content = responses.get("422", {}).get("content", {})
    if "application/json" in content:
        del responses["422"]
