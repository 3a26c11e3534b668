"""Which parts of a worker are down, though it can recommend: what `GET /v1/ready` says of them."""

from __future__ import annotations

from serving.index import Index
from serving.service import Service


def degraded(service: Service, index: Index) -> list[dict[str, str]]:
    """Part, detail and effect of each; empty when all is well. Reads a file: not for the event loop."""
    found = []
    failure = service.gateway.breaker.failure
    if failure is not None:
        found.append(_part("store", failure.what, "reasons are missing; recommendations come from the index"))
    if index.encoders and service.encoders.trouble:
        found.append(_part("encoders", service.encoders.trouble, "no search by words or pictures"))
    waiting = service.overlay.count_waiting()
    if waiting:
        why = "; ".join(sorted(service.settler.lag)) or "they are being written"
        found.append(_part("graph", f"{waiting} changes are not in the graph yet: {why}", "Cypher lacks them"))
    if service.holder.trouble is not None:
        found.append(_part("index", service.holder.trouble.what, "answers come from the index before it"))
    return found


def _part(part: str, detail: str, effect: str) -> dict[str, str]:
    return {"part": part, "detail": detail, "effect": effect}
