"""`interlace ingest` with its options, and `export-graph`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serving.cli.ingest_options import Rate, is_neo4j
from tests.graph.made import SHOP, write
from tests.serving.cli.conftest import Interlace


class Shown:
    """A step that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.places: list[tuple[int, int]] = []

    def advance(self, count: int = 1) -> None:  # noqa: ARG002 - a step's signature
        raise AssertionError("not used")

    def at(self, done: int, total: int) -> None:
        self.places.append((done, total))

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.integration
def test_out_of_one_home_into_another(interlace: Interlace, tmp_path: Path) -> None:
    shop = write(tmp_path / "shop", SHOP)
    first = interlace("ingest", shop, "--platform", "shop", "--home", tmp_path / "a", "--json")
    assert first.code == 0, first.err
    remembered = json.loads((tmp_path / "a" / "sources.json").read_text())["sources"]
    assert [(one["platform"], one["sync"]) for one in remembered] == [("shop", False)]
    out = interlace("export-graph", tmp_path / "out", "--format", "csv", "--home", tmp_path / "a", "--json")
    assert out.code == 0, out.err
    assert out.json["lost"] == []
    assert out.json["relationships"]["PURCHASED"] == 1
    second = interlace("ingest", tmp_path / "out", "--home", tmp_path / "b", "--json")
    assert second.code == 0, second.err
    assert (second.json["nodes"], second.json["relationships"]) == (first.json["nodes"], first.json["relationships"])
    write(shop, {"friends.csv": "user,friend\nann,cid\n"})
    synced = interlace("ingest", shop, "--platform", "shop", "--sync", "--home", tmp_path / "a", "--json")
    assert (synced.json["deleted_nodes"], synced.json["deleted_relationships"]) == (0, 1)


def test_what_is_missing_or_wrong_is_named(interlace: Interlace, tmp_path: Path) -> None:
    assert "give one of them" in interlace("export-graph").err
    assert "give one of them" in interlace("export-graph", "out", "--to", "bolt://x").err
    assert "no Neo4j" in interlace("export-graph", "--to", "local:x").err
    write(tmp_path / "pens", {"nodes/Item.csv": "id\n1\n"})
    missing = interlace("ingest", "pens", "--map", "none.toml", "--platform", "p")
    assert missing.code == 2
    assert "none.toml" in missing.err
    offline = interlace("ingest", "pens", "--platform", "p", "--offline", tmp_path)
    assert offline.code == 2
    assert "neo4j-admin" in offline.err
    unreachable = interlace("ingest", "bolt://127.0.0.1:1", "--platform", "p", "--source-password-file", "none")
    assert "--source-password-file" in unreachable.err


def test_the_rate_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 100.2, 110.0, 110.5])
    monkeypatch.setattr("serving.cli.ingest_options.time.monotonic", lambda: next(now))
    shown = Shown()
    rate = Rate(shown)
    rate("reading", 10, None)
    rate("reading", 20, None)  # too soon to say something again
    rate("reading", 1000, None)
    rate("loading", 0, 4000)
    assert shown.notes[1] == "reading 1,000 rows, 100 a second"
    assert shown.places == [(0, 4000)]
    monkeypatch.setattr("serving.cli.ingest_options.time.monotonic", lambda: 120.5)
    rate("loading", 1000, 4000)
    assert shown.notes[-1] == "loading 1,000 rows, 100 a second, 0:30 left"


def test_what_is_a_neo4j() -> None:
    assert is_neo4j("bolt://host:7687")
    assert is_neo4j("neo4j+s://host")
    assert not is_neo4j("bolt/x.csv")
    assert not is_neo4j("http://host")
