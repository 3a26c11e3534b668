"""What a cross-encoder reads: `[CLS] titles that the user chose, newest first [SEP] the candidate's text [SEP]`.

Between the snapshot and the network. The two halves are tokenised apart, each to its own bound, so that what the
network computes of one can be kept and used with every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph.errors import Unsupported
from graph.snapshot import Snapshot
from training.beyond import Categories
from training.data import Histories
from training.rerank.features import newest_items

WORDS = ("[CLS]", "[SEP]", ";")
CHARACTERS = 1000
"""Longer texts are cut before they reach the tokenizer."""


@dataclass(frozen=True)
class ItemTexts:
    """One string an item: `titles` stand for it in a history, `texts` (title, year, kinds, text) as a candidate."""

    titles: tuple[str, ...]
    texts: tuple[str, ...]


def item_texts(snapshot: Snapshot, categories: Categories | None) -> ItemTexts:
    """Titles and texts, from the item properties. Raises `Unsupported` where no item has either."""
    columns = snapshot.item_properties.column_names
    found = {
        name: snapshot.item_properties.column(name).to_pylist() if name in columns else [None] * len(snapshot.items)
        for name in ("title", "year", "text")
    }
    if not any(one for name in ("title", "text") for one in found[name]):
        raise Unsupported(
            "a cross-encoder for a catalogue without titles and texts",
            valid="items.csv with a column title or text",
            remedy="add one, or leave cross-encoder out of --ways",
        )
    kinds = _kinds(categories, len(snapshot.items))
    rows = zip(found["title"], found["year"], kinds, found["text"], strict=True)
    texts = tuple(_joined(title, year, kind, text) for title, year, kind, text in rows)
    titles = tuple(str(one or text)[:80] for one, text in zip(found["title"], texts, strict=True))
    return ItemTexts(titles, texts)


def _kinds(categories: Categories | None, count: int) -> list[str]:
    if categories is None:
        return [""] * count
    shares = categories.shares
    rows = np.split(shares.indices, shares.indptr[1:-1])
    return [", ".join(categories.names[place] for place in row) for row in rows]


def _joined(title: object, year: object, kind: str, text: object) -> str:
    named = f"{title} ({year})" if title and year else str(title or "")
    return ". ".join(part for part in (named, kind, str(text or "")) if part)[:CHARACTERS]


@dataclass(frozen=True)
class Tokens:
    """Token ids (rows, length) int64, padded with 0, and which are `real`."""

    ids: NDArray[np.int64]
    real: NDArray[np.bool_]

    def take(self, rows: NDArray[np.integer]) -> Tokens:
        """The given rows, in the given order."""
        return Tokens(self.ids[rows], self.real[rows])


class Tokenizer:
    """BERT's word pieces from a model folder; `user_tokens` and `item_tokens` bound the halves, [CLS], [SEP] included.

    `last`: so many distinct items of a history are read.
    """

    def __init__(self, folder: Path, texts: ItemTexts, *, user_tokens: int, item_tokens: int, last: int) -> None:
        from tokenizers import Tokenizer as Pieces

        self._pieces = pieces = Pieces.from_file(str(folder / "tokenizer.json"))
        pieces.no_padding()
        pieces.no_truncation()
        self._begin, self._end, self._stop = (int(pieces.token_to_id(one) or 0) for one in WORDS)
        self._texts, self._last = texts, last
        self.user_tokens, self.item_tokens = user_tokens, item_tokens
        self._titles = self._encode(texts.titles)

    def items(self, items: NDArray[np.integer]) -> Tokens:
        """(len(items), item_tokens): the second half."""
        found = self._encode([self._texts.texts[item] for item in items])
        return _padded([[*row[: self.item_tokens - 1], self._end] for row in found], self.item_tokens)

    def users(self, histories: Histories) -> Tokens:
        """(users, user_tokens): the first half; an empty history is `[CLS] [SEP]`."""
        rows = []
        for newest in newest_items(histories, 4 * self._last):
            words: list[int] = []
            for item in list(dict.fromkeys(newest[newest >= 0].tolist()))[: self._last]:
                words += [self._stop, *self._titles[item]] if words else self._titles[item]
            rows.append([self._begin, *words[: self.user_tokens - 2], self._end])
        return _padded(rows, self.user_tokens)

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self._pieces.encode_batch(list(texts), add_special_tokens=False)
        return [one.ids for one in encoded]


def _padded(rows: Sequence[Sequence[int]], length: int) -> Tokens:
    ids, real = np.zeros((len(rows), length), np.int64), np.zeros((len(rows), length), np.bool_)
    for place, row in enumerate(rows):
        ids[place, : len(row)], real[place, : len(row)] = row, True
    return Tokens(ids, real)
