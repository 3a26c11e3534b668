"""A batch cut into pieces that sum to it: what a process reads of a batch that all have drawn alike."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable


@runtime_checkable
class Divisible(Protocol):
    """A batch whose loss is a mean over `terms` terms, and whose pieces hold them all, each once."""

    @property
    def terms(self) -> int: ...

    def piece(self, number: int, of: int) -> Self:
        """The `number`-th of `of` pieces, from 0; it may be empty."""
        ...


def span(length: int, number: int, of: int) -> tuple[int, int]:
    """Where the `number`-th of `of` even stretches of `length` things begins and ends."""
    return length * number // of, length * (number + 1) // of
