"""`interlace erase --verify`: is any trace left of a user, or of those whom a receipt stands for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graph.erased import key_of
from graph.errors import InterlaceError, InvalidData
from graph.store import GraphStore
from serving.erasure.record import receipt_of
from serving.erasure.run import find, roots
from serving.erasure.search import files_below, living, summary
from serving.erasure.wanted import wanted_names, wanted_receipt
from serving.items import is_id
from serving.settings import Settings
from serving.signed_documents import check, public_key


def checked(settings: Settings, asked: str, store: GraphStore) -> dict[str, Any]:
    """`asked`: a user's id, a file with a receipt, or the id of an erasure.

    `signature`: is the receipt what this home signed (True for a user). `traces`: how many, by place.
    """
    users, items = living(settings.home, store)
    receipt = None if is_id(asked) and not Path(asked).is_file() else _receipt(settings.home, asked)
    if receipt is None:
        wanted, signed = wanted_names([asked], users, items), True
    else:
        signed = check(receipt, public_key(settings.home))
        wanted = wanted_receipt(receipt, key_of(settings.home), users, items)
    found = find(settings, wanted, store)
    return {"asked": asked, "signature": signed, "files": sum(1 for _ in files_below(roots(settings))),
            "traces": summary(found)}  # fmt: skip


def _receipt(home: Path, asked: str) -> dict[str, Any]:
    path = Path(asked)
    if not path.is_file():
        return receipt_of(home, asked)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _no_receipt(asked) from error
    found = found["receipts"][0] if isinstance(found, dict) and found.get("receipts") else found
    if not isinstance(found, dict) or not all(isinstance(found.get(name), list) for name in ("people", "platforms")):
        raise _no_receipt(asked)
    return found


def _no_receipt(asked: str) -> InterlaceError:
    return InvalidData(f"{asked!r} is no receipt", valid="the JSON that interlace erase printed, or a user's id",
                       remedy="name another file")  # fmt: skip
