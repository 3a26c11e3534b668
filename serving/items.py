"""Items put and deleted while the server runs: checked, encoded, on disk in the overlay, then into the graph.

An item is in every worker's search and ranking from the moment the overlay holds it. The graph follows at once where it
can be reached, else with the next change or refresh (`serving.flush`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool

from graph.errors import Conflict, EncodersUnavailable, InvalidData, NotFound
from graph.guard.policy import HIDDEN_LABELS
from graph.schema import ITEM, OPERATIONAL_LABELS, PERSON, PLATFORM, USER, relation_type
from serving.asked_vectors import vectors_of
from serving.catalogue import public
from serving.index_files import MISSING
from serving.item_body import COLUMNS
from serving.overlay import Made
from serving.routes.bodies import decoded_file
from serving.routes.live_schemas import ItemRequest
from serving.service import Service

MOST_FILE = {"image": 16 << 20, "audio": 16 << 20, "video": 32 << 20}
NOT_JOINED = frozenset({USER, ITEM, PERSON, PLATFORM}) | OPERATIONAL_LABELS | HIDDEN_LABELS
RESERVED = frozenset({"id", "platform", *COLUMNS})
_ID = re.compile(r"[^:\s]+:.+", re.DOTALL)


def is_id(name: str) -> bool:
    """Is it `platform:native`."""
    return _ID.fullmatch(name) is not None


async def put_item(service: Service, item: str, wish: ItemRequest) -> dict[str, Any]:
    """The item is as `wish` says from now on; returns what `ItemAnswer` documents.

    Raises `InvalidData` for an id, label, property or file that cannot be taken. Where the encoders cannot be reached
    the item is kept without vectors, and `missing` says so.
    """
    _check(item, wish)
    files = {name: decoded_file(name, getattr(wish, name), most) for name, most in MOST_FILE.items()}
    keys = await run_in_threadpool(_keep_files, service.settings.home, files)
    made, missing = await _encoded(service, wish, files)
    await run_in_threadpool(service.overlay.put, item, _body(wish, keys), made)
    service.settler.soon()
    live = service.live
    place = live.find(item)
    if place == MISSING:
        raise Conflict(
            f"item {item!r} was deleted while it was put", valid="one after the other", remedy="put it again"
        )
    fresh = place - live.index.num_items
    return {
        "item": orjson.loads(live.page(place)),
        "vectors": sorted(made),
        "missing": missing,
        "recommended": fresh < 0 or bool(live.has_source[fresh]),
    }


async def delete_item(service: Service, item: str) -> None:
    """The item is gone from every answer from now on. Raises `NotFound` for one that is not there."""
    if service.live.find(item) == MISSING:
        raise NotFound(f"no item {item!r}", valid="an item that is there", remedy="GET /v1/items?query=… finds items")
    await run_in_threadpool(service.overlay.delete, item)
    service.settler.soon()


def _check(item: str, wish: ItemRequest) -> None:
    if not is_id(item):
        raise InvalidData(f"the id {item!r}", valid="platform:native, as movielens:1", remedy="name the platform")
    labels = {*(wish.attributes or {}), *(one.label for one in wish.relations or ())}
    if labels & NOT_JOINED:
        named = ", ".join(sorted(labels & NOT_JOINED))
        raise InvalidData(f"an item cannot be joined with {named}", valid="labels of attributes, as Genre or Brand",
                          remedy="leave them out")  # fmt: skip
    refused = {name for name in wish.properties if name in RESERVED or name not in public(dict.fromkeys([name], 0))}
    if refused:
        raise InvalidData(f"the properties {', '.join(sorted(refused))}", valid="names that are not Interlace's own, "
                          "and no secrets", remedy="leave them out of `properties`")  # fmt: skip


def _keep_files(home: Path, files: Mapping[str, bytes | None]) -> dict[str, str]:
    from graph.media import Media

    media = Media(home, home)
    return {name: media.add_bytes(data, name) for name, data in files.items() if data is not None}


async def _encoded(
    service: Service, wish: ItemRequest, files: Mapping[str, bytes | None]
) -> tuple[dict[str, Made], dict[str, str]]:
    index = service.index
    head = {"title": wish.title, "text": wish.text, "skip": True}
    try:
        vectors = await vectors_of(service.encoders, index, head, files)
    except EncodersUnavailable as error:
        service.observer.degraded("encoders")
        asked = ["text", *(name for name, content in files.items() if content is not None)]
        return {}, dict.fromkeys((name for name in asked if name in (*index.encoders, "video")), error.what)
    made = {name: (*index.encoders[name], one) for name, one in vectors.items()}
    given = [name for name in ("image", "audio") if files[name] is not None and name not in vectors]
    return made, dict.fromkeys(given, "the catalogue's items have no vectors of this modality")


def _body(wish: ItemRequest, keys: Mapping[str, str]) -> dict[str, Any]:
    """As `serving.item_body` keeps it."""
    body: dict[str, Any] = {
        "title": wish.title,
        "kind": wish.kind,
        "text": wish.text,
        "year": wish.year,
        "image": keys.get("image"),
        "audio": keys.get("audio"),
        "video": keys.get("video"),
        "properties": wish.properties,
    }
    if wish.attributes is not None:
        body["attributes"] = {label: sorted(set(names)) for label, names in wish.attributes.items()}
    if wish.relations is not None:
        body["relations"] = [[relation_type(one.relation), one.label, one.id, one.inverse] for one in wish.relations]
    return body
