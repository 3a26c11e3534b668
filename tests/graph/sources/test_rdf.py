"""RDF of others: escapes, languages, several values, types, blank nodes, reified statements; in both its forms."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from graph.errors import InvalidData
from graph.schema import NodeBatch
from graph.sources.chunks import GraphChunk
from graph.sources.detect import open_path
from graph.sources.graph_map import GraphMap
from graph.sources.rdf_words import distinct_names, local_name, own_node, type_name
from tests.graph.made import NOW, write

FILMS = """
# films
<http://x/f/1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://x/Film> .
<http://x/f/1> <http://www.w3.org/2000/01/rdf-schema#label> "Heat"@en .
<http://x/f/1> <http://www.w3.org/2000/01/rdf-schema#label> "Hitze"@de-AT .
<http://x/f/1> <http://x/year> "1995"^^<http://www.w3.org/2001/XMLSchema#gYear> .
<http://x/f/1> <http://x/score> "8.25"^^<http://www.w3.org/2001/XMLSchema#decimal> .
<http://x/f/1> <http://x/quote> "a \\"b\\" \\\\ \\u00e9\\U0001F600\\n." .
<http://x/f/1> <http://x/cast> "Al" .
<http://x/f/1> <http://x/cast> "Bob" .
<http://x/f/1> <http://x/directedBy> <http://x/p/mann> .
<http://x/f/1> <http://x/directedBy> <http://x/p/mann> .
<http://x/f/1> <http://x/madeIn> _:b1 .
_:b1 <http://x/name> "L.A." .
<http://x/u/ann> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://x/Viewer> .
<http://x/u/ann> <http://x/saw> <http://x/f/1> . # a comment
"""

TURTLE = """
@prefix x: <http://x/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
<http://x/f/1> a x:Film ; rdfs:label "Heat"@en, "Hitze"@de-AT ; x:year "1995"^^xsd:gYear ; x:score 8.25 ;
  x:quote "a \\"b\\" \\\\ \\u00e9\\U0001F600\\n." ; x:cast "Al", "Bob" ; x:directedBy <http://x/p/mann> ;
  x:madeIn _:b1 .
