"""The receipt of an erasure: what was removed where and when, signed by the home, naming people by pseudonyms alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from graph.erased import key_of, pseudonym
from serving.erasure.record import Erasure
from serving.settings import Settings
from serving.signed_documents import signed

FORMAT = 1


def receipt(settings: Settings, erasure: Erasure, left: Mapping[str, int]) -> dict[str, Any]:
    """Signed JSON values. `people`: HMAC-SHA256 of each id, under a key that stays in the home. `left`: traces that the
    search found afterwards, by place; empty where the erasure is whole.
    """
    key = key_of(settings.home)
    document = {
        "format": FORMAT,
        "erasure": erasure.id,
        "asked": erasure.asked,
        "ended": time.time(),
        "whole_person": erasure.whole,
        "people": sorted(pseudonym(key, user) for user in erasure.users),
        "platforms": sorted({user.partition(":")[0] for user in erasure.users}),
        "places": [
            {"place": name, "at": done.at, "removed": dict(done.removed)} for name, done in erasure.done.items()
        ],
        "left": dict(left),
    }
    return signed(settings.home, document)
