"""POST /v1/events: what people do, known to the next request of every worker."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import uuid4

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from graph.erased import Erased
from graph.errors import InvalidData
from graph.schema import KINDS
from serving.access.caller import LOCAL, Caller, caller_of
from serving.access.scope import check_items, check_users
from serving.events import Event
from serving.index_files import MISSING
from serving.live import Live
from serving.render import json_response
from serving.routes import event_examples as examples
from serving.routes.bodies import body_of, parsed, takes
from serving.routes.event_schemas import EventRequest, EventsAnswer, EventsRequest
from serving.routes.examples import answer
from serving.service import service_of

MOST_BYTES = 16 << 20
FEW = 100
"""Events that are checked without giving other requests a turn."""
MOST_NAMED = 20
AHEAD_SECONDS = 24 * 3600
CODES = {kind: code for code, kind in enumerate(KINDS)}

router = APIRouter(tags=["events"])


@router.post(
    "/events",
    summary="Say what people did",
    response_class=Response,
    openapi_extra=takes(EventsRequest, examples.EVENTS_REQUEST),
    responses=answer(EventsAnswer, examples.EVENTS_ANSWER, 404, 409, 413, 422, 503),
)
async def events(request: Request) -> Response:
    """At most 10,000 events, in any order, late ones too. When this answers they are on disk, and the next request of
    every worker reads them: what was seen or hidden is gone from the answers, and the models fold in what was liked.
    One whose id came before changes nothing. The graph follows within seconds.
    """
    service = service_of(request)
    body = await body_of(request, MOST_BYTES)
    wish = await _checked(body)
    check_users(request, {one.user for one in wish.events})
    check_items(request, {one.item for one in wish.events})
    live = service.live
    gone = _gone(live, service.erased.get(), {one.user for one in wish.events})
    kept = [one for one in made(wish.events, int(time.time()), caller_of(request)) if one.user not in gone]
    done = await service.events.add(kept)
    service.settler.soon()
    unknown = await _unknown(live, kept)
    service.observer.events(Counter(one.kind_name for one in kept))
    told = {"accepted": done.accepted, "duplicates": done.duplicates, "ignored": len(wish.events) - len(kept)}
    return json_response(orjson.dumps({**told, "unknown_items": unknown}))


def made(asked: Iterable[EventRequest], now: int, caller: Caller = LOCAL) -> list[Event]:
    """Events as they are kept. Raises `InvalidData` for a time to come.

    Ids that a user's own token brings are kept apart, so that nobody can use up an id that somebody else will send.
    """
    found = []
    for one in asked:
        if one.at is not None and one.at > now + AHEAD_SECONDS:
            raise InvalidData(f"an event at {one.at} is more than a day ahead of this server's clock ({now})",
                              valid="Unix seconds, not milliseconds", remedy="mend its time")  # fmt: skip
        name = one.id or _name(one)
        name = f"{caller.user} {name}" if caller.user else name
        at = now if one.at is None else one.at
        found.append(Event(name, one.user, one.item, CODES[one.kind], one.value, at))
    return found


def _name(event: EventRequest) -> str:
    """Of its content, so that what is sent twice counts once; without a time, two events are never the same."""
    if event.at is None:
        return f"made:{uuid4().hex}"
    return f"made:{hashlib.blake2b(event.model_dump_json().encode(), digest_size=16).hexdigest()}"


async def _checked(body: bytes) -> EventsRequest:
    if len(body) < FEW * 128:
        return parsed(body, EventsRequest, examples.VALID_EVENTS)
    return await run_in_threadpool(parsed, body, EventsRequest, examples.VALID_EVENTS)


def _gone(live: Live, erased: Erased, users: Iterable[str]) -> set[str]:
    """Who was deleted, now or long ago."""
    return {user for user in users if user in erased or ((change := live.people.get(user)) is not None and change.gone)}


async def _unknown(live: Live, events: Sequence[Event]) -> list[str]:
    items = list(dict.fromkeys(one.item for one in events))
    if len(items) < FEW:
        return _not_there(live, items)
    return await run_in_threadpool(_not_there, live, items)


def _not_there(live: Live, items: Sequence[str]) -> list[str]:
    return [name for name in items if live.find(name) == MISSING][:MOST_NAMED]
