"""The properties that a linkage compares, one row a node: from whatever columns there are to a few known ones.

`Rules` may say which property is which, and which comparisons to leave out.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from graph.errors import InvalidData
from graph.link.words import fold, name_parts, title_words

PEOPLE, ITEMS = "people", "items"
ALIASES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        PEOPLE: MappingProxyType(
            {
                "name": ("name", "full_name", "display_name"),
                "first_name": ("first_name", "given_name", "forename"),
                "surname": ("surname", "last_name", "family_name"),
                "email_hash": ("email_hash", "email_sha256"),
                "email": ("email", "e_mail", "mail"),
                "birth_year": ("birth_year", "year_of_birth", "born"),
                "town": ("town", "city", "place", "home_town"),
                "postcode": ("postcode", "zip_code", "zip", "postal_code"),
                "gender": ("gender", "sex"),
            }
        ),
        ITEMS: MappingProxyType(
            {
                "title": ("title", "name"),
                "year": ("year", "release_year"),
                "maker": ("brand", "artist", "director", "author", "maker"),
            }
        ),
    }
)
"""Column -> properties that may hold it, the first that is there."""
MOST_VALUES = 10_000
"""Characters of a value that are read."""


@dataclass(frozen=True)
class Rules:
    """`columns`: column -> property; `without`: columns that are not compared."""

    columns: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


def read_rules(path: Path | None, what: str) -> Rules:
    """From JSON: `{"people": {"columns": {"town": "home"}, "without": ["gender"]}}`. Raises `InvalidData`."""
    if path is None:
        return Rules()
    try:
        given = json.loads(path.read_text(encoding="utf-8")).get(what, {})
        columns, without = dict(given.get("columns", {})), frozenset(given.get("without", ()))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InvalidData(
            f"{path} holds no rules ({error})",
            valid='{"people": {"columns": {"town": "home"}, "without": ["gender"]}}',
            remedy="write it as JSON like this",
        ) from error
    unknown = ({*columns} | without) - {*ALIASES[what], "embedding"}
    if unknown:
        raise InvalidData(
            f"{path}: {min(unknown)!r} is no column of {what}",
            valid=", ".join((*ALIASES[what], "embedding")),
            remedy="rename it",
        )
    return Rules(columns, without)


def records(rows: Sequence[Mapping[str, Any]], what: str, rules: Rules | None = None) -> pd.DataFrame:
    """One row a node with `id`, `platform` and the columns that any node has; missing values None.

    `rows`: `id` and properties. Raises `InvalidData` where nothing can be compared.
    """
    rules = rules or Rules()
    given = pd.DataFrame(
        {"id": [str(row["id"]) for row in rows]}
        | {
            column: [_first(row, rules.columns.get(column), names) for row in rows]
            for column, names in ALIASES[what].items()
        },
        dtype=object,
    )
    given.insert(1, "platform", [one.partition(":")[0] for one in given.id])
    frame = _people(given) if what == PEOPLE else _items(given, rows)
    frame = frame.drop(columns=[one for one in rules.without if one in frame])
    there = [name for name in frame.columns if frame[name].notna().any()]
    found = frame[there].astype(object).where(frame[there].notna(), None)
    if len(there) < 3 or not {"surname", "email_hash", "title"} & {*there}:
        needed = ", ".join(ALIASES[what])
        raise InvalidData(
            f"nothing of {what} can be compared: they have none of the properties that tell them apart",
            valid=f"some of {needed}",
            remedy="ingest profiles, or say in --rules which property is which",
        )
    return found.sort_values("id", ignore_index=True)


def _first(row: Mapping[str, Any], named: str | None, names: Sequence[str]) -> str | None:
    for name in (named,) if named else names:
        value = row.get(name)
        if isinstance(value, float) and math.isnan(value):
            continue
        if value is not None and str(value).strip():
            return str(value).strip()[:MOST_VALUES]
    return None


def _people(given: pd.DataFrame) -> pd.DataFrame:
    whole = [name_parts(name) if name else (None, None) for name in given.name]
    first = [fold(one) if one else pair[0] for one, pair in zip(given.first_name, whole, strict=True)]
    last = [fold(one) if one else pair[1] for one, pair in zip(given.surname, whole, strict=True)]
    hashed = [one.lower() if one else _hash(mail) for one, mail in zip(given.email_hash, given.email, strict=True)]
    names = [_both(one, two) for one, two in zip(first, last, strict=True)]
    frame = pd.DataFrame({"id": given.id, "platform": given.platform})
    frame["first_name"] = pd.Series([one or None for one in first], dtype=object)
    frame["surname"] = pd.Series([one or None for one in last], dtype=object)
    frame["name"] = pd.Series(names, dtype=object)
    frame["email_hash"] = pd.Series(hashed, dtype=object)
    frame["birth_year"] = pd.to_numeric(given.birth_year, errors="coerce").astype("Int64")
    for column in ("town", "postcode", "gender"):
        frame[column] = pd.Series([fold(one) or None if one else None for one in given[column]], dtype=object)
    return frame


def _both(one: str | None, two: str | None) -> str | None:
    """Both names in the order of the alphabet, so that swapped fields are alike."""
    return " ".join(sorted((one, two))) if one and two else None


def _hash(mail: str | None) -> str | None:
    return hashlib.sha256(mail.strip().lower().encode()).hexdigest() if mail else None


def _items(given: pd.DataFrame, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame({"id": given.id, "platform": given.platform})
    titles = [title_words(one) or None if one else None for one in given.title]
    frame["title"] = pd.Series(titles, dtype=object)
    frame["title_words"] = pd.Series([" ".join(sorted(one.split())) if one else None for one in titles], dtype=object)
    frame["year"] = pd.to_numeric(given.year, errors="coerce").astype("Int64")
    frame["maker"] = pd.Series([fold(one) or None if one else None for one in given.maker], dtype=object)
    vectors = [row.get("embedding") for row in rows]
    if any(one is not None for one in vectors):
        frame["embedding"] = pd.Series([None if one is None else [float(x) for x in one] for one in vectors])
    return frame
