"""Buckets of statements to nodes and relationships: labels and names first, then nodes, then what joins them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from graph.schema import ENTITY, ITEM, KIND_TO_TYPE, PLATFORM, USER, NodeBatch
from graph.sources.chunks import GraphChunk
from graph.sources.graph_lines import Groups
from graph.sources.graph_map import GraphMap
from graph.sources.rdf_spool import Statements, hashes
from graph.sources.rdf_words import (
    BOOLEAN,
    FLOATS,
    INTEGERS,
    JSON,
    LABEL,
    OBJECT,
    PREDICATE,
    RDF_TYPE,
    STATEMENT,
    SUBJECT,
    distinct_names,
    local_name,
    own_node,
)

ROWS_A_CHUNK = 50_000


class Said(NamedTuple):
    """One statement of a subject."""

    predicate: str
    object: str
    kind: str
    datatype: str
    language: str


@dataclass
class _Words:
    """What the whole of the statements tells: names of predicates, which of them have several values."""

    properties: set[str] = field(default_factory=set)
    relations: set[str] = field(default_factory=set)
    several: set[tuple[str, str]] = field(default_factory=set)


class _Labels:
    """Which label each subject has: a hash and a code for each."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._parts: list[tuple[NDArray[np.uint64], NDArray[np.int16]]] = []
        self._hashes: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._labels: NDArray[np.int16] = np.empty(0, np.int16)

    def add(self, subjects: list[str], labels: list[str]) -> None:
        codes = np.array([self._codes.setdefault(label, len(self._codes)) for label in labels], np.int16)
        self._parts.append((hashes(pa.array(subjects, pa.string())), codes))

    def ready(self) -> None:
        """Sorts what came."""
        if self._parts:
            found = np.concatenate([one for one, _ in self._parts])
            order = np.argsort(found, kind="stable")
            self._hashes = found[order]
            self._labels = np.concatenate([two for _, two in self._parts])[order]

    def of(self, subjects: list[str]) -> list[str | None]:
        """The labels of these, None for one of which nothing is said."""
        if not len(self._hashes) or not subjects:
            return [None] * len(subjects)
        wanted = hashes(pa.array(subjects, pa.string()))
        places = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        known = self._hashes[places] == wanted
        names = list(self._codes)
        return [names[self._labels[place]] if there else None for place, there in zip(places, known, strict=True)]


