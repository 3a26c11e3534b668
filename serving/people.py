"""Users as they are now: the index's cards, over them who was put or deleted, and what all of them did since."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

import orjson
from starlette.concurrency import run_in_threadpool

from graph import erased
from graph.errors import Conflict, InvalidData
from graph.schema import CONSENTS, KINDS, USER_BLOCKED
from graph.snapshot import NO_TIME
from serving import catalogue
from serving.erasure.begin import begin
from serving.erasure.record import still_open
from serving.events import Event
from serving.foldin import Viewer, viewer
from serving.index_files import MISSING, fold
from serving.items import is_id
from serving.live import Live
from serving.service import Service

RESERVED = frozenset({"id", "platform", USER_BLOCKED, *CONSENTS})
Row: TypeAlias = tuple[int, int, float, int]
"""An item's position (`MISSING` for one that is not there), kind, value (NaN) and time."""


async def put_user(
    service: Service, user: str, properties: Mapping[str, Any], blocked: Sequence[str] | None = None
) -> bytes:
    """The user is as the index says, with these properties over it, from now on; returns their card as JSON.

    `blocked`: whom they want nothing to do with; None: as before.

    Raises `InvalidData` for an id or property that cannot be taken.
    """
    cipher = service.cipher
    hidden = {} if cipher is None else {name: value for name, value in properties.items() if cipher.is_private(name)}
    check_user(user, {name: value for name, value in properties.items() if name not in hidden})
    told = {**properties, **({} if cipher is None else cipher.hide_all(user, hidden))}
    body = told if blocked is None else {**told, USER_BLOCKED: sorted(set(blocked))}
    await run_in_threadpool(_taken_up, service, user)
    await run_in_threadpool(service.overlay.put_user, user, body)
    service.settler.soon()
    live = service.live
    return card(live, viewer(live, user))


async def delete_user(service: Service, user: str, *, by: str, whole: bool = True) -> str:
    """The user is gone from every answer from now on; the rest is erased a while later. Returns the erasure's id.

    `whole`: the person on all platforms; `by`: who asks. Raises `NotFound`.
    """
    viewer(service.live, user)
    await run_in_threadpool(service.trials.exposures.flush)
    erasure = await run_in_threadpool(partial(begin, service.settings, [user], by=by, whole=whole))
    service.settler.soon()
    service.later.soon()
    return erasure.id


def _taken_up(service: Service, user: str) -> None:
    """Somebody who was erased is put anew. Raises `Conflict` while their erasure goes on."""
    if user not in service.erased.get():
        return
    if any(user in one.users for one in still_open(service.settings.home)):
        raise Conflict(f"user {user!r} is being erased", valid="another id, or this one later",
                       remedy="wait until the erasure has its receipt: GET /v1/erasures/{id}")  # fmt: skip
    erased.remove(service.settings.home, user)


def check_user(user: str, properties: Mapping[str, Any]) -> None:
    """Raises `InvalidData` for an id or a property that cannot be taken."""
    if not is_id(user):
        raise InvalidData(f"the id {user!r}", valid="platform:native, as shop:ada", remedy="name the platform")
    refused = {name for name in properties if name in RESERVED or name not in catalogue.public({name: 0})}
    if refused:
        raise InvalidData(f"the properties {', '.join(sorted(refused))}", valid="names that are not Interlace's own, "
                          "and no secrets", remedy="leave them out")  # fmt: skip


def card(live: Live, who: Viewer) -> bytes:
    """JSON of a user as lists show them."""
    old = None if who.place == MISSING else live.index.user_cards[who.place]
    change = live.people.get(who.name)
    if old is not None and change is None and not who.events:
        return old
    before: dict[str, Any] = {"properties": {}, "interactions": 0} if old is None else orjson.loads(old)
    told = {**before["properties"], **({} if change is None else catalogue.public(change.body))}
    removed = () if change is None else (name for name, value in change.body.items() if value is None)
    properties = {name: value for name, value in told.items() if name not in set(removed)}
    return orjson.dumps(catalogue.user_card(who.name, properties, before["interactions"] + len(who.events)))


def history(live: Live, who: Viewer, limit: int) -> list[bytes]:
    """What the user did, newest first, as JSON; without items that are gone."""
    index = live.index
    rows: list[Row] = []
    if who.place != MISSING:
        span = index.history.rows.span(who.place)
        columns = (index.history.rows.columns, index.history.kind, index.history.value, index.history.time)
        rows = list(zip(*(column[span].tolist() for column in columns), strict=True))
    known = {(item, kind, at) for item, kind, _, at in rows}
    told = [_row(live, one) for one in who.events]
    new = [row for row in told if (row[0], row[1], row[3]) not in known]
    gone = {*live.gone.tolist(), MISSING}
    if new:
        rows = sorted([*rows, *new], key=lambda row: -row[3])  # what has no time comes last, as in the index
    return [_event(live, *row) for row in rows if row[0] not in gone][:limit]


def find_users(live: Live, query: str, limit: int, *, prefix: str = "") -> list[bytes]:
    """Cards of users whose id or name holds every word of the query: new ones first, then as the index orders them.

    `prefix`: what their ids begin with.
    """
    index, words = live.index, fold(query).split()
    new, changed = [], set()
    for name, change in live.people.items():
        place = index.user_ids.find(name.encode("utf-8", "surrogatepass"))
        changed.add(place)
        if (
            not change.gone
            and name.startswith(prefix)
            and all(word in fold(f"{name} {catalogue.public(change.body).get('name', '')}") for word in words)
        ):
            new.append(card(live, viewer(live, name)))
    found = index.user_names.search(query, index.num_users if prefix else limit + len(changed))
    start = prefix.encode("utf-8", "surrogatepass")
    old = (place for place in found if place not in changed and index.user_ids[place].startswith(start))
    return [*new, *(index.user_cards[place] for place in islice(old, limit))][:limit]


def _row(live: Live, event: Event) -> Row:
    return live.find(event.item), event.kind, math.nan if event.value is None else event.value, event.at


def _event(live: Live, item: int, kind: int, value: float, at: int) -> bytes:
    facts = {
        "kind": KINDS[kind],
        "value": None if math.isnan(value) else value,
        "at": None if at == NO_TIME else at,
    }
    return b'{"item":%b,%b' % (live.card(item), orjson.dumps(facts)[1:])
