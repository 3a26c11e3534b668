"""Dates, times, durations."""

READS = {
    "date": "RETURN date('2024-02-29') AS d",
    "date parts": "WITH date('2024-02-29') AS d RETURN d.year AS y, d.month AS m, d.day AS day, d.dayOfWeek AS w",
    "date of a map": "RETURN date({year: 1984, month: 10, day: 11}) AS d",
    "datetime": "RETURN datetime('2024-01-02T03:04:05Z') AS t",
    "datetime from epoch": "RETURN datetime({epochSeconds: 0}) AS t",
    "datetime from millis": "RETURN datetime({epochMillis: 1700000000000}).year AS y",
    "local datetime": "RETURN localdatetime('2024-01-02T03:04:05') AS t",
    "local time": "RETURN localtime('12:30:00') AS t",
    "time": "RETURN time('12:30:00+01:00') AS t",
    "duration": "RETURN duration('P1DT2H') AS d, duration({days: 1, hours: 2}) AS e",
    "duration parts": "WITH duration({months: 14, days: 3}) AS d RETURN d.years AS y, d.months AS m, d.days AS days",
    "duration between": "RETURN duration.between(date('2024-01-01'), date('2024-03-01')).months AS m",
    "duration in days": "RETURN duration.inDays(date('2024-01-01'), date('2024-01-31')).days AS d",
    "date plus duration": "RETURN date('2024-01-31') + duration({days: 1}) AS d",
    "date minus duration": "RETURN date('2024-03-01') - duration('P1D') AS d",
    "truncate": (
        "RETURN date.truncate('month', date('2024-05-17')) AS d, datetime.truncate('day', "
        "datetime('2024-05-17T10:00:00Z')) AS t"
    ),
    "comparison": "RETURN date('2024-01-01') < date('2024-01-02') AS earlier",
    "order by date": "UNWIND ['2024-03-01', '2023-01-01'] AS s WITH date(s) AS d RETURN d ORDER BY d",
    "year of epoch property": (
        "MATCH ()-[r:RATED]->() WHERE r.at IS NOT NULL WITH datetime({epochSeconds: r.at}).year AS year "
        "RETURN year, count(*) AS n ORDER BY year LIMIT 10"
    ),
    "now is after": "RETURN date() > date('2020-01-01') AS yes, datetime() > datetime('2020-01-01T00:00:00Z') AS also",
    "to string": "RETURN toString(date('2024-01-02')) AS s",
    "collect dates": "UNWIND [1, 2] AS n RETURN collect(date({year: 2024, month: n, day: 1})) AS ds",
}
