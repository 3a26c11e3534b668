"""Reads on Neo4j: its own word on the text first (EXPLAIN), then READ access mode, a time-out, and TERMINATE.

READ mode alone lets LOAD CSV, SHOW and some procedures through, so every operator of the plan must be a known read.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import Any

import neo4j

from graph.errors import Forbidden, StoreUnavailable
from graph.guard.policy import Catalogue, Checked
from graph.guard.procedures import ALLOWED
from graph.neo4j_store import Neo4jStore
from graph.reader import Counters, IndexFacts, ReadLimits
from graph.reader_bolt import TAG, BoltReader
from graph.reader_names import plain, quoted
from graph.reader_watch import Running

_READS = """
    AllNodesScan Anti AntiConditionalApply AntiSemiApply Apply Argument ArgumentTracker BidirectionalRepeat
    CacheProperties CartesianProduct ConditionalApply DirectedAllRelationshipsScan DirectedRelationshipByElementIdSeek
    DirectedRelationshipByIdSeek DirectedRelationshipTypeScan DirectedUnionRelationshipTypesScan Distinct Eager
    EagerAggregation EmptyResult EmptyRow ErrorPlan Error Expand Filter IntersectionNodeByLabelsScan
    LeftOuterHashJoin LetAntiSemiApply LetSelectOrAntiSemiApply LetSelectOrSemiApply LetSemiApply Limit
    MultiNodeIndexSeek NestedPlanExpression NodeByElementIdSeek NodeByIdSeek NodeByLabelScan NodeCountFromCountStore
    NodeHashJoin NodeLeftOuterHashJoin NodeRightOuterHashJoin NonFuseable NullifyMetadata Optional OptionalExpand
    OrderedAggregation OrderedDistinct OrderedUnion PartialSort PartialTop PathPropagatingBFS PreserveOrder
    ProduceResults ProjectEndpoints Projection PruningVarLengthExpand RelationshipCountFromCountStore
    RemoteBatchProperties Repeat RepeatOptions RightOuterHashJoin RollUpApply SelectOrAntiSemiApply SelectOrSemiApply
    SemiApply ShortestPath Skip Sort StatefulShortestPath SubtractionNodeByLabelsScan Top TriadicBuild TriadicFilter
    TriadicSelection UndirectedAllRelationshipsScan UndirectedRelationshipByElementIdSeek
    UndirectedRelationshipByIdSeek UndirectedRelationshipTypeScan UndirectedUnionRelationshipTypesScan Union
    UnionNodeByLabelsScan Unwind ValueHashJoin VarLengthExpand AssertSameNode AssertSameRelationship
    ExhaustiveLimit Selection
"""
READS = frozenset(_READS.split())
"""Operators of Neo4j 5's plans that only read; what a Partitioned… one does, the plain one does."""

INDEX = re.compile(
    r"(?:Node|(?:Und|D)irectedRelationship)(?:Unique)?Index"
    r"(?:Seek|SeekByRange|SeekByPrefix|Scan|ContainsScan|EndsWithScan)"
)
SHOW_INDEXES = (
    "SHOW INDEXES YIELD labelsOrTypes, properties, type, owningConstraint, entityType "
    "WHERE entityType = 'NODE' AND properties IS NOT NULL "
    "RETURN labelsOrTypes, properties, type, owningConstraint"
)
TOGETHER = 10
EXPLAIN = "EXPLAIN "
CALL = "ProcedureCall"

_NAME = re.compile(r"(Partitioned)?(\w+?)(?:\(.*\))?(?:@.*)?")


class Passed:
    """Texts whose plans were found to only read, the latest ones: data that changes makes no read a write."""

    def __init__(self, most: int = 512) -> None:
        self._most = most
        self._texts: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def get(self, text: str) -> bool:
        with self._lock:
            if text not in self._texts:
                return False
            self._texts.move_to_end(text)
            return True

    def put(self, text: str) -> None:
        with self._lock:
            self._texts[text] = None
            if len(self._texts) > self._most:
                self._texts.popitem(last=False)