_:b1 x:name "L.A." .
<http://x/u/ann> a x:Viewer ; x:saw <http://x/f/1> .
"""


def graph(folder: Path, mapping: GraphMap | None = None) -> tuple[dict[tuple[str, str], Any], set[tuple[Any, ...]]]:
    """Nodes and relationships of all chunks."""
    nodes: dict[tuple[str, str], Any] = {}
    edges: set[tuple[Any, ...]] = set()
    for chunk in open_path(folder, now=NOW, mapping=mapping).graph():
        batch = chunk.batch
        for row in batch.rows.to_pylist():
            kept = {name: value for name, value in row.items() if value is not None}
            if isinstance(batch, NodeBatch):
                nodes.setdefault((batch.label, kept.pop("id")), {}).update(kept)
            else:
                values = tuple(
                    sorted((name, str(value)) for name, value in kept.items() if name not in {"head", "tail"})
                )
                edges.add((batch.type, batch.head_label, row["head"], batch.tail_label, row["tail"], *values))
    return nodes, edges


EXPECTED = {
    ("Film", "http://x/f/1"): {
        "label_en": "Heat", "label_de_at": "Hitze", "year": 1995, "score": 8.25, "quote": 'a "b" \\ é😀\n.',
        "cast": ["Al", "Bob"],
    },
    ("Entity", "_:b1"): {"name": "L.A."},
    ("Viewer", "http://x/u/ann"): {},
    ("Entity", "http://x/p/mann"): {},
}  # fmt: skip


@pytest.mark.parametrize(
    "files",
    [{"films.nt": FILMS}, {"films.ttl": TURTLE}, {"films.nt.gz": gzip.compress(FILMS.encode())},
     {"films.ttl.gz": gzip.compress(TURTLE.encode())}],
    ids=["nt", "ttl", "nt.gz", "ttl.gz"],
)  # fmt: skip
@pytest.mark.parametrize("bucket", [64 << 20, 200])
def test_what_is_said_of_subjects(tmp_path, monkeypatch, files, bucket):
    monkeypatch.setattr("graph.sources.rdf_spool.BYTES_A_BUCKET", bucket)
    nodes, edges = graph(write(tmp_path / "rdf", files))
    (about,) = [nodes.pop(key) for key in list(nodes) if key[0] == "Platform"]
    assert nodes == EXPECTED
    assert edges == {
        ("DIRECTED_BY", "Film", "http://x/f/1", "Entity", "http://x/p/mann"),
        ("MADE_IN", "Film", "http://x/f/1", "Entity", "_:b1"),
        ("SAW", "Viewer", "http://x/u/ann", "Film", "http://x/f/1"),
    }
    assert "DIRECTED_BY=http://x/directedBy" in about["iris"]


def test_a_map_says_who_is_user_and_item(tmp_path):
    mapping = GraphMap(
        users=frozenset({"http://x/Viewer"}),
        items=frozenset({"Film"}),
        interactions={"http://x/saw": "viewed"},
        properties={"http://www.w3.org/2000/01/rdf-schema#label@en": "title", "quote": "text"},
    )
    nodes, edges = graph(write(tmp_path / "rdf", {"films.nt": FILMS}), mapping)
    film = nodes["Item", "http://x/f/1"]
    assert (film["title"], film["label_de_at"], film["text"][0]) == ("Heat", "Hitze", "a")
    assert ("VIEWED", "User", "http://x/u/ann", "Item", "http://x/f/1") in edges


def test_reified_statements_are_relationships_with_properties(tmp_path):
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    lines = [
        f"_:s <{rdf}type> <{rdf}Statement> .", f"_:s <{rdf}subject> <http://x/a> .",
        f"_:s <{rdf}predicate> <urn:interlace:type:RATED> .", f"_:s <{rdf}object> <http://x/b> .",
        '_:s <urn:interlace:property:value> "4.5"^^<http://www.w3.org/2001/XMLSchema#double> .',
        f"<http://x/a> <{rdf}type> <urn:interlace:label:User> .",
        f"<http://x/b> <{rdf}type> <urn:interlace:label:Item> .",
    ]  # fmt: skip
    nodes, edges = graph(write(tmp_path / "rdf", {"a.nt": "\n".join(lines)}))
    assert {key for key in nodes if key[0] != "Platform"} == {("User", "http://x/a"), ("Item", "http://x/b")}
    assert edges == {("RATED", "User", "http://x/a", "Item", "http://x/b", ("value", "4.5"))}


def refused(chunks: list[GraphChunk]) -> list[tuple[int, str]]:
    return [(row["row"], row["text"]) for chunk in chunks for row in chunk.refused.to_pylist()]


def test_lines_that_are_no_statements_are_refused(tmp_path):
    bad = [
        "<http://x/a> <http://x/p> .",
        '<http://x/a> <http://x/p> "x',
        '<a b> <http://x/p> "x" .',
        '"s" <http://x/p> "x" .',
    ]
    text = "\n".join([*bad, '<http://x/a> <http://x/p> "good" .'])
    source = open_path(write(tmp_path / "rdf", {"a.nt": text}), now=NOW)
    assert refused(list(source.graph())) == list(enumerate(bad, 1))
    (tmp_path / "rdf" / "a.nt").write_bytes(b'<http://x/a> <http://x/p> "\xff" .\n')
    assert [number for number, _ in refused(list(source.graph()))] == [1]


def test_turtle_that_is_broken_names_the_line(tmp_path):
    source = open_path(write(tmp_path / "rdf", {"a.ttl": "@prefix x: <http://x/> .\nx:a x:b x:c d .\n"}), now=NOW)
    with pytest.raises(InvalidData, match="line 2"):
        list(source.graph())


def test_names_of_iris():
    assert own_node("urn:interlace:node:Item:ml%20x:1%2F2") == ("Item", "ml x:1/2")
    assert own_node("http://x/1") is None
    assert local_name("http://x/y#2nd-name") == "_2nd_name"
    assert type_name("http://x/directedBy") == "DIRECTED_BY"
    assert type_name("urn:interlace:type:IsIt") == "IsIt"
    assert distinct_names(["http://b/name", "http://a/name"]) == {"http://a/name": "name", "http://b/name": "name_2"}
