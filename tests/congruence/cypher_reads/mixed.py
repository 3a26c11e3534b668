"""Reads of every kind, as people type them: the construct is the text itself."""

_TEXTS = (
    "MATCH (u:User)-[r:RATED]->(i) RETURN u.id AS id, count(r) > 2 AS many ORDER BY id",
    ("MATCH (u:User) OPTIONAL MATCH (u)-[r:RATED]->(i) RETURN u.id AS id, count(r) = 0 AS lonely ORDER BY id"),
    (
        "MATCH (u:User) OPTIONAL MATCH (u)-[r:RATED]->(i) RETURN u.id AS id, CASE WHEN count(r) = 0 THEN "
        "'none' WHEN count(r) < 3 THEN 'few' ELSE 'many' END AS c ORDER BY id"
    ),
    "MATCH (i:Item) RETURN coalesce(max(i.year), 0) AS x",
    "MATCH (i:Item) RETURN toString(count(i)) + ' items' AS x",
    "MATCH (i:Item) RETURN {n: count(i), y: max(i.year)} AS x",
    "MATCH (i:Item) RETURN [count(i), max(i.year)] AS x",
    "MATCH (i:Item) RETURN i.adult AS a, {n: count(i), first: min(i.id)} AS x ORDER BY a",
    (
        "MATCH (u:User)-[r:RATED]->(i) WITH u, collect({id: i.id, v: r.value}) AS rs RETURN u.id AS id, [x "
        "IN rs WHERE x.v > 3 | x.id][0] IS NULL AS none ORDER BY id"
    ),
    (
        "MATCH (u:User)-[r:RATED]->(i) WITH u, avg(r.value) AS m, count(*) AS c RETURN u.id AS id, round(m * "
        "100) / 100 AS m2, c ORDER BY m2 DESC, id"
    ),
    (
        "MATCH (u:User)-[r:RATED]->(i) WITH u, i ORDER BY i.id WITH u, collect(i.id) AS ids RETURN u.id AS "
        "id, ids[0] AS f, ids[-1] AS l, size(ids) AS n ORDER BY id"
    ),
    (
        "MATCH (i:Item) WITH i ORDER BY i.id LIMIT 5 MATCH (i)-[:HAS_GENRE]->(g) WITH i, g ORDER BY g.id "
        "RETURN i.id AS i, collect(g.id) AS gs ORDER BY i"
    ),
    "MATCH (i:Item) WHERE i.year = 1980 OR i.year IN [1985, 1990, 1999] RETURN count(*) AS n",
    "MATCH (i:Item) WHERE i.year >= 1980 AND i.year < 1990 RETURN count(*) AS n",
    "MATCH (i:Item) WHERE NOT i.id IN ['m:i01', 'm:i02'] RETURN count(*) AS n",
    "MATCH (i:Item) WHERE toLower(i.title) CONTAINS 'title' AND size(i.title) > 10 RETURN count(*) AS n",
    "MATCH (n) RETURN labels(n) AS l, count(*) AS c ORDER BY c DESC, l",
    "MATCH (n) RETURN labels(n)[0] AS l, count(*) AS c ORDER BY l",
    "MATCH ()-[r]->() RETURN type(r) AS t, count(*) AS c ORDER BY c DESC, t",
    ("MATCH (a)-[r]->(b) RETURN DISTINCT labels(a)[0] AS a, type(r) AS t, labels(b)[0] AS b ORDER BY a, t, b"),
    (
        "MATCH (n) WITH labels(n) AS ls, keys(n) AS ks UNWIND ls AS l UNWIND ks AS k RETURN l, k, count(*) "
        "AS n ORDER BY l, k"
    ),
    "MATCH (n) WHERE size(labels(n)) > 1 RETURN count(n) AS n",
    ("MATCH (n:Item) RETURN n.id AS id, [k IN keys(n) WHERE k <> 'id' | k] IS NOT NULL AS k ORDER BY id LIMIT 3"),
    "MATCH (n:Item) WITH n, [k IN keys(n) | [k, n[k]]] AS kv RETURN size(kv) > 0 AS x, count(*) AS n",
    "MATCH (u:User)--(x) RETURN labels(x)[0] AS l, count(*) AS n ORDER BY l",
    "MATCH (u:User {id:$user})-[*1..2]-(x) RETURN count(DISTINCT x) AS n",
    "MATCH p=(u:User {id:$user})-[:RATED*1]->(x) RETURN count(p) AS n",
    ("MATCH (u:User {id:$user})-[:FRIEND*1..3]-(f:User) WHERE f <> u RETURN DISTINCT f.id AS id ORDER BY id"),
    (
        "MATCH (u:User {id:$user})-[:FRIEND]-()-[:FRIEND]-(fof) WHERE NOT (u)-[:FRIEND]-(fof) AND fof <> u "
        "RETURN fof.id AS id, count(*) AS n ORDER BY n DESC, id"
    ),
    "MATCH (a:User)-[:FRIEND]->(b:User), (b)-[:FRIEND]->(c:User) RETURN count(*) AS n",
    "MATCH (a:User)-[:FRIEND]->(b:User)-[:FRIEND]->(c:User)-[:FRIEND]->(a) RETURN count(*) AS n",
    ("MATCH (a:User)-[r1:RATED]->(i:Item)<-[r2:RATED]-(b:User) WHERE id(a) < id(b) RETURN count(*) > 0 AS x"),
    (
        "MATCH (a:User)-[r1:RATED]->(i:Item)<-[r2:RATED]-(b:User) WHERE a.id < b.id WITH a, b, sum(r1.value "
        "* r2.value) AS dot, sqrt(sum(r1.value ^ 2)) AS na, sqrt(sum(r2.value ^ 2)) AS nb RETURN a.id AS a, "
        "b.id AS b, round(dot / (na * nb), 4) AS cos ORDER BY cos DESC, a, b LIMIT 10"
    ),
    (
        "MATCH (i:Item) OPTIONAL MATCH (i)<-[r:RATED]-() WITH i, count(r) AS n, avg(r.value) AS m RETURN "
        "i.id AS id, n, round(coalesce(m, 0.0), 3) AS m ORDER BY n DESC, m DESC, id LIMIT 10"
    ),
    (
        "MATCH (i:Item)-[:HAS_GENRE]->(g) WITH g, i ORDER BY i.year DESC, i.id WITH g, collect(i)[0..2] AS "
        "top UNWIND top AS t RETURN g.id AS g, t.id AS id ORDER BY g, id"
    ),
    (
        "MATCH (g:Genre) RETURN g.name AS name, COUNT { (g)<-[:HAS_GENRE]-(:Item)<-[:RATED]-(:User) } AS n "
        "ORDER BY n DESC, name"
    ),
    ("MATCH (g:Genre) WITH g, COUNT { (g)<-[:HAS_GENRE]-() } AS n ORDER BY n DESC, g.id LIMIT 1 RETURN g.id AS id, n"),
    (
        "MATCH (g:Genre) RETURN g.id AS id, EXISTS { MATCH (g)<-[:HAS_GENRE]-(i) WHERE i.year > 2010 } AS "
        "modern ORDER BY id"
    ),
    (
        "MATCH (u:User) WHERE EXISTS { MATCH (u)-[:RATED]->() } AND NOT EXISTS { MATCH (u)-[:LIKED]->() } "
        "RETURN u.id AS id ORDER BY id"
    ),
    ("MATCH (u:User) RETURN u.id AS id, [(u)-[r:RATED]->(i) WHERE r.value >= 4 | i.id] = [] AS e ORDER BY id"),
    (
        "MATCH (u:User) RETURN u.id AS id, reduce(s = 0.0, v IN [(u)-[r:RATED]->() | coalesce(r.value, 0.0)] "
        "| s + v) AS t ORDER BY id"
    ),
    (
        "MATCH (u:User {id: $user}) RETURN u { .id, ratings: [(u)-[r:RATED]->(i) | i { .id, value: r.value "
        "}] } IS NOT NULL AS m"
    ),
    (
        "MATCH (u:User) CALL { WITH u OPTIONAL MATCH (u)-[r:RATED]->(i) RETURN count(r) AS n } RETURN u.id "
        "AS id, n ORDER BY id"
    ),
    (
        "MATCH (u:User) CALL (u) { OPTIONAL MATCH (u)-[r:RATED]->(i) WITH i, r ORDER BY r.value DESC, i.id "
        "LIMIT 1 RETURN i.id AS best } RETURN u.id AS id, best ORDER BY id"
    ),
    "OPTIONAL CALL (*) { MATCH (g:Genre) RETURN g.id AS id } RETURN id ORDER BY id",
    (
        "MATCH (u:User) OPTIONAL CALL (u) { MATCH (u)-[:LIKED]->(i) RETURN i.id AS id ORDER BY id LIMIT 1 } "
        "RETURN u.id AS u, id ORDER BY u"
    ),
    "UNWIND range(1, 3) AS x UNWIND range(1, 3) AS y WITH x, y WHERE x < y RETURN x, y ORDER BY x, y",
    "WITH [1,2,3] AS xs RETURN [i IN range(0, size(xs)-1) | xs[i] * i] AS ys",
    "WITH [5,3,8] AS xs UNWIND xs AS x WITH x ORDER BY x RETURN collect(x) AS sorted",
    "WITH ['b','a'] AS xs UNWIND xs AS x WITH x ORDER BY x DESC RETURN collect(x) AS sorted",
    "RETURN [x IN [1,2,3] WHERE x IN [2,3]] AS both, [x IN [1,2] WHERE NOT x IN [2]] AS d",
    "RETURN 1 / 2.0 AS a, 5 % -3 AS b, -5 % 3 AS c, 2 ^ -1 AS d, 10 / 3 * 3 AS e",
    "RETURN 1 + null AS a, null + 'x' AS b, [1] + null AS c, null IN [] AS d, size(null) AS e",
    ("RETURN 'a' < 'B' AS a, 'a' =~ '[a-z]' AS b, 'abc' CONTAINS '' AS c, 1 = '1' AS d, 'x' STARTS WITH null AS e"),
    ("RETURN toString(1.0) AS a, toString(100000000.0) AS b, toString(1e-7) AS c, toString(123456789012.5) AS d"),
    "RETURN 1.0 AS a, 1e10 AS b, 1.5e-5 AS c, 123456789.123456789 AS d, 0.1 + 0.2 AS e",
    ("RETURN round(1.25, 1) AS a, round(1.35, 1) AS b, round(-1.5) AS c, round(0.5) AS d, round(1.249, 1, 'UP') AS e"),
    (
        "RETURN substring('hello', 5) AS a, left('hi', 10) AS b, split('', ',') AS c, split('abc', '') AS d, "
        "replace('aaa', 'aa', 'b') AS e"
    ),
    "RETURN trim('x' FROM 'xxaxx') AS a, btrim('  a ') AS b, ltrim('xxa', 'x') AS c, normalize('é') AS d",
    "RETURN 'a' || 'b' AS c, [1] || [2] AS d",
    "RETURN lower('A') AS a, upper('b') AS b",
    (
        "RETURN date('2024-W10-3') AS a, date('20240301') AS b, date({year: 2024, week: 1}) AS c, "
        "date({year:2024, ordinalDay: 60}) AS d"
    ),
    (
        "RETURN datetime('2024-06-01T12:00:00+02:00') AS a, datetime({year: 2024, month: 6, day: 1, "
        "timezone: 'Europe/Berlin'}) AS b"
    ),
    (
        "RETURN datetime('2024-06-01T12:00:00[Europe/Berlin]').timezone AS a, "
        "datetime('2024-06-01T12:00:00Z').epochSeconds AS b, datetime('2024-06-01T12:00:00Z').epochMillis AS "
        "c"
    ),
    "RETURN duration('P1Y2M3DT4H5M6.5S') AS d, duration({weeks: 2}) AS w, duration('PT36H').hours AS h",
    (
        "RETURN duration.between(datetime('2024-01-01T00:00:00Z'), datetime('2024-01-02T03:00:00Z')) AS d, "
        "duration.inSeconds(datetime('2024-01-01T00:00:00Z'), datetime('2024-01-02T03:00:00Z')).seconds AS s"
    ),
    "RETURN duration.inMonths(date('2020-01-15'), date('2024-03-14')).months AS m",
    (
        "RETURN date('2024-01-31') + duration('P1M') AS d, date('2024-03-31') - duration({months: 1}) AS e, "
        "duration('P1D') * 3 AS f, duration('P2D') / 2 AS g"
    ),
    (
        "RETURN localdatetime({year: 2024, month: 2, day: 3, hour: 4}) AS a, localtime({hour: 5, minute: 6}) "
        "AS b, time({hour: 5, timezone: '+02:00'}) AS c"
    ),
    (
        "RETURN date('2024-05-06').week AS a, date('2024-05-06').quarter AS b, date('2024-05-06').ordinalDay "
        "AS c, date('2024-05-06').weekYear AS d"
    ),
    (
        "RETURN datetime('2024-05-06T07:08:09.123Z').millisecond AS a, "
        "datetime('2024-05-06T07:08:09.123456789Z').nanosecond AS b"
    ),
    (
        "RETURN date.truncate('year', date('2024-05-17')) AS a, date.truncate('week', date('2024-05-17')) AS "
        "b, datetime.truncate('hour', datetime('2024-05-17T10:20:30Z')) AS c, date.truncate('quarter', "
        "date('2024-05-17')) AS d"
    ),
    (
        "RETURN date('2024-01-01') = date('2024-01-01') AS a, datetime('2024-01-01T00:00Z') = "
        "datetime('2024-01-01T01:00+01:00') AS b"
    ),
    "RETURN point({longitude: 8, latitude: 50}) AS p, point({x: 1, y: 2, z: 3}) AS q",
    "RETURN point.withinBBox(point({x: 1, y: 1}), point({x: 0, y: 0}), point({x: 2, y: 2})) AS b",
    (
        "RETURN 1 IS :: INTEGER NOT NULL AS a, [1] IS :: LIST<INTEGER> AS b, null IS :: STRING AS c, 1.5 IS "
        "TYPED FLOAT AS d"
    ),
    "RETURN isNaN(0.0/0.0) AS a, 1.0/0.0 AS inf, -1.0/0 AS ninf",
    "RETURN exists((:User)-->()) AS x",
    "MATCH (u:User {id:$user}) RETURN exists((u)-[:RATED]->()) AS x",
    "MATCH (u:User) RETURN u.id AS id, size([(u)-->() | 1]) AS d ORDER BY d DESC, id LIMIT 5",
    "MATCH (i:Item) RETURN i.id AS id, i.tags AS tags ORDER BY id LIMIT 8",
    "MATCH (i:Item) UNWIND i.tags AS t RETURN t, count(*) AS n ORDER BY t",
    "MATCH (i:Item) WHERE any(t IN i.tags WHERE t STARTS WITH 't') RETURN count(*) AS n",
    "MATCH (i:Item) WHERE i.tags IS NOT NULL AND all(t IN i.tags WHERE t <> 't1') RETURN count(*) AS n",
    (
        "MATCH (i:Item) WITH i ORDER BY i.id WITH i.adult AS a, collect(i.year) AS ys "
        "RETURN a, size(ys) AS n, [y IN ys WHERE y > 2000] AS modern ORDER BY a"
    ),
    "MATCH (i:Item) RETURN i.id ORDER BY i.score DESC, i.id LIMIT 5",
    "MATCH (i:Item) RETURN i ORDER BY i.id LIMIT 2",
    "MATCH (u:User)-[r:RATED]->(i:Item) RETURN u, r, i ORDER BY u.id, i.id LIMIT 2",
    "MATCH p=(u:User)-[r:RATED]->(i:Item) RETURN p ORDER BY u.id, i.id LIMIT 2",
    "MATCH (u:User {id: $user}) RETURN [u, 1, 'x'] AS l, {u: u} AS m",
    "MATCH (u:User)-[r:RATED]->(i) RETURN DISTINCT u.id AS id ORDER BY id SKIP 1 LIMIT 3",
    "MATCH (u:User) RETURN u.id AS id ORDER BY u.age IS NULL, u.age DESC, id",
    "MATCH (u:User) WITH u ORDER BY u.age DESC SKIP 2 LIMIT 5 RETURN count(u) AS n",
    (
        "MATCH (u:User) RETURN CASE WHEN u.age < 30 THEN 'young' WHEN u.age < 60 THEN 'middle' ELSE 'old' "
        "END AS g, count(*) AS n ORDER BY g"
    ),
    "MATCH (u:User) WHERE u.age IS NOT NULL RETURN u.age / 10 * 10 AS d, count(*) AS n ORDER BY d",
    ("MATCH (u:User) RETURN CASE u.age WHEN null THEN 'unknown' ELSE 'known' END AS g, count(*) AS n ORDER BY g"),
    (
        "MATCH (a:Item {id: 'm:i01'}), (b:Item {id: 'm:i02'}) OPTIONAL MATCH p = "
        "shortestPath((a)-[*..4]-(b)) RETURN CASE WHEN p IS NULL THEN -1 ELSE length(p) END AS n"
    ),
    (
        "MATCH (a:Item {id: 'm:i01'}), (b:Item {id: 'm:i02'}) MATCH p = allShortestPaths((a)-[*..4]-(b)) "
        "RETURN count(p) AS n, min(length(p)) AS l"
    ),
    "MATCH (a:User {id: $user}) ((x)-[:RATED]->(y)<-[:RATED]-(z)){1,2} (b:User) RETURN count(*) AS n",
    (
        "MATCH (e:Entity) (()-[r:PART_OF]->()){1,3} (f) RETURN e.id AS e, f.id AS f, [x IN r | type(x)] AS t "
        "ORDER BY e, f, t"
    ),
    "MATCH (e:Entity)-[:PART_OF]->*(f) RETURN e.id AS e, count(DISTINCT f) AS n ORDER BY e",
    ("MATCH p = (e:Entity)-[:PART_OF]->{1,3}(f) WHERE ALL(n IN nodes(p) WHERE n:Entity) RETURN count(p) AS n"),
    "MATCH (i:Item) WHERE i.year > $limit RETURN count(*) AS n",
    "MATCH (i:Item) WHERE i.id = $map.name OR i.id IN $ids RETURN count(*) AS n",
    "MATCH (i:Item {id: $ids[0]}) RETURN i.id AS id",
    "WITH $ids AS ids UNWIND range(0, size(ids) - 1) AS n RETURN n, ids[n] AS id ORDER BY n",
    "MATCH (i:Item) USING INDEX i:Item(id) WHERE i.id = $item RETURN i.id AS id",
    "MATCH (i:Item) USING SCAN i:Item WHERE i.id = $item RETURN i.id AS id",
    "CALL db.labels()",
    "MATCH (n:Item) RETURN count(n) AS total UNION ALL MATCH (n:User) RETURN count(n) AS total",
    ("CALL { MATCH (n:Item) RETURN n.id AS id UNION MATCH (n:User) RETURN n.id AS id } RETURN count(id) AS n"),
    "MATCH (n) WHERE n.id = $item RETURN n.id AS id, labels(n) AS l",
    "MATCH (n) WHERE (n:Item OR n:Genre) AND n.id IS NOT NULL RETURN count(n) AS n",
    "MATCH (n:Item&(Genre|!User)) RETURN count(n) AS n",
    "MATCH (a)-[r:RATED|!LIKED]->(b) RETURN count(r) AS n",
    "MATCH (a)-[r:!RATED&!LIKED]->(b) RETURN count(r) AS n",
    "MATCH (a:User)-[r]->(b) WHERE r:RATED RETURN count(r) AS n",
    "MATCH (u:User {id: $user, platform: 'm'}) RETURN count(u) AS n",
    "MATCH (:User {id: $user})-[r:RATED {value: 4.0}]->(i) RETURN count(r) AS n",
    (
        "MATCH (u:User)-[r]-(i:Item) WITH u, i, count(r) AS n WHERE n > 1 RETURN u.id AS u, i.id AS i, n "
        "ORDER BY n DESC, u, i LIMIT 10"
    ),
    "MATCH (u:User) WITH collect(u) AS us UNWIND us AS u WITH u WHERE u.age > 20 RETURN count(u) AS n",
    "MATCH (u:User) WITH collect(u)[0..3] AS us RETURN size(us) AS n, [u IN us | u.platform] AS p",
    ("MATCH (i:Item) WITH max(i.year) AS newest MATCH (j:Item {year: newest}) RETURN j.id AS id ORDER BY id"),
    "MATCH (i:Item) WITH avg(i.year) AS mean MATCH (j:Item) WHERE j.year > mean RETURN count(j) AS n",
    (
        "MATCH (i:Item)<-[r:RATED]-() WITH i, collect(r.value) AS vs RETURN i.id AS id, reduce(m = 0.0, v IN "
        "vs | CASE WHEN v > m THEN v ELSE m END) AS m ORDER BY id LIMIT 5"
    ),
    (
        "MATCH (u:User)-[r:RATED]->(i) WITH u, r, i ORDER BY r.value DESC, i.id RETURN u.id AS id, "
        "head(collect(i.id)) AS best ORDER BY id"
    ),
    (
        "MATCH (u:User)-[:RATED]->(i)-[:HAS_GENRE]->(g) WITH u, g, count(*) AS n ORDER BY n DESC, g.id WITH "
        "u, collect({g: g.name, n: n})[..2] AS top RETURN u.id AS id, top ORDER BY id"
    ),
    "MATCH (u:User) RETURN u.id AS `user id`, u.age AS `the ``age```",
    "MATCH (u:User) RETURN u.id ORDER BY u.id LIMIT 1",
    "RETURN 1, 'a', [1,2], {a: 1}, null, true",
    "RETURN $limit",
    "RETURN 1+2*3, -(4), NOT true",
    "MATCH (n:Item) RETURN n.year AS year ORDER BY year LIMIT 0",
    "MATCH (n:Nowhere) RETURN n.a AS a, n.b AS b",
    "MATCH (n:Item) WHERE false RETURN n.id AS a, n.year",
    "MATCH (n:Item {id: 'none'}) RETURN n",
    "MATCH (n:Item {id: 'none'}) RETURN n.id, n.year AS y, count(*) AS c",
    "RETURN toBooleanList(['true', 'x']) AS a, toFloatList(['1', 'x']) AS b",
    "RETURN linenumber() AS x",
    "RETURN randomUUID() IS NOT NULL AS x, timestamp() > 0 AS y",
    "RETURN stDev(1) AS x",
    (
        "UNWIND [1,2,3,null] AS x RETURN count(x) AS a, count(*) AS b, sum(x) AS c, avg(x) AS d, collect(x) "
        "AS e, stDev(x) AS f"
    ),
    (
        "UNWIND [true, false, null] AS a UNWIND [true, false, null] AS b RETURN a, b, a AND b AS x, a OR b "
        "AS y, a XOR b AS z ORDER BY a, b"
    ),
    "UNWIND ['b', null, 'a', 'B'] AS x RETURN x ORDER BY x",
    "UNWIND [1, 'a', true, null, 2.5, [1]] AS x RETURN x ORDER BY x",
    "UNWIND [[1,2],[1],[0,5]] AS x RETURN x ORDER BY x",
    "UNWIND [3,1,2] AS x RETURN x ORDER BY x DESC LIMIT 2",
    "UNWIND [1,1,2] AS x RETURN DISTINCT x ORDER BY x",
    "UNWIND [1,1,2] AS x RETURN count(DISTINCT x) AS n, sum(DISTINCT x) AS s, collect(DISTINCT x) AS c",
    ("UNWIND [{k: 'a', v: 1}, {k: 'b', v: 2}, {k: 'a', v: 3}] AS r RETURN r.k AS k, sum(r.v) AS s ORDER BY k"),
    "UNWIND keys({a: 1, b: 2}) AS k RETURN k ORDER BY k",
    "WITH {a: 1, b: null} AS m RETURN m.b IS NULL AS x, keys(m) AS k, size(keys(m)) AS n",
    "WITH 'x' AS x WITH x, x + 'y' AS y WHERE y STARTS WITH 'x' RETURN x, y",
    "WITH 1 AS a, 2 AS b RETURN a + b AS c, a * b AS d, a - b AS e",
    "MATCH (i:Item) WITH i LIMIT 3 RETURN count(i) AS n",
    "MATCH (i:Item) WITH DISTINCT i.adult AS a WHERE a IS NOT NULL RETURN a ORDER BY a",
    "MATCH (i:Item) RETURN i.id AS id ORDER BY id OFFSET 2 LIMIT 2",
)

READS = {text: text for text in _TEXTS}
