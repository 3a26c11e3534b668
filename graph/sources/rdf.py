"""RDF (N-Triples and Turtle) as a graph: what is said of a subject becomes a node, IRIs between subjects relationships.

- A subject's label is its rdf:type (a user or item first where a map says so; else the first by name), `Entity`
  without one; its id is its IRI. Further types stay in the property `types`.
- Literals become properties under the last part of their predicate (`label`, with a language `label_en`); several of
  one property become a list. Numbers, booleans and JSON lists are read as such, any other datatype as text.
- Other objects become relationships: `directedBy` is `DIRECTED_BY`. The IRI behind each name is kept on the platform's
  node, in `iris`.
- rdf:Statement with rdf:subject, rdf:predicate and rdf:object is a relationship with properties.

What `interlace export-graph` writes as RDF comes back as it was (`graph.sources.rdf_words`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from graph.errors import NotFound
from graph.sources.chunks import GraphChunk, Source
from graph.sources.graph_folder import has_whole_ids
from graph.sources.graph_map import GraphMap
from graph.sources.rdf_nodes import Reading
from graph.sources.rdf_spool import Statements
from graph.sources.rdf_statements import is_rdf, read_statements

NAME = "rdf"
LAYOUT = "files that end in .nt or .ttl (.gz)"


def matches(path: Path) -> bool:
    """Whether it is, or holds, RDF."""
    return bool(_files(path))


def open_source(path: Path, now: float, mapping: GraphMap) -> Source:
    """All RDF files of a folder as one graph, or one file."""
    folder = path if path.is_dir() else path.parent
    whole = has_whole_ids(folder) and not mapping
    files = _files(path)
    if not files:
        raise NotFound(f"{path} holds no RDF", valid=LAYOUT, remedy="check the path")

    def chunks() -> Iterator[GraphChunk]:
        with TemporaryDirectory(prefix="interlace-rdf-") as temporary:
            statements = Statements(Path(temporary), sum(one.stat().st_size for one in files))
            for file in files:
                for raw in read_statements(file):
                    yield from statements.add(raw, file.name)
            yield from Reading(statements, mapping, now, files[0].name, whole=whole).chunks()

    return Source(NAME, folder, graph=chunks, whole_ids=whole, size=sum(one.stat().st_size for one in files))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if is_rdf(path) else []
    return sorted(one for one in path.iterdir() if one.is_file() and is_rdf(one))
