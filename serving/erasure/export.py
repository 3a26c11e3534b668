"""Everything about a person, for themselves: as JSON and CSV in a zip, each derived value with where it came from."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson

from graph.errors import InterlaceError, NotFound
from graph.private import Cipher
from graph.schema import DERIVED_PROPERTIES, DERIVED_TYPES, FRIEND, IS, TYPE_TO_KIND
from graph.store import GraphStore
from serving.access.keys import FILE as KEYS
from serving.consent import FILE as CONSENTS
from serving.corrections import FILE as CORRECTIONS
from serving.erasure.ledgers import rows_about
from serving.events import FILE as EVENTS
from serving.exposures import FILE as EXPOSURES
from serving.index import Index, open_index
from serving.index_files import MISSING
from serving.overlay import FILE as OVERLAY

Export: TypeAlias = dict[str, Any]
SECRET = frozenset({"hash", "old_hash"})
WRITTEN = "the graph: somebody ingested, put or sent it"


def exported(home: Path, user: str, store: GraphStore, cipher: Cipher | None = None) -> Export:
    """Lists of rows by what they are, and `about`. `cipher`: shows private properties.

    Raises `NotFound` for a user of whom nothing is known.
    """
    properties = store.query("properties_of_user", {"user": user}).rows
    joined = store.query("everything_of", {"user": user}).dicts() if properties else []
    own = dict(properties[0][0]) if properties else {}
    own = own if cipher is None else dict(cipher.show_all(user, own))
    ledgers = {
        "events": rows_about(home / EVENTS, "events", "user", user),
        "consents": rows_about(home / CONSENTS, "consent", "user", user),
        "removed_interests": rows_about(home / CORRECTIONS, "removed", "user", user),
        "shown": rows_about(home / EXPOSURES, "answers", "user", user),
        "shadowed": rows_about(home / EXPOSURES, "shadowed", "user", user),
        "changes": [row for row in rows_about(home / OVERLAY, "users", "id", user) if not row["gone"]],
        "keys": [{name: value for name, value in row.items() if name not in SECRET}
                 for row in rows_about(home / KEYS, "keys", "user", user)],
    }  # fmt: skip
    made = _of_index(home, user)
    if not properties and not any(ledgers.values()) and not made:
        raise NotFound(f"nothing is known of a user {user!r}", valid="an id that GET /v1/users finds",
                       remedy="check the id (platform:native)")  # fmt: skip
    return {
        "about": {
            "user": user,
            "made": time.time(),
            "what": "everything that this home and its graph hold of the user",
        },
        "profile": [_property(name, value, own) for name, value in sorted(own.items())],
        **_joined(joined),
        **ledgers,
        **made,
    }


def packed(found: Export) -> bytes:
    """A zip with everything as one JSON file and each list as a CSV file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("export.json", orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str))
        for name, rows in found.items():
            if isinstance(rows, list) and rows:
                file.writestr(f"{name}.csv", _csv(rows))
    return out.getvalue()


def _csv(rows: list[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return out.getvalue()


def _cell(value: Any) -> Any:
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict | list | tuple) else value


def _property(name: str, value: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """A property, and who said it: a language model where it says so itself."""
    derived = name in DERIVED_PROPERTIES or name.startswith("profile_text_")
    by = f"a language model: {own.get('profile_text_by', 'not recorded')}" if derived else WRITTEN
    return {"property": name, "value": value, "source": by}


def _joined(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Relationships by what they are."""
    found: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("interactions", "recommended", "friends", "links", "facts")
    }
    for row in rows:
        kind, values = row["type"], dict(row["values"])
        plain = {"type": kind, "label": row["label"], "id": row["id"], **values}
        if kind in TYPE_TO_KIND:
            found["interactions"].append({"item": row["id"], "kind": TYPE_TO_KIND[kind], **values, "source": WRITTEN})
        elif kind in DERIVED_TYPES:
            by = f"model {values.get('model', '?')}, written by refresh {values.get('run', '?')}"
            found["recommended"].append({**plain, "source": by})
        elif kind == FRIEND:
            found["friends"].append({"user": row["id"], "source": WRITTEN})
        elif kind == IS:
            by = f"linkage {values['run']} ({values.get('method', '?')})" if values.get("run") else WRITTEN
            found["links"].append({"person": row["id"], **values, "source": by})
        else:
            found["facts"].append({**plain, "source": WRITTEN})
    return found


def _of_index(home: Path, user: str) -> dict[str, list[dict[str, Any]]]:
    """What the index in use holds of them: their list, and their factors in each model that has some."""
    try:
        index = open_index(home)
    except InterlaceError:
        return {}
    place = index.user_ids.find(user.encode("utf-8", "surrogatepass"))
    if place == MISSING:
        return {}
    model = f"{index.model.name}:{index.model.version}, run {index.model.run_id}"
    by = f"index {index.version} of {index.created}: model {model}"
    items, scores = index.list_items[place], index.list_scores[place]
    listed = [{"rank": rank, "item": index.item_ids[item].decode(), "score": float(score), "source": by}
              for rank, (item, score) in enumerate(zip(items.tolist(), scores.tolist(), strict=True), start=1)
              if item != MISSING]  # fmt: skip
    return {"list": listed, "factors": _factors(index, place, by)}


def _factors(index: Index, place: int, by: str) -> list[dict[str, Any]]:
    found = []
    for member in index.members:
        for form in member.forms:
            users = getattr(form, "users", None)
            if isinstance(users, np.ndarray) and len(users) == index.num_users:
                found.append({"model": member.name, "factors": users[place].tolist(), "source": by})
    return found
