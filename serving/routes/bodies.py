"""Bodies of requests: read within a limit, checked by a pydantic model, refused with what would have been valid."""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from graph.errors import InvalidData, TooLarge

Body = TypeVar("Body", bound=BaseModel)
SHOWN = 80


async def body_of(request: Request, most: int) -> bytes:
    """The body; raises `TooLarge` once more than `most` bytes have come."""
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > most:
            raise TooLarge(
                f"the request is longer than {most} bytes", valid="a shorter one", remedy="send less at once"
            )
    return bytes(body)


def parsed(body: bytes, model: type[Body], valid: str) -> Body:
    """The body as `model` says; raises `InvalidData` that names the first field that is wrong."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "the request"
        what = f"{name}: {_short(first.get('input'))} ({first['msg']})"
        raise InvalidData(what, valid=valid, remedy="mend the request") from error


def decoded_file(name: str, value: str | None, most: int) -> bytes | None:
    """Bytes of a field that is a file in base64; raises `InvalidData` for anything else, `TooLarge` beyond `most`."""
    if value is None:
        return None
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidData(f"{name}: {_short(value)} is no base64", valid="the file's bytes in base64 (RFC 4648)",
                          remedy=f"encode {name}") from error  # fmt: skip
    if not found:
        raise InvalidData(f"{name} is an empty file", valid="a file with content", remedy=f"leave {name} out")
    if len(found) > most:
        raise TooLarge(f"{name} has {len(found)} bytes", valid=f"at most {most}", remedy="send a smaller file")
    return found


def takes(model: type[BaseModel], example: Any) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads its body by `parsed`; `serving.openapi` adds the schema."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN else shown[:SHOWN] + "…"
