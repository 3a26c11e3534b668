"""What items are, as columns: numbers, times and words of every item, so that filters are a few vector operations.

Made once an index from the pages it holds, and again, over those, when items were put since (`columns_of`). Numbers are
64-bit floats, NaN where an item has none; times (ISO 8601 texts) are Unix seconds. Words are attributes by label and
text properties by name: of every item the places of its names, in CSR form.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.index import Index
from serving.live import Live

Numbers: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
LONGEST = 64
"""Characters of a text property that counts as a word."""
KEPT_MASKS = 256
"""Masks of names that are kept: presets ask for the same ones again and again."""
KEPT = 8
"""Catalogues whose columns are kept: the last ones asked for."""


@dataclass(frozen=True)
class Words:
    """Names of one label: item i has those at `codes[indptr[i]:indptr[i + 1]]` of `names`."""

    names: tuple[str, ...]
    indptr: NDArray[np.int64]
    codes: NDArray[np.int32]

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The item of each of `codes`."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))

    def of(self, item: int) -> NDArray[np.int32]:
        """Places of an item's names."""
        return self.codes[self.indptr[item] : self.indptr[item + 1]]

    def places(self, names: Iterable[str]) -> list[int]:
        """Where these names are, whatever their case."""
        wanted = {name.casefold() for name in names}
        return [place for place, name in enumerate(self.names) if name.casefold() in wanted]

    def any_of(self, places: Sequence[int]) -> Mask:
        """(items,): which have one of the names at these places."""
        found, wanted = np.zeros(len(self.indptr) - 1, np.bool_), np.zeros(len(self.names), np.bool_)
        wanted[list(places)] = True
        found[self.rows[wanted[self.codes]]] = True
        return found


@dataclass(frozen=True)
class Columns:
    """Of `size` items. A number or word that no item has is not in the mapping."""

    size: int
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    words: Mapping[str, Words] = field(default_factory=dict)
    _masks: dict[tuple[str, tuple[str, ...]], Mask] = field(default_factory=dict, compare=False)

    def number(self, name: str) -> Numbers:
        """(size,), NaN where an item has none."""
        found = self.numbers.get(name)
        return np.full(self.size, np.nan) if found is None else found

    def label(self, name: str) -> Words | None:
        """The words of a label or property; of the same name in another case where there is none. None: of no item."""
        if name in self.words:
            return self.words[name]
        other = (one for one in self.words if one.casefold() == name.casefold())
        return next((self.words[one] for one in other), None)

    def with_one_of(self, label: str, names: tuple[str, ...]) -> Mask:
        """(size,): which items have one of these names. Not to be written to: the last ones asked for are kept."""
        key = label, names
        found = self._masks.get(key)
        if found is None:
            words = self.label(label)
            found = np.zeros(self.size, np.bool_) if words is None else words.any_of(words.places(names))
            if len(self._masks) >= KEPT_MASKS:
                self._masks.clear()
            self._masks[key] = found
        return found


class ColumnsHolder:
    """Columns of the catalogues that a worker answers from, made when first asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._of_index: tuple[Index, Columns] | None = None
        self._of_live: list[tuple[Live, Columns]] = []

    def get(self, live: Live) -> Columns:
        """Cheap until an index is published or an item is put."""
        for known, columns in self._of_live:
            if known is live:
                return columns
        with self._lock:
            if self._of_index is None or self._of_index[0] is not live.index:
                self._of_index = live.index, make_columns(_pages(live.index))
            columns = over(self._of_index[1], live)
            self._of_live = [*self._of_live[1 - KEPT :], (live, columns)]
            return columns


def over(columns: Columns, live: Live) -> Columns:
    """Columns of an index, changed to what is live now."""
    own = list(live.own)
    if not own:
        return columns
    ours = make_columns([orjson.loads(live.page(place)) for place in own])
    numbers = {}
    for name in {*columns.numbers, *ours.numbers}:
        numbers[name] = np.concatenate([columns.number(name), np.full(len(live.fresh), np.nan)])
        numbers[name][own] = ours.number(name)
    words = {name: _words_over(columns, ours, name, own, live.num_items) for name in {*columns.words, *ours.words}}
    return Columns(live.num_items, numbers, words)


def make_columns(pages: Iterable[Mapping[str, Any]]) -> Columns:
    """Columns of items, from what their pages show."""
    numbers: dict[str, dict[int, float]] = defaultdict(dict)
    words: dict[str, dict[int, list[str]]] = defaultdict(dict)
    size = 0
    for place, page in enumerate(pages):
        size = place + 1
        if page.get("year") is not None:
            numbers["year"][place] = float(page["year"])
        for name, value in page.get("properties", {}).items():
            found = number_of(value)
            if found is not None:
                numbers[name][place] = found
            if (found is None or _written(value)) and (texts := _texts(value)):
                words[name][place] = texts
        for label, names in page["attributes"].items():
            words[label][place] = names
    return Columns(
        size,
        {name: _column(values, size) for name, values in numbers.items()},
        {name: _words(values, size) for name, values in words.items()},
    )


def number_of(value: Any) -> float | None:
    """A number (as text too, as CSV gives it), a truth value, or a time in Unix seconds; None for anything else."""
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if _written(value):
        return float(value) if math.isfinite(float(value)) else None
    if isinstance(value, str) and 10 <= len(value) <= 35 and value[4] == value[7] == "-":
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return None


def _written(value: Any) -> bool:
    """Is it a text that says a number: of such, the text stays a word to filter by."""
    return isinstance(value, str) and len(value) <= LONGEST and NUMBER.fullmatch(value) is not None


def _pages(index: Index) -> Iterator[Mapping[str, Any]]:
    for place in range(index.num_items):
        yield orjson.loads(index.item_pages[place])


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, str) and 0 < len(one) <= LONGEST]


def _column(values: Mapping[int, float], size: int) -> Numbers:
    found = np.full(size, np.nan)
    found[list(values)] = list(values.values())
    return found


def _words(values: Mapping[int, Sequence[str]], size: int) -> Words:
    codes: dict[str, int] = {}
    counts = np.zeros(size + 1, np.int64)
    found: list[int] = []
    for place in sorted(values):
        counts[place + 1] = len(values[place])
        found += [codes.setdefault(name, len(codes)) for name in values[place]]
    return Words(tuple(codes), np.cumsum(counts), np.array(found, np.int32))


def _words_over(columns: Columns, ours: Columns, name: str, own: Sequence[int], size: int) -> Words:
    """One label's words, those of the items at `own` replaced by ours."""
    nothing = _words({}, 0)
    old, new = columns.words.get(name, nothing), ours.words.get(name, nothing)
    places = {one: code for code, one in enumerate(old.names)}
    codes = np.array([places.setdefault(one, len(places)) for one in new.names], np.int32)
    old_rows, new_rows = (np.repeat(np.arange(len(one.indptr) - 1), np.diff(one.indptr)) for one in (old, new))
    kept = ~np.isin(old_rows, own)
    rows = np.concatenate([old_rows[kept], np.array(own, np.int64)[new_rows]])
    order = np.argsort(rows, kind="stable")
    found = np.concatenate([old.codes[kept], codes[new.codes]])[order]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=size))])
    return Words(tuple(places), indptr, np.asarray(found, np.int32))
