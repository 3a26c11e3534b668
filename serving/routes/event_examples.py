"""Examples of events and users for the OpenAPI document, and what a valid request is, in one line each."""

from __future__ import annotations

from typing import Any

VALID_EVENTS = (
    '{"events": [{"id": "…", "user": "movielens:196", "item": "movielens:50", "kind": "rated", "value": 5, '
    '"at": 1764240000}]}'
)
VALID_USER = '{"properties": {"name": "Ada", "age": 36}}'

EVENTS_REQUEST: dict[str, Any] = {
    "events": [
        {
            "id": "5f0c9a1e-7b1d-4b0e-9d55-0c8f2a6f1a11",
            "user": "movielens:196",
            "item": "movielens:50",
            "kind": "rated",
            "value": 5.0,
            "at": 1_764_240_000,
        }
    ]
}
EVENTS_ANSWER: dict[str, Any] = {"accepted": 1, "duplicates": 0, "ignored": 0, "unknown_items": []}
EXPORT: dict[str, Any] = {
    "about": {"user": "shop:ada", "made": 1_764_240_000.0, "what": "all that this home and its graph hold of the user"},
    "interactions": [{"item": "shop:lamp", "kind": "liked", "at": 1_764_240_000, "source": "the graph: …"}],
    "recommended": [{"type": "RECOMMENDED", "id": "shop:desk", "rank": 1, "source": "model auto:3, …"}],
}
ERASURE: dict[str, Any] = {"id": "20260101-120000-a1b2c3d4", "state": "open", "done": ["answers", "events"]}
USER_REQUEST: dict[str, Any] = {"properties": {"name": "Ada", "age": 36}}
USER_ANSWER: dict[str, Any] = {
    "user": {"id": "shop:ada", "platform": "shop", "interactions": 0, "properties": {"name": "Ada", "age": 36}}
}