class Neo4jReader(BoltReader):
    """Queries run as the store's own user: Neo4j Community has no roles, so the layers above hold."""

    def __init__(self, store: Neo4jStore) -> None:
        super().__init__(store.database)
        self._store = store
        self._passed = Passed()
        self.url = store.url

    def _names(self) -> Catalogue:
        return Catalogue(
            frozenset(self._column("CALL db.labels() YIELD label RETURN label")),
            frozenset(self._column("CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType")),
            frozenset(self._column("CALL db.propertyKeys() YIELD propertyKey RETURN propertyKey")),
        )

    def _column(self, text: str) -> list[str]:
        with self.own(text, {}, ReadLimits(rows=100_000)) as found:
            return [str(row[0]) for row in found]

    def counters(self) -> Counters:
        known = self.catalogue()
        labels = self._counted(known.labels, "MATCH (n:{name}) RETURN {text} AS name, count(n) AS n")
        types = self._counted(known.types, "MATCH ()-[r:{name}]->() RETURN {text} AS name, count(r) AS n")
        return Counters(labels, types)

    def indexes(self) -> list[IndexFacts]:
        with self._store.another_driver() as driver, driver.session(database=self._store.database) as session:
            found = session.run(SHOW_INDEXES).values()
        return [
            IndexFacts(label, tuple(properties), "unique" if owner else kind.lower())
            for labels, properties, kind, owner in found
            for label in labels
        ]

    def _counted(self, names: Iterable[str], template: str) -> dict[str, int]:
        """Each count is read from Neo4j's count store."""
        pieces = [template.format(name=quoted(name), text=json.dumps(name)) for name in sorted(names) if plain(name)]
        counts: dict[str, int] = {}
        for start in range(0, len(pieces), TOGETHER):
            text = " UNION ALL ".join(pieces[start : start + TOGETHER])
            with self.own(text, {}, ReadLimits(rows=TOGETHER)) as found:
                counts.update({str(name): int(count) for name, count in found})
        return counts

    def _open(self) -> neo4j.Driver:
        return self._store.another_driver()

    def _examine(self, session: neo4j.Session, checked: Checked, run: Running) -> None:
        if self._passed.get(checked.text):
            return
        # A transaction of its own, tagged: the planner itself may be what does not end.
        left = max(run.remaining, 0.001)
        run.shift = len(EXPLAIN)
        with session.begin_transaction(metadata={TAG: run.tag}, timeout=left) as transaction:
            summary = transaction.run(EXPLAIN + checked.text, dict(checked.parameters)).consume()
        run.shift = 0
        if summary.query_type != "r" or summary.plan is None:
            raise _refused("it does more than read")
        for operator in _operators(summary.plan):
            _allow(operator)
        self._passed.put(checked.text)

    def _terminate(self, run: Running) -> None:
        with self._store.another_driver() as driver, driver.session(database="system") as session:
            found = session.run(
                "SHOW TRANSACTIONS YIELD transactionId, metaData WHERE metaData[$name] = $tag RETURN transactionId",
                {"name": TAG, "tag": run.tag},
            )
            ids = [record[0] for record in found]
            if ids:
                session.run("TERMINATE TRANSACTIONS $ids", {"ids": ids}).consume()

    def _last_resort(self, run: Running) -> None:
        """Once more: what Neo4j was planning then may be a transaction now."""
        self._terminate(run)

    def _recover(self) -> bool:
        return True

    def _lost(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"the graph store at {self.url} cannot be reached",
            remedy="check that it is running and not overloaded, then try again: interlace doctor",
        )


def _operators(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    pending = [plan]
    while pending:
        one = pending.pop()
        pending.extend(one.get("children", ()))
        yield one


def _allow(operator: Mapping[str, Any]) -> None:
    found = _NAME.fullmatch(str(operator["operatorType"]))
    name = found[2] if found else ""
    if name in READS or INDEX.fullmatch(name):
        return
    called = str(operator.get("args", {}).get("Details", "")).partition("(")[0].strip().lower()
    if name == CALL and called in ALLOWED:
        return
    raise _refused(f"its plan holds {name or operator['operatorType']!r}")


def _refused(why: str) -> Forbidden:
    return Forbidden(
        f"the graph store says that this query is no plain read: {why}",
        valid="queries that read",
        remedy="leave out what creates, changes, deletes, loads or administers",
    )
