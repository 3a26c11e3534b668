"""The way `language` of `interlace rerank`: a language model's judgements over the items of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from encoders.language.ask import Asker
from encoders.language.facts import ATTRIBUTES, LONGEST_TEXT
from encoders.language.judge import Words, judgements
from encoders.language.reorder import reorder
from graph.snapshot import Snapshot
from serving.catalogue import attributes_by_item


class SnapshotJudge:
    """A `training.rerank.language.Judge`."""

    def __init__(self, asker: Asker, snapshot: Snapshot) -> None:
        self._asker = asker
        self._words = words_of(snapshot)

    @property
    def name(self) -> str:
        return self._asker.provider.name

    def judge(self, liked: Sequence[int], candidates: Sequence[int]) -> list[float | None]:
        told = [self._words[item] for item in liked]
        return judgements(self._asker, told, [self._words[item] for item in candidates])[0]

    def reorder(self, judged: Sequence[float | None], reach: int) -> list[int]:
        return reorder(judged, reach=reach)


def words_of(snapshot: Snapshot) -> list[Words]:
    """What is told of each item, by position: as `encoders.language.facts` reads it from a store."""
    table = snapshot.item_properties
    columns = {
        name: table.column(name).to_pylist() if name in table.column_names else [None] * len(snapshot.items)
        for name in ("title", "text", "kind", "year")
    }
    rows = zip(*columns.values(), attributes_by_item(snapshot), strict=True)
    return [
        Words(_text(title), _text(text), _text(kind), year, _names(attributes))
        for title, text, kind, year, attributes in rows
    ]


def _names(attributes: dict[str, list[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for names in attributes.values() for name in names})[:ATTRIBUTES])


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:LONGEST_TEXT]
