"""RDF's words and ours: how nodes, labels, properties and types of a graph are IRIs, and how foreign IRIs become names.

urn:interlace:node:Item:movielens:1     a node: label, then its id (percent-encoded)
urn:interlace:label:Item                a label, as the object of rdf:type
urn:interlace:property:title            a property, as the predicate of a literal
urn:interlace:type:RATED                a relationship type, as a predicate between nodes
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

NODE = "urn:interlace:node:"
LABEL = "urn:interlace:label:"
PROPERTY = "urn:interlace:property:"
TYPE = "urn:interlace:type:"

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XSD = "http://www.w3.org/2001/XMLSchema#"
RDF_TYPE = f"{RDF}type"
STATEMENT, SUBJECT, PREDICATE, OBJECT = (f"{RDF}{name}" for name in ("Statement", "subject", "predicate", "object"))
JSON = f"{RDF}JSON"
INTEGERS = frozenset(
    XSD + name
    for name in (
        "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger",
        "negativeInteger", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte", "gYear",
    )
)  # fmt: skip
FLOATS = frozenset(XSD + name for name in ("double", "float", "decimal"))
BOOLEAN = f"{XSD}boolean"
SAFE = ":"
"""Characters of an id that stay as they are in an IRI, beside letters, digits and `_.-~`."""


def node_iri(label: str, identity: str) -> str:
    """IRI of a node of ours."""
    return f"{NODE}{label}:{quote(identity, safe=SAFE)}"


def own_node(iri: str) -> tuple[str, str] | None:
    """Label and id of a node of ours, None for any other IRI."""
    if not iri.startswith(NODE):
        return None
    label, _, identity = iri[len(NODE) :].partition(":")
    return label, unquote(identity)


def local_name(iri: str) -> str:
    """The last part of an IRI, as a name that Cypher allows."""
    last = re.split(r"[#/:]", iri.rstrip("#/:"))[-1]
    found = re.sub(r"[^A-Za-z0-9_]", "_", unquote(last))[:100] or "_"
    return f"_{found}" if found[0].isdigit() else found


def type_name(iri: str) -> str:
    """A predicate as a relationship type: `directedBy` -> `DIRECTED_BY`; ours are as they are."""
    if iri.startswith(TYPE):
        return local_name(iri)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", local_name(iri)).upper()


def distinct_names(iris: Iterable[str], *, types: bool = False, taken: Iterable[str] = ()) -> dict[str, str]:
    """IRI -> name; of several with one name the first in order has it, the others get a number behind."""
    found: dict[str, str] = {}
    used = {*taken}
    for iri in sorted(iris, key=lambda iri: (not iri.startswith("urn:interlace:"), iri)):
        name = type_name(iri) if types else local_name(iri)
        number = 2
        plain = name
        while name in used:
            name, number = f"{plain}_{number}", number + 1
        used.add(name)
        found[iri] = name
    return found
