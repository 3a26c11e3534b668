"""Routes that are asked by the thousand: their parameters are read by what was worked out when the route was made.

FastAPI asks of every parameter at every request what kind it is. For a route of path and query parameters alone that
is known beforehand, so that a request pays for the parameters that it names. Whatever does not pass is FastAPI's to
answer: errors are the same, and so is the OpenAPI document, which is made from the same signature.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction
from typing import Any, get_args, get_origin

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
IN_PATH, IN_QUERY = "path", "query"


class Quick(APIRoute):
    """For `APIRouter(route_class=…)`. The endpoint is a coroutine function and returns a `Response`."""

    def get_route_handler(self) -> Handler:
        usual, dependant = super().get_route_handler(), self.dependant
        endpoint: Any = dependant.call
        if not (_is_plain(dependant) and iscoroutinefunction(endpoint)):
            return usual
        read = _reader(dependant)

        async def handle(request: Request) -> Response:
            values = read(request)
            if values is None:
                return await usual(request)
            response: Response = await endpoint(**values)
            return response

        return handle


def _is_plain(dependant: Dependant) -> bool:
    """Does the endpoint take nothing but path and query parameters and the request."""
    others = (
        dependant.header_params, dependant.cookie_params, dependant.body_params, dependant.dependencies,
        dependant.response_param_name, dependant.background_tasks_param_name, dependant.http_connection_param_name,
        dependant.security_scopes_param_name, dependant.websocket_param_name,
    )  # fmt: skip
    return not any(others)


def _reader(dependant: Dependant) -> Callable[[Request], dict[str, Any] | None]:
    """Arguments of the endpoint from a request; None where one is missing or not valid."""
    path = [(field.alias, field) for field in dependant.path_params]
    query = {field.alias: (field, _is_list(field.field_info.annotation)) for field in dependant.query_params}
    optional = [field for field in dependant.query_params if not field.field_info.is_required()]
    defaults = {field.name: field.get_default() for field in optional}
    required = query.keys() - {field.alias for field in optional}
    request_name = dependant.request_param_name

    def read(request: Request) -> dict[str, Any] | None:
        values = dict(defaults)
        if request_name is not None:
            values[request_name] = request
        given = request.path_params
        for alias, field in path:
            values[field.name], wrong = field.validate(given[alias], values, loc=(IN_PATH, alias))
            if wrong:
                return None
        named = request.query_params
        if not required <= named.keys():
            return None
        for alias in named:
            if alias in query:
                field, many = query[alias]
                said = named.getlist(alias) if many else named[alias]
                values[field.name], wrong = field.validate(said, values, loc=(IN_QUERY, alias))
                if wrong:
                    return None
        return values

    return read


def _is_list(annotation: Any) -> bool:
    """`list[str]`, or that or nothing."""
    return any(get_origin(one) is list for one in (annotation, *get_args(annotation)))
