"""Documents that a home signs and anybody can check: JSON with the public key and the signature in it.

Receipts of erasures are such. The key is the home's (`serving.signing`); a document carries the public one, so that who
kept that key from another day sees whether it is still the same home that speaks.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from graph.errors import InvalidData, NotFound
from serving.signing import PUBLIC, make_key, sign, verified

SIGNATURE, SIGNED_BY = "signature", "public_key"
"""Members of a signed document, beside what it says."""


def signed(home: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document (JSON values) with `public_key` and `signature`; see `check`. Makes the home's first key."""
    make_key(home)
    whole = {**document, SIGNED_BY: public_key(home)}
    return {**whole, SIGNATURE: base64.b64encode(sign(home, _canonical(whole))).decode()}


def public_key(home: Path) -> str:
    """The public key of a home as PEM. Raises `NotFound` where nothing was signed yet."""
    try:
        return (home / PUBLIC).read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise NotFound(f"nothing was signed in {str(home)!r} yet", valid=f"a home with {PUBLIC}",
                       remedy="sign something first: an erasure does") from error  # fmt: skip


def check(document: Mapping[str, Any], public: str = "") -> bool:
    """Is a signed document what was signed; with `public` (PEM), by the owner of that key."""
    try:
        signature = base64.b64decode(document[SIGNATURE], validate=True)
        named = str(document[SIGNED_BY])
    except (KeyError, ValueError, TypeError):
        return False
    said = {name: value for name, value in document.items() if name != SIGNATURE}
    same = not public or key_name(public) == key_name(named)
    try:
        return same and verified(named.encode(), _canonical(said), signature)
    except ValueError as error:
        raise InvalidData(f"the public key in it cannot be read ({error})", valid="an Ed25519 key as PEM",
                          remedy="give the document as it was signed") from error  # fmt: skip


def key_name(public: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key as PEM, white space around it aside."""
    return hashlib.sha256(public.strip().encode()).hexdigest()[:16]


def _canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: JSON in UTF-8, members in order of their names, no spaces."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
