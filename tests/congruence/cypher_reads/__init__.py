"""Reads as people write them, by construct: every one must pass the guard and be answered alike by both stores."""

from __future__ import annotations

from collections.abc import Mapping

from tests.congruence.cypher_reads import (
    aggregation,
    lists,
    maps,
    matching,
    mixed,
    paths,
    scalars,
    subqueries,
    temporal,
    words,
)

MODULES = (matching, subqueries, paths, lists, maps, aggregation, scalars, temporal, words, mixed)

CORPUS: Mapping[str, str] = {
    f"{module.__name__.rpartition('.')[2]}: {name}": text for module in MODULES for name, text in module.READS.items()
}
