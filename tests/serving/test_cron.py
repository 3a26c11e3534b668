"""Cron's five fields, by known dates and by walking every minute."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from graph.errors import InvalidData
from serving.cron import Cron, LocalZone

START = datetime(2026, 2, 27, 12, 34, 56, tzinfo=UTC)  # a Friday
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", "2026-02-27 12:35"),
        ("0 3 * * *", "2026-02-28 03:00"),
        ("*/15 * * * *", "2026-02-27 12:45"),
        ("5/20 * * * *", "2026-02-27 12:45"),
        ("0-30/10,50 13 * * *", "2026-02-27 13:00"),
        ("30 6 1 * *", "2026-03-01 06:30"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 0 31 * *", "2026-03-31 00:00"),
        ("0 9 * * mon-fri", "2026-03-02 09:00"),
        ("0 9 * * MON", "2026-03-02 09:00"),
        ("0 9 * * 7", "2026-03-01 09:00"),
        ("0 9 * * 0", "2026-03-01 09:00"),
        ("0 9 * * sat-sun", "2026-02-28 09:00"),
        ("0 9 * jun,dec *", "2026-06-01 09:00"),
        ("0 9 13 * fri", "2026-03-06 09:00"),  # the 13th or any Friday
        ("0 9 */2 * fri", "2026-03-13 09:00"),  # a Friday of odd number: a field that begins with * restricts
        ("@daily", "2026-02-28 00:00"),
        ("@weekly", "2026-03-01 00:00"),
        ("@monthly", "2026-03-01 00:00"),
        ("@hourly", "2026-02-27 13:00"),
    ],
)
def test_the_next_time(text: str, expected: str) -> None:
    assert f"{Cron.parse(text).after(START):%Y-%m-%d %H:%M}" == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 fields"), ("0 3 * *", "4 fields"), ("60 * * * *", "minute '60'"), ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day '0'"), ("* * * 13 *", "month '13'"), ("* * * * 8", "weekday '8'"),
        ("* * * foo *", "jan to dec"),
        ("*/0 * * * *", "minute '0'"), ("10-5 * * * *", "ends before"), ("1,,2 * * * *", "minute ''"),
        ("-5 * * * *", "minute ''"), ("0 0 30 2 *", "no such day"), ("@never", "1 fields"), ("² * * * *", "minute"),
    ],
)  # fmt: skip
def test_what_is_no_schedule(text: str, said: str) -> None:
    with pytest.raises(InvalidData, match=said):
        Cron.parse(text)


@pytest.mark.parametrize("text", ["7,37 */5 * * *", "0 12 10-20/5 2,3 *", "15 4 1 * sun", "59 23 28-31 * *"])
def test_no_minute_is_missed_or_added(text: str) -> None:
    """Against the definition, minute by minute over five weeks."""
    cron = Cron.parse(text)
    minutes = (START.replace(second=0) + timedelta(minutes=number) for number in range(1, 35 * 24 * 60))

    def holds(moment: datetime) -> bool:
        weekday = moment.isoweekday() % 7
        day, week = moment.day in cron.days, weekday in cron.weekdays
        on = (day or week) if cron.either_day else (day and week)
        return on and moment.minute in cron.minutes and moment.hour in cron.hours and moment.month in cron.months

    expected = [moment for moment in minutes if holds(moment)]
    found, moment = [], START
    for _ in expected:
        moment = cron.after(moment)
        found.append(moment)
    assert found == expected
    assert len(found) > 1


def test_the_hour_that_the_clocks_skip() -> None:
    before = datetime(2026, 3, 29, 1, 0, tzinfo=BERLIN)
    found = Cron.parse("30 2 * * *").after(before)
    assert found.astimezone(UTC) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 3:30 on the clock
    assert f"{Cron.parse('30 2 * * *').after(found):%d %H:%M}" == "30 02:30"


def test_the_hour_that_the_clocks_show_twice() -> None:
    cron = Cron.parse("30 2 * * *")
    first = cron.after(datetime(2026, 10, 25, 1, 0, tzinfo=BERLIN))
    assert first.astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert f"{cron.after(first):%d %H:%M}" == "26 02:30"
    second_pass = datetime(2026, 10, 25, 2, 10, tzinfo=BERLIN, fold=1)
    assert f"{cron.after(second_pass):%d %H:%M}" == "26 02:30"


def test_times_stay_those_of_the_clock_when_summer_begins() -> None:
    cron = Cron.parse("0 3 * * *")
    moment = datetime(2026, 3, 27, 12, 0, tzinfo=BERLIN)
    hours = []
    for _ in range(3):
        moment = cron.after(moment)
        hours.append(moment.astimezone(UTC).hour)
    assert hours == [2, 1, 1]


def test_the_machine_s_own_zone_knows_summer_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        zone = LocalZone()
        for month, day, hour in ((1, 15, 2), (7, 15, 1), (3, 29, 1), (10, 25, 0), (10, 25, 1)):
            moment = datetime(2026, month, day, hour, 30, tzinfo=UTC)
            ours, theirs = moment.astimezone(zone), moment.astimezone(BERLIN)
            assert (ours.replace(tzinfo=None), ours.fold) == (theirs.replace(tzinfo=None), theirs.fold)
            assert ours.timestamp() == moment.timestamp()
            assert ours.utcoffset() == theirs.utcoffset()
        assert f"{Cron.parse('30 2 * * *').after(datetime(2026, 3, 29, 1, 0, tzinfo=zone)):%H:%M %Z}" == "03:30 CEST"
    finally:
        monkeypatch.undo()
        time.tzset()
