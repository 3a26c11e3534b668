"""Reasons and lists as a bound caller may see them: nobody but themselves, nothing of another platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from graph.schema import ITEM, PERSON, USER
from serving.access.caller import Caller
from serving.access.scope import may_name

NULL = b"null"


def seen_by(caller: Caller, reasons: Sequence[bytes]) -> list[bytes]:
    """Reasons as JSON; null in place of one whose path leads through somebody or something the caller may not see."""
    if not caller.bound:
        return list(reasons)
    return [one if one == NULL or _may_see(caller, orjson.loads(one)) else NULL for one in reasons]


def _may_see(caller: Caller, reason: Mapping[str, Any]) -> bool:
    return all(_may_see_node(caller, one["label"], one["id"]) for one in reason["path"]["nodes"])


def _may_see_node(caller: Caller, label: str, identity: str) -> bool:
    if label == PERSON:
        return False
    if label == USER:
        return may_name(caller, identity)
    return label != ITEM or caller.sees(identity)
