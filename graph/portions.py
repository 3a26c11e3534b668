"""Long lists in portions, each small enough for one query or transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

One = TypeVar("One")


def portions(things: Iterable[One], size: int) -> Iterator[list[One]]:
    """Lists of `size`, the last one shorter; of nothing, none."""
    iterator = iter(things)
    while some := list(islice(iterator, size)):
        yield some
