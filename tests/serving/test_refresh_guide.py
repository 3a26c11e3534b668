"""The Cypher of docs/guide/refresh.md finds on both stores what it says it finds."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from graph.schema import EdgeBatch, NodeBatch
from graph.store import GraphStore

pytestmark = pytest.mark.integration
GUIDE = Path(__file__).parents[2] / "docs/guide/refresh.md"
BLOCKS = re.findall(r"^```cypher\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
FOUND = [
    [(1, "Alien", 0.9), (2, "Heat", 0.5)],
    [("Heat", 0.7)],
    [("shop:42", "Alien", 1)],
    [("Alien", 0.8)],
]


def edges(kind: str, ends: tuple[str, str], head: list[str], tail: list[str], **values: list[object]) -> EdgeBatch:
    return EdgeBatch(kind, *ends, pa.table({"head": head, "tail": tail, **values}))


@pytest.fixture
def store(any_store: GraphStore) -> GraphStore:
    any_store.bulk_load(
        [
            NodeBatch("User", pa.table({"id": ["shop:1", "shop:42"]})),
            NodeBatch("Item", pa.table({"id": ["shop:7", "shop:8", "shop:9"], "title": ["Up", "Heat", "Alien"]})),
            NodeBatch("Genre", pa.table({"id": ["Genre:Horror"], "name": ["Horror"]})),
            NodeBatch("ZeroShotTag", pa.table({"id": ["ZeroShotTag:Horror"], "name": ["Horror"]})),
            edges("RECOMMENDED", ("User", "Item"), ["shop:42"] * 2, ["shop:8", "shop:9"], rank=[2, 1],
                  score=[0.5, 0.9]),
            edges("SIMILAR", ("Item", "Item"), ["shop:7"] * 2, ["shop:8", "shop:9"], score=[0.7, 0.6],
                  modality=["text", "crowd"]),
            edges("FRIEND", ("User", "User"), ["shop:1"], ["shop:42"]),
            edges("PURCHASED", ("User", "Item"), ["shop:1"], ["shop:9"]),
            edges("HAS_GENRE", ("Item", "Genre"), ["shop:8"], ["Genre:Horror"]),
            edges("TAGGED", ("Item", "ZeroShotTag"), ["shop:8", "shop:9"], ["ZeroShotTag:Horror"] * 2,
                  confidence=[0.9, 0.8]),
        ]
    )  # fmt: skip
    return any_store


def test_every_example_is_tried() -> None:
    assert len(BLOCKS) == len(FOUND)


@pytest.mark.parametrize("place", range(len(FOUND)))
def test_example(store: GraphStore, place: int) -> None:
    assert store.query(BLOCKS[place]).rows == FOUND[place]
