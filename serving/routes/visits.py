"""Who a request's page or list is made for."""

from __future__ import annotations

from serving.live import Live
from serving.scenarios.visitor import Visitor
from serving.service import Service


def visitor(service: Service, live: Live, user: str | None) -> Visitor:
    """A user as they are now, with what they removed; somebody without a past where none is named."""
    removed = () if user is None else service.corrections.of(user)
    return Visitor.of(live, service.columns.get(live), user, removed)
