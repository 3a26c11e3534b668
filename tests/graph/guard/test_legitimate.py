"""Texts that look like trouble and are none: all pass, also where the store holds what the policy hides."""

from __future__ import annotations

import pytest

from graph.guard.check import check
from graph.guard.policy import Catalogue, Policy
from tests.graph.guard.harm import CATALOGUE, POLICY

PARAMETERS = {"id": "u1", "create": 1, "set": "x", "key": "name", "rows": [{"a": 1}], "fields": ["title"], "q": "star"}
WORDS = [
    "MATCH (set:Set {create: 1}) WHERE set.delete = 'CREATE (n)' RETURN set.set AS create, {create: 1, "
    "delete: 2} AS merge",
    "MATCH (a:`Create`)-[:SET|DELETE]->(b) /* DELETE */ // CREATE\nRETURN a.`set`, $create",
    "MATCH (create) RETURN create",
    "MATCH (n) WITH n AS delete MATCH (delete)-->(m) RETURN delete.id, m",
    "MATCH (n) RETURN n.create, n.delete, n.set, n.merge, n.load, n.call, n.match, n.return, n.where, n.use, n.show",
    "MATCH (n:Create|Delete|Set) RETURN count(n)",
    "MATCH (n:Load)-[r:MERGE]->(:Drop) RETURN r.remove",
    "MATCH (n) RETURN {load: n.id, drop: 1, foreach: [1], detach: {set: 2}} AS m",
    "WITH 1 AS set, 2 AS create RETURN set, create",
    "UNWIND [1] AS merge RETURN merge ORDER BY merge",
    "MATCH (n) RETURN n AS use, 1 AS show, 2 AS terminate, 3 AS explain, 4 AS profile",
    "RETURN 'DROP DATABASE neo4j' AS x, \"LOAD CSV FROM 'x' AS l\" AS y",
    "RETURN 'it\\'s /* no comment */ // none' AS x",
    "RETURN $set AS `create`, $`create` AS `detach delete`",
    "MATCH (n) WHERE n.create IS NULL AND n.set = 1 OR NOT n.delete RETURN n",
    "MATCH (n) WITH n.id AS id, count(*) AS drop WHERE drop > 1 RETURN id, drop",
    "RETURN [create IN [1, 2] WHERE create > 1 | create] AS xs",
    "RETURN reduce(merge = 0, set IN [1, 2] | merge - set) AS x",
    "MATCH (case:Case) RETURN case.name, case",
    "MATCH (n) RETURN n.`SET x = 1`, n.`/* x */`, n.`a``b`",
    "CALL db.labels() YIELD label AS load RETURN load",
    "MATCH (all), (any), (none), (single) RETURN all.id, any.id, none.id, single.id",
    "WITH 1 AS count, 2 AS exists, 3 AS collect RETURN count, exists, collect",
    "MATCH (order:Item)-[limit:RATED]-(skip) RETURN order.id, limit.value, skip.id ORDER BY order.id LIMIT 1",
    "MATCH (n) // a ' quote\nRETURN n /* ` and \" */",
    "MATCH (where:Item) WHERE where.id = 'x' RETURN where.id",
]
READS = [
    "MATCH (n) RETURN labels(n), count(*)",
    "MATCH (n) RETURN n LIMIT 5;",
    "MATCH (a)-[r]->(b) RETURN a.id, type(r), b.id, r.value",
    "MATCH (u:User) RETURN u.name, u['name'], u[$key], properties(u), u {.*}, keys(u)",
    "MATCH (u:User)-[:RATED]->(x) RETURN x.value, properties(x)",
    "MATCH p = shortestPath((a:User)-[*]-(b:User)) RETURN [n IN nodes(p) | n.id], length(p)",
    "MATCH p = SHORTEST 2 (a:User)-[:FRIEND]-+(b:User) RETURN p",
    "MATCH p = ALL SHORTEST (a:User)-[:FRIEND]-{1,4}(b:User) RETURN length(p)",
    "MATCH (a)((x)-[:F]->(y) WHERE x.id < y.id){2,3}(b) RETURN [n IN x | n.id]",
    "MATCH (n:Item) USING INDEX n:Item(id) WHERE n.id = 'x' RETURN n.title",
    "MATCH (u:User) CALL (u) { MATCH (u)-[:RATED]->(i:Item) RETURN count(i) AS c } RETURN u.id, c",
    "CALL { MATCH (n:User) RETURN n.id AS id UNION ALL MATCH (m:Item) RETURN m.id AS id } RETURN id",
    "MATCH (u:User) WHERE EXISTS { (u)-[:RATED]->(:Item) } RETURN COUNT { (u)--() } AS c, "
    "COLLECT { MATCH (u)-[:RATED]->(i:Item) RETURN i.title } AS l",
    "MATCH (i:Item) RETURN reduce(s = '', x IN collect(i.title) | s + CASE WHEN s = '' THEN '' ELSE ', ' END + x)",
    "MATCH (i:Item) WHERE i.title =~ '(?i).*' + $q + '.*' RETURN i.title",
    "UNWIND ['title', 'year'] AS k MATCH (i:Item) RETURN i[k]",
    "UNWIND $fields AS k MATCH (i:Item) RETURN i[k]",
    "UNWIND $rows AS row RETURN row['a'], row[toLower('A')]",
    "WITH {a: 1, b: 2} AS m UNWIND keys(m) AS k RETURN k, m[k]",
    "MATCH (i:Item) WITH collect(i) AS xs UNWIND range(0, size(xs) - 1) AS k RETURN xs[k].title, k",
    "MATCH (u:User)-[r:RATED]->(i:Item) WITH u, collect({item: i, value: r.value}) AS pairs "
    "RETURN pairs[0].item.title + '!'",
    "MATCH (i:Item) WHERE i.title = 'Secret' RETURN i.id",
    "MATCH (u:User) RETURN u.name AS email, count(*) AS password",
    "MATCH (a:User)-[:FRIEND]-(b:User) WHERE a <> b AND a.id < b.id RETURN a, b",
    "MATCH (u:User) RETURN collect(u) + [u] AS us",
    "RETURN CASE 5 WHEN 1, 2 THEN 'x' WHEN > 3 THEN 'y' WHEN IS NULL THEN 'n' ELSE 'z' END AS x",
    "RETURN 1 IS :: INTEGER, 'a' IS NOT :: INTEGER NOT NULL, [1] IS :: LIST<INTEGER NOT NULL> AS x",
    "MATCH (n) WHERE n:User|Item AND n IS Item RETURN [x IN collect(n) WHERE x:User|Item | x.id]",
    "RETURN trim(BOTH 'x' FROM 'xax'), normalize('a', NFC), count(*), count(DISTINCT 1)",
    "RETURN date('2020-01-01') + duration({days: 1}), date.truncate('month', date()), point({x: 1, y: 2}).x",
    "CALL db.index.vector.queryNodes('x', 3, [1.0]) YIELD node, score RETURN node.title, score",
    "MATCH (n:(User|Item)&!Nothing) RETURN count(n)",
    "MATCH (u:User) RETURN [(u)-[:RATED]->(i) WHERE i.year > 1 | i.title], [p = (u)-->() | length(p)]",
    "RETURN [x IN range(1, 12) | x * x][2..-1], range(10, 1, -3), 2 ^ 10 % 7, -3 - -2",
    "RETURN 'caf\\u00e9 \\ud83d\\ude00' AS x",
    "MATCH (n) WITH DISTINCT n.kind AS kind ORDER BY kind DESC SKIP 1 LIMIT 3 RETURN kind",
    "MATCH (n) RETURN n.id AS id UNION MATCH (m) RETURN m.id AS id",
    "MATCH (a:User), (b:User) WHERE (a)-[:FRIEND]-(b) AND NOT (a)-[:BLOCKED]->(b) RETURN exists((a)-->(b))",
]


@pytest.mark.parametrize("text", [*WORDS, *READS])
def test_it_passes(text: str) -> None:
    assert check(text, PARAMETERS, policy=POLICY, catalogue=CATALOGUE).text == text


@pytest.mark.parametrize("text", ["MATCH (u:User) RETURN [k IN keys(u) | u[k]]", "MATCH (u:User) RETURN '' + u.name"])
def test_a_store_without_secrets_hides_nothing(text: str) -> None:
    open_store = Catalogue(labels=frozenset({"User"}), properties=frozenset({"id", "name"}), complete=True)
    assert check(text, {}, policy=POLICY, catalogue=open_store).text == text


def test_an_administrator_sees_everything() -> None:
    text = "MATCH (s:Secret), (u:User) RETURN s, u.email, u['e' + 'mail'] ORDER BY properties(u)"
    assert check(text, {}, policy=Policy(), catalogue=CATALOGUE).text == text
