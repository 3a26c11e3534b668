"""Which ids are looked for, and where one begins and ends in a text: `ml:1` is not in `ml:10`, nor in `xml:1`.

A value that is an id whole (a cell, an id of an index, a JSON string) is compared as it is. In running text an id is a
run of characters behind its platform's name and a colon, as it is or percent-encoded. In bytes without structure ids
may stand side by side (`ml:1ml:10`): there a run is also tried in its parts, and what belongs to the id of somebody
(or something) who lives is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote

from graph.erased import pseudonym

_RUN = r"(?:(?!%s)[A-Za-z0-9_.\-@+~=%%:!*])*"
_PLAIN = re.compile(r"[A-Za-z0-9_.\-@+~=:!*]+")
_LEFT = re.compile(r"[A-Za-z0-9_.\-]+$")
_ENDS = ".:!*=-_"
BEFORE = 40
"""Characters before a find that may say what it is."""


@dataclass(frozen=True)
class Find:
    """An id at a place of a text. `name`: the id, or its pseudonym where only that is known."""

    name: str
    start: int
    end: int


@dataclass(frozen=True)
class Wanted:
    """`names`: ids as they are; or `pseudonyms` under `key`, of ids that a receipt stands for, with their `platforms`.

    `living`: ids of all that is there still, users and items; `shared`: wanted ids that an item has too.
    """

    names: frozenset[str] = frozenset()
    pseudonyms: frozenset[str] = frozenset()
    key: bytes = b""
    platforms: frozenset[str] = frozenset()
    living: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    _known: dict[str, str] = field(default_factory=dict)

    def of(self, value: str) -> str:
        """The name under which a whole value is wanted; empty where it is not."""
        if value in self.names:
            return value
        if not self.pseudonyms or value.partition(":")[0] not in self.prefixes:
            return ""
        if value not in self._known:
            hashed = pseudonym(self.key, value)
            self._known[value] = hashed if hashed in self.pseudonyms else ""
        return self._known[value]

    def is_item(self, value: str) -> bool:
        """Has an item the same id."""
        return value in self.items or unquote(value) in self.items

    @cached_property
    def prefixes(self) -> frozenset[str]:
        """Platforms of what is wanted."""
        return self.platforms | {name.partition(":")[0] for name in self.names}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        start = f"(?:{'|'.join(map(re.escape, sorted(self.prefixes, key=len, reverse=True)))})(?::|%3[Aa])"
        return re.compile(start + _RUN % start)

    @cached_property
    def bytes_pattern(self) -> re.Pattern[bytes]:
        """The same, for bytes."""
        return re.compile(self._pattern.pattern.encode("latin-1"))

    @cached_property
    def _odd(self) -> tuple[str, ...]:
        """Names with characters that end a run: looked for as they are."""
        return tuple(name for name in self.names if not _PLAIN.fullmatch(name))

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Lengths that wanted ids have, longest first."""
        return tuple(sorted({len(name) for name in self.names}, reverse=True))

    def in_text(self, text: str) -> Iterator[Find]:
        """Ids in running text."""
        for found in self._pattern.finditer(text):
            start = found.start()
            if start and _LEFT.search(text[max(0, start - 1) : start]):
                continue
            run = found.group()
            for candidate in dict.fromkeys((run, run.rstrip(_ENDS))):
                name = self.of(candidate) or self.of(unquote(candidate))
                if name:
                    yield Find(name, start, start + len(candidate))
                    break
        for name in self._odd:
            start = text.find(name)
            while start >= 0:
                yield Find(name, start, start + len(name))
                start = text.find(name, start + len(name))

    def in_run(self, run: str, before: str) -> str:
        """The wanted id that a run of bytes begins with; empty where it belongs to one who lives."""
        left = _LEFT.search(before)
        for extra in _suffixes(left.group() if left else ""):
            if any(f"{extra}{run[:size]}" in self.living for size in range(len(run), 0, -1)) and extra:
                return ""
        for size in range(len(run), 0, -1):
            if run[:size] in self.living and run[:size] not in self.names:
                return ""
            if (size in self.lengths or self.pseudonyms) and (name := self.of(run[:size])):
                return name
        return ""


def _suffixes(text: str) -> Iterator[str]:
    for start in range(len(text)):
        yield text[start:]


def wanted_names(names: Iterable[str], living: Iterable[str], items: Iterable[str]) -> Wanted:
    """These ids, among what lives."""
    wanted, there = frozenset(names), frozenset(items)
    return Wanted(names=wanted, living=(frozenset(living) | there) - (wanted - there), items=there & wanted)


def wanted_receipt(
    receipt: Mapping[str, object], key: bytes, living: Iterable[str], items: Iterable[str]
) -> Wanted:  # fmt: skip
    """Those that a receipt stands for."""
    people, platforms = receipt["people"], receipt["platforms"]
    assert isinstance(people, list)
    assert isinstance(platforms, list)
    hashed, there = frozenset(map(str, people)), frozenset(items)
    shared = frozenset(one for one in there if pseudonym(key, one) in hashed)
    return Wanted(pseudonyms=hashed, key=key, platforms=frozenset(map(str, platforms)),
                  living=frozenset(living) | there, items=shared)  # fmt: skip
