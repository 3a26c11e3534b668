"""What the graph says of items and users in words: all that a language model is ever told.

Titles, texts, kinds, years and names of attributes; of a user, which items were liked. Never an id, a profile field or
a rating.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from encoders.language.judge import Words
from graph.explain_paths import tastes
from graph.explain_words import is_name
from graph.schema import ITEM, OPERATIONAL_LABELS
from graph.store import GraphStore

ATTRIBUTES = 12
LONGEST_TEXT = 4_000
"""Characters of a text that are read for what is suspicious; a prompt holds fewer."""


def words_of(store: GraphStore, items: Sequence[str]) -> dict[str, Words]:
    """Words by item; unknown items are left out."""
    return with_attributes(store, store.query("item_words", {"ids": list(items)}).dicts())


def with_attributes(store: GraphStore, rows: Sequence[Mapping[str, Any]]) -> dict[str, Words]:
    """Words by item from rows with id, title, text, kind and year; attribute names are added from the graph."""
    names = _attributes(store, [str(row["id"]) for row in rows])
    return {
        str(row["id"]): Words(
            title=_text(row["title"]),
            text=_text(row["text"]),
            kind=_text(row["kind"]),
            year=row["year"],
            attributes=names.get(str(row["id"]), ()),
        )
        for row in rows
    }


def liked_by(store: GraphStore, user: str, most: int) -> list[Words]:
    """What the user liked, strongest and newest first; those without a title are left out."""
    items = [one.item for one in tastes(store, user).liked[:most]]
    words = words_of(store, items) if items else {}
    return [words[item] for item in items if item in words and words[item].title]


def _attributes(store: GraphStore, items: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for item, ends in store.query("item_attributes", {"ids": list(items)}).rows:
        for label, identity, name in ends:
            if label != ITEM and label not in OPERATIONAL_LABELS and is_name(str(name), str(identity)):
                found[item].add(str(name))
    return {item: tuple(sorted(names)[:ATTRIBUTES]) for item, names in found.items()}


def _text(value: object) -> str:
    return "" if value is None else str(value)[:LONGEST_TEXT]
