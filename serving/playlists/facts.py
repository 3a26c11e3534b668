"""Why an entry is in a list: what it shares with what the list starts from, each a fact that the index holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.live import Live
from serving.playlists.transitions import Transitions
from serving.scenarios.columns import Columns, Words

ASKED, ATTRIBUTE, TOGETHER, NEXT, RANKED = "asked", "attribute", "together", "next", "ranked"
MOST = 3
NEWEST = 20
"""Seeds that entries are compared with."""
TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "en": {
        ASKED: "{label}: {name}, as asked",
        ATTRIBUTE: "{label} {name}, as {item}",
        TOGETHER: "people who liked {item} liked it too",
        NEXT: "people go on to it after {item}",
        RANKED: "the model ranks it high here",
    },
    "zh": {
        ASKED: "按要求 {label} {name}",
        ATTRIBUTE: "与《{item}》同属{label}“{name}”",
        TOGETHER: "喜欢《{item}》的人也喜欢它",
        NEXT: "常在《{item}》之后",
        RANKED: "模型在此给它较高的排名",
    },
})  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """`label` and `name` of an attribute, or `item`: the position of a seed; empty and None where it has none."""

    kind: str
    label: str = ""
    name: str = ""
    item: int | None = None

    def json(self, live: Live, language: str) -> dict[str, Any]:
        """As answers tell it."""
        title = None if self.item is None else title_of(live, self.item)
        text = TEXTS[language][self.kind]
        for gap, value in (("label", self.label), ("name", self.name), ("item", title or "")):
            text = text.replace("{" + gap + "}", value)
        return {"kind": self.kind, "text": text, "label": self.label or None, "name": self.name or None,
                "item": None if self.item is None else live.id(self.item)}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """Tells why; `asked`: label -> name that every entry has; `seeds`: positions, oldest first."""

    live: Live
    columns: Columns
    transitions: Transitions
    asked: Mapping[str, str]
    seeds: Sequence[int]
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """Label -> how many items have each of its names, as far as they were needed."""

    def of(self, item: int) -> list[Fact]:
        """At least one, at most `MOST`: what was asked for, the rarest shared attribute, what people do."""
        newest = [seed for seed in self._newest if seed != item]
        found = [Fact(ASKED, label, name) for label, name in self.asked.items()]
        found += self._shared(item)
        found += [Fact(TOGETHER, item=seed) for seed in self._near(item, newest, self._crowd)]
        found += [Fact(NEXT, item=seed) for seed in self._near(item, newest, self._after)]
        return found[:MOST] or [Fact(RANKED)]

    def between(self, order: Sequence[int]) -> list[Fact | None]:
        """What joins each entry with the one before it; None for the first one, and where nothing is known."""
        found: list[Fact | None] = [None] if order else []
        for before, item in pairwise(order):
            fact = replace(self, asked={}, seeds=[before]).of(item)[0]
            found.append(None if fact.kind == RANKED else fact)
        return found

    @cached_property
    def _newest(self) -> list[int]:
        return list(self.seeds)[-NEWEST:]

    @cached_property
    def _of_seeds(self) -> Mapping[tuple[str, int], list[int]]:
        """Label and place of a name in its words -> the seeds that have it, oldest first."""
        found: dict[tuple[str, int], list[int]] = {}
        for seed in self._newest:
            for label, words in self._words(seed):
                for code in words.of(seed).tolist():
                    found.setdefault((label, code), []).append(seed)
        return found

    def _common(self, label: str, words: Words) -> NDArray[np.int64]:
        """How many items have each name."""
        if label not in self.counts:
            self.counts[label] = np.bincount(words.codes)
        return self.counts[label]

    def _words(self, item: int) -> Iterator[tuple[str, Words]]:
        """Labels that an item's card shows, and their words."""
        for label in attributes_of(self.live, item):
            words = self.columns.label(label)
            if words is not None:
                yield label, words

    def _shared(self, item: int) -> list[Fact]:
        """The rarest attribute that it shares with a seed, and the newest seed that has it."""
        best: tuple[int, Fact] | None = None
        for label, words in self._words(item):
            for code in words.of(item).tolist():
                others = [seed for seed in self._of_seeds.get((label, code), ()) if seed != item]
                common = int(self._common(label, words)[code]) if others else 0
                if others and (best is None or common < best[0]):
                    best = common, Fact(ATTRIBUTE, label, words.names[code], others[-1])
        return [] if best is None else [best[1]]

    def _near(self, item: int, seeds: Sequence[int], after: Any) -> list[int]:
        """The newest seed after which the item comes."""
        return next(([seed] for seed in reversed(seeds) if item in after(seed)), [])

    def _crowd(self, seed: int) -> Any:
        live = self.live
        return live.index.crowd_items[seed] if seed < live.index.num_items else np.empty(0, np.int32)

    def _after(self, seed: int) -> Any:
        return self.transitions.after(seed)[0]


def attributes_of(live: Live, item: int) -> Mapping[str, Sequence[str]]:
    """Label -> names, as the item's card shows them."""
    found: Mapping[str, Sequence[str]] = orjson.loads(live.card(item))["attributes"]
    return found


def title_of(live: Live, item: int) -> str:
    """An item's title, else its id."""
    return str(orjson.loads(live.card(item))["title"] or live.id(item))
