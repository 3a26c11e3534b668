"""POST /v1/cypher: a read of the graph in Cypher, answered as JSON, JSON Lines, CSV or an Arrow stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from graph.errors import InterlaceError, InvalidData, StoreUnavailable
from graph.reader import EndedError, Question, ReadLimits
from serving.access.caller import seat_of
from serving.cypher import Cypher
from serving.problem import as_problem, documented, problem
from serving.routes.bodies import body_of, parsed, takes
from serving.routes.cypher_schemas import EXAMPLE, CypherAnswer, CypherRequest
from serving.service import service_of
from serving.settings import Settings
from serving.stream import Head, Stream

if TYPE_CHECKING:
    from graph.result_formats import Format

router = APIRouter(tags=["cypher"])

MOST_BYTES = 2 << 20
VALID = '{"query": "MATCH …", "parameters": {…}, "limit": 1000, "timeout": 10, "embeddings": false}'
CLOSED_BY_CLIENT = 499
DESCRIPTION = "\n\n".join(
    (
        "One query that reads. Both stores give the same bytes, but for `seconds`.",
        "`Accept` chooses the format: `application/json` (the default), `application/x-ndjson`, `text/csv`, "
        "`application/vnd.apache.arrow.stream`. Nodes, relationships, paths and points are objects with `_type`; times "
        "are ISO 8601; bytes are base64; NaN and infinities are the strings `NaN`, `Infinity`, `-Infinity`.",
    )
)


@router.post(
    "/cypher",
    summary="Read the graph in Cypher",
    description=DESCRIPTION,
    response_class=Response,
    openapi_extra=takes(CypherRequest, EXAMPLE["request"]),
    responses={
        200: {
            "model": CypherAnswer,
            "description": CypherAnswer.__doc__,
            "content": {
                "application/json": {"example": EXAMPLE["answer"]},
                "application/x-ndjson": {"example": EXAMPLE["lines"]},
                "text/csv": {"example": EXAMPLE["csv"]},
                "application/vnd.apache.arrow.stream": {"example": "(an Arrow IPC stream)"},
            },
        },
        **documented(403, 406, 413, 422, 429, 503, 504),
    },
)
async def cypher(request: Request) -> Response:
    """See `DESCRIPTION`."""
    service = service_of(request).cypher
    form = chosen(request.headers.get("accept", ""))
    if form is None:
        from graph.result_formats import FORMATS

        valid = ", ".join(one.media_type for one in FORMATS.values())
        return problem(406, "Not acceptable", f"no answer as {request.headers['accept']!r}", valid, "change Accept")
    question = asked_for(await body_of(request, MOST_BYTES), service.settings)
    with ExitStack() as places:
        places.enter_context(service.place(seat_of(request)))
        return await _answer(request, service, question, form, places)


async def _answer(request: Request, service: Cypher, question: Question, form: Format, places: ExitStack) -> Response:
    stream = service.start(question, form)
    gone = asyncio.create_task(_until_gone(request))
    try:
        head = await _head(stream, gone)
    except BaseException:
        gone.cancel()
        stream.end()
        raise
    if head is None:
        return Response(status_code=CLOSED_BY_CLIENT)
    return Streamed(stream, head, gone, places.pop_all())


async def _head(stream: Stream, gone: asyncio.Task[None]) -> Head | None:
    """How the answer begins; None when the caller left before."""
    begun = asyncio.ensure_future(stream.head())
    await asyncio.wait({begun, gone}, return_when=asyncio.FIRST_COMPLETED)
    if begun.done():
        try:
            return begun.result()
        except EndedError as error:
            raise StoreUnavailable("the server is stopping", remedy="try again in a few seconds") from error
    begun.cancel()
    stream.end()
    return None


class Streamed(Response):
    """Sends a stream as it comes, and ends the query when the client leaves."""

    def __init__(self, stream: Stream, head: Head, gone: asyncio.Task[None], places: ExitStack) -> None:
        super().__init__(status_code=200, headers=_headers(head), media_type=stream.form.media_type)
        del self.headers["content-length"]
        self._stream, self._head, self._gone, self._places = stream, head, gone, places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        self._gone.add_done_callback(lambda _: self._stream.end())
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for block in self._blocks():
                await send({"type": "http.response.body", "body": block, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._stream.end()
            self._gone.cancel()
            self._places.close()

    async def _blocks(self) -> AsyncIterator[bytes]:
        yield self._head.first
        async for block in self._stream.rest():
            yield block
        error = self._stream.error
        if error is None or isinstance(error, EndedError):
            return
        if not isinstance(error, InterlaceError) or self._stream.form.error is None:
            raise error  # The connection breaks, so that nobody takes this for the whole answer.
        yield self._stream.form.error(as_problem(error))


def _headers(head: Head) -> dict[str, str]:
    known = {} if head.truncated is None else {"X-Interlace-Truncated": str(head.truncated).lower()}
    return {"Cache-Control": "no-store", "Vary": "Accept", **known}


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def asked_for(body: bytes, settings: Settings) -> Question:
    """The question of a request's body; raises `InvalidData` for anything else, or for more than the settings allow."""
    wish = parsed(body, CypherRequest, VALID)
    timeout = _within("timeout", wish.timeout, settings.cypher_timeout, settings.cypher_max_timeout, "seconds")
    rows = _within("limit", wish.limit, settings.cypher_rows, settings.cypher_max_rows, "rows")
    return Question(wish.query, wish.parameters, ReadLimits(float(timeout), int(rows)), wish.embeddings)


def _within(name: str, wished: float | None, usual: float, most: float, unit: str) -> float:
    if wished is None:
        return min(usual, most)
    if wished > most:
        raise InvalidData(
            f"{name}: {wished:g} is more than one query may have", valid=f"up to {most:g} {unit}", remedy="ask for less"
        )
    return wished


def chosen(accept: str) -> Format | None:
    """The format that an Accept header likes best; None when it wants none of ours."""
    from graph.result_formats import FORMATS

    wishes = sorted((_wish(part) for part in accept.split(",") if part.strip()), key=lambda wish: -wish[1])
    if not wishes:
        return FORMATS["json"]
    for media_type, quality in wishes:
        if quality > 0 and media_type in {"*/*", "application/*"}:
            return FORMATS["json"]
        for form in FORMATS.values():
            if quality > 0 and media_type in {form.media_type, form.media_type.partition("/")[0] + "/*"}:
                return form
    return None


def _wish(part: str) -> tuple[str, float]:
    media_type, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return media_type.lower(), float(quality)
    except ValueError:
        return media_type.lower(), 0.0