class Reading:
    """One reading of statements. `whole`: they are of a graph of ours, which says all ids itself."""

    def __init__(self, statements: Statements, mapping: GraphMap, now: float, file: str, *, whole: bool) -> None:
        self._statements = statements
        self._mapping = mapping
        self._now = now
        self._file = file
        self._whole = whole
        self._words = _Words()
        self._labels = _Labels()
        self._property_names: dict[str, str] = {}
        self._type_names: dict[str, str] = {}

    def chunks(self) -> Iterator[GraphChunk]:
        """Nodes, then relationships."""
        self._learn()
        if not self._whole:
            yield self._about()
        yield from self._nodes()
        yield from self._relationships()

    def _learn(self) -> None:
        for table in self._statements.buckets():
            subjects: list[str] = []
            labels: list[str] = []
            for subject, said in _subjects(table):
                if not _is_statement(said):
                    subjects.append(subject)
                    labels.append(self._label(subject, said))
                self._learn_predicates(said)
            self._labels.add(subjects, labels)
        self._labels.ready()
        self._property_names = distinct_names(self._words.properties, taken=("id", "head", "tail"))
        self._type_names = distinct_names(self._words.relations, types=True)

    def _learn_predicates(self, said: list[Said]) -> None:
        seen: set[tuple[str, str]] = set()
        for one in said:
            if one.kind != "literal":
                if one.predicate == PREDICATE:
                    self._words.relations.add(one.object)
                elif one.predicate not in {RDF_TYPE, SUBJECT, OBJECT}:
                    self._words.relations.add(one.predicate)
                continue
            self._words.properties.add(one.predicate)
            key = one.predicate, one.language
            if key in seen:
                self._words.several.add(key)
            seen.add(key)

    def _label(self, subject: str, said: list[Said]) -> str:
        own = own_node(subject)
        if own:
            return own[0]
        types = sorted(one.object for one in said if one.predicate == RDF_TYPE)
        for ours, theirs in ((USER, self._mapping.users), (ITEM, self._mapping.items)):
            if any(one == LABEL + ours or one in theirs or local_name(one) in theirs for one in types):
                return ours
        return local_name(types[0]) if types else ENTITY

    def _about(self) -> GraphChunk:
        """The platform's node, with the IRI behind each name."""
        iris = sorted(
            {f"{name}={iri}" for names in (self._property_names, self._type_names) for iri, name in names.items()}
        )
        rows = pa.table({"id": [""], "iris": pa.array([iris], pa.list_(pa.string()))})
        return GraphChunk(self._file, NodeBatch(PLATFORM, rows), pa.array([-1], pa.int64()))

    def _nodes(self) -> Iterator[GraphChunk]:
        groups = Groups(GraphMap(), self._now, self._file)
        for table in self._statements.buckets():
            numbers = iter(_first_rows(table))
            others: dict[str, None] = {}
            for subject, said in _subjects(table):
                number = next(numbers)
                others.update(dict.fromkeys(one.object for one in said if _joins(one)))
                if not _is_statement(said):
                    label = self._label(subject, said)
                    groups.add_node(_identity(subject), [label], self._properties(label, said), number)
                if groups.size >= ROWS_A_CHUNK:
                    yield from groups.take()
            for name, label_or_none in zip(others, self._labels.of(list(others)), strict=True):
                if label_or_none is None and own_node(name) is None:
                    groups.add_node(name, [ENTITY], {}, -1)
            yield from groups.take()

    def _properties(self, label: str, said: list[Said]) -> dict[str, Any]:
        found: dict[str, list[Any]] = defaultdict(list)
        several: set[str] = set()
        for one in said:
            if one.kind == "literal":
                name = self._name(label, one)
                found[name].append(_value(one))
                if (one.predicate, one.language) in self._words.several:
                    several.add(name)
        properties: dict[str, Any] = {
            name: values if name in several or len(values) > 1 else values[0] for name, values in found.items()
        }
        types = sorted(one.object for one in said if one.predicate == RDF_TYPE)
        if len(types) > 1:
            properties["types"] = types
        return properties

    def _name(self, label: str, one: Said) -> str:
        """Our name of a property: what the map says of the IRI (with its language or without) or of the name."""
        for key in (f"{one.predicate}@{one.language}", one.predicate):
            if key in self._mapping.properties:
                return self._mapping.properties[key]
        name = self._property_names[one.predicate]
        if one.language:
            name = f"{name}_{one.language.replace('-', '_')}"
        return self._mapping.property(label, name)

    def _type(self, iri: str) -> str:
        name = self._type_names[iri]
        kind = self._mapping.interactions.get(iri) or self._mapping.interactions.get(name)
        return KIND_TO_TYPE[kind] if kind else name

    def _relationships(self) -> Iterator[GraphChunk]:
        for table in self._statements.buckets():
            groups = Groups(GraphMap(), self._now, self._file)
            waiting: list[tuple[str, str, str, dict[str, Any], int]] = []
            numbers = iter(_first_rows(table))
            for subject, said in _subjects(table):
                number = next(numbers)
                if _is_statement(said):
                    waiting.extend(self._reified(said, number))
                else:
                    waiting += [
                        (self._type(one.predicate), subject, one.object, {}, number) for one in said if _joins(one)
                    ]
                if len(waiting) >= ROWS_A_CHUNK:
                    yield from self._joined(waiting, groups)
                    waiting = []
            yield from self._joined(waiting, groups)

    def _reified(self, said: list[Said], number: int) -> Iterator[tuple[str, str, str, dict[str, Any], int]]:
        parts = {one.predicate: one.object for one in said if one.predicate in {SUBJECT, PREDICATE, OBJECT}}
        if len(parts) == 3:
            kind = self._type(parts[PREDICATE])
            yield kind, parts[SUBJECT], parts[OBJECT], self._properties(kind, said), number

    def _joined(self, waiting: list[tuple[str, str, str, dict[str, Any], int]], groups: Groups) -> Iterator[GraphChunk]:
        heads, tails = self._ends([one[1] for one in waiting]), self._ends([one[2] for one in waiting])
        for one, head, tail in zip(waiting, heads, tails, strict=True):
            groups.add_edge(one[0], head, tail, one[3], one[4])
        yield from groups.take()

    def _ends(self, names: list[str]) -> list[tuple[str, list[str]]]:
        labels = self._labels.of(names)
        return [
            (_identity(name), [label or (own_node(name) or (ENTITY, ""))[0]])
            for name, label in zip(names, labels, strict=True)
        ]


def _subjects(table: pa.Table) -> Iterator[tuple[str, list[Said]]]:
    columns = [table.column(name).to_pylist() for name in ("subject", *Said._fields)]
    rows = zip(*columns, strict=True)
    for subject, group in groupby(rows, key=lambda row: row[0]):
        yield subject, [Said(*row[1:]) for row in group]


def _first_rows(table: pa.Table) -> list[int]:
    """The number of the first statement of each subject."""
    subjects = table.column("subject").to_pylist()
    numbers = table.column("__row__").to_pylist()
    return [number for place, number in enumerate(numbers) if not place or subjects[place] != subjects[place - 1]]


def _identity(subject: str) -> str:
    own = own_node(subject)
    return own[1] if own else subject


def _joins(one: Said) -> bool:
    return one.kind != "literal" and one.predicate not in {RDF_TYPE, PREDICATE}


def _is_statement(said: list[Said]) -> bool:
    return any(one.predicate == RDF_TYPE and one.object == STATEMENT for one in said)


def _value(one: Said) -> Any:
    """The literal's value; its text where it is not what its datatype says."""
    try:
        if one.datatype in INTEGERS:
            return int(one.object)
        if one.datatype in FLOATS:
            return float(one.object)
        if one.datatype == BOOLEAN:
            return {"true": True, "1": True, "false": False, "0": False}.get(one.object, one.object)
        if one.datatype == JSON:
            return orjson.loads(one.object)
    except ValueError:
        return one.object
    return one.object
