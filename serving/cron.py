"""Times of a schedule written as cron's five fields: `minute hour day-of-month month day-of-week`.

POSIX's rules: lists, ranges and steps (`*/15`, `1-5`, `0-30/10`), names (`mon`, `jan`), 0 and 7 are Sunday; where both
days are restricted, either will do. `@hourly`, `@daily`, `@weekly`, `@monthly` stand for what they say. Times are
local: one that the clocks skip in spring is run when they have been set, one that they show twice in autumn once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from graph.errors import InvalidData

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SHORT = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("weekday", 0, 7, DAYS),
)
YEARS = 8
"""As far as a 29 February may be away."""
VALID = "five fields: minute hour day month weekday, as in '0 3 * * *' (every day at 3:00) or '*/30 8-18 * * mon-fri'"


@dataclass(frozen=True)
class Cron:
    """A parsed schedule: the values of each field, and whether the two days were restricted."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Raises `InvalidData` that names the bad field, or for a day that never comes."""
        fields = SHORT.get(text.strip().lower(), text).split()
        if len(fields) != len(FIELDS):
            raise _bad(text, f"it has {len(fields)} fields")
        minutes, hours, days, months, weekdays = (
            _field(text, field, *rule) for field, rule in zip(fields, FIELDS, strict=True)
        )
        either = not (fields[2].startswith("*") or fields[4].startswith("*"))
        found = cls(text, minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either)
        found.after(datetime(2024, 1, 1, tzinfo=UTC))
        return found

    def after(self, moment: datetime) -> datetime:
        """The first time of the schedule after `moment`, in its time zone (an aware datetime)."""
        zone = moment.tzinfo
        assert zone is not None, "an aware datetime"
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        for number in range(366 * YEARS + 2):
            date = day + timedelta(days=number)
            if not self._on(date):
                continue
            times = (
                _real(date.replace(hour=hour, minute=minute), zone) for hour in self.hours for minute in self.minutes
            )
            # By timestamp: Python compares two datetimes of one zone by what the clocks show.
            later = [found for found in times if found.timestamp() > moment.timestamp()]
            if later:
                return min(later, key=datetime.timestamp)
        raise _bad(self.text, "no such day ever comes")

    def _on(self, date: datetime) -> bool:
        if date.month not in self.months:
            return False
        by_day, by_weekday = date.day in self.days, (date.weekday() + 1) % 7 in self.weekdays
        return by_day or by_weekday if self.either_day else by_day and by_weekday


def _real(local: datetime, zone: tzinfo) -> datetime:
    """The moment when the clocks show this time first; in the hour they skip, as much later as they were set."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


class LocalZone(tzinfo):
    """The machine's time zone with its rules for summer time (`astimezone()` alone gives the present offset)."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def dst(self, _moment: datetime | None) -> timedelta | None:
        return None

    def fromutc(self, moment: datetime) -> datetime:
        stamp = moment.replace(tzinfo=UTC)
        local = stamp.astimezone().replace(tzinfo=self, fold=0)
        return local if local.timestamp() == stamp.timestamp() else local.replace(fold=1)


def _field(text: str, field: str, name: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    values: set[int] = set()
    for part in field.lower().split(","):
        span, slash, step_text = part.partition("/")
        step = _number(text, step_text, name, 1, high, ()) if slash else 1
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(text, first, name, low, high, names)
            end = _number(text, last, name, low, high, names) if dash else (high if slash else start)
        if name == "weekday" and dash and end == 0:
            end = 7  # fri-sun
        if start > end:
            raise _bad(text, f"{name} {part!r} ends before it begins")
        values.update(range(start, end + 1, step))
    return frozenset(values)


def _number(text: str, word: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if word in names:
        return names.index(word) + low
    if not (word.isascii() and word.isdigit()) or not low <= int(word) <= high:
        allowed = f"{low} to {high}" + (f" or {names[0]} to {names[-1]}" if names else "")
        raise _bad(text, f"{name} {word!r} is not {allowed}")
    return int(word)


def _bad(text: str, why: str) -> InvalidData:
    return InvalidData(f"{text!r} is no schedule: {why}", valid=VALID, remedy="correct --cron")
