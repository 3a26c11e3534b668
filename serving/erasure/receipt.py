"""The receipt of an erasure: what was removed where and when, signed by the home, naming people by pseudonyms alone."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from graph.erased import key_of, pseudonym
from serving.erasure.record import Erasure
from serving.settings import Settings
from serving.signing import PUBLIC, sign, verify

FORMAT = 1
SIGNATURE, SIGNED_BY = "signature", "public_key"


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


def signed(home: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the home's public key and its signature over everything else."""
    sign(home, b"")  # makes the key where there is none, whose public half the document names
    whole = {**document, SIGNED_BY: (home / PUBLIC).read_text(encoding="ascii")}
    return {**whole, SIGNATURE: base64.b64encode(sign(home, canonical(whole))).decode()}


def is_ours(home: Path, document: Mapping[str, Any]) -> bool:
    """Is a signed document what this home signed."""
    try:
        signature = base64.b64decode(document[SIGNATURE], validate=True)
    except (KeyError, ValueError, TypeError):
        return False
    said = {name: value for name, value in document.items() if name != SIGNATURE}
    return verify(home, canonical(said), signature)


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: JSON in UTF-8, members in order of their names, no spaces."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
