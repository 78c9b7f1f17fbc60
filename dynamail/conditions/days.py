"""Days and moments: what "today" is where, when days begin, what a period spans.

Everything that compares with the clock is worked out here, once, for the evaluator and for the compiler alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from dynamail.conditions.tree import Day, Moment, Period, RelativeDay, Scalar

FIRST_YEAR, LAST_YEAR = 1800, 2999  # of days in conditions: each has a beginning in every zone
MAX_ANNIVERSARY_SPAN = 366  # days

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
MICROSECOND = timedelta(microseconds=1)  # the grain of the database's moments
SECOND = timedelta(seconds=1)  # and of contacts' attributes


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` on and before `end`; None is open."""

    start: datetime | None = None
    end: datetime | None = None

    def has(self, at: datetime) -> bool:
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)


# --- reading and writing ---


def read_day(text: str) -> date | None:
    """`2026-03-31`, or None for anything else and for years that conditions do not take."""
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def read_moment(text: str) -> date | datetime | None:
    """A day, or `2026-03-31T14:30:00Z` with any offset: in UTC, fractions of a second dropped."""
    if not _MOMENT.fullmatch(text):
        return read_day(text)
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def as_moment(value: Scalar | None) -> Moment | None:
    """The value of `equals` and `differs`, which stays a text until the attribute's type says that a day is meant."""
    if isinstance(value, str):
        return read_moment(value)
    return value if isinstance(value, (date, RelativeDay)) else None


def write_moment(moment: date | datetime) -> str:
    """As conditions and contacts' attributes write it; texts of one kind sort as their moments do."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.isoformat()


# --- zones ---


@cache
def list_known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def find_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, UTC when there is none."""
    return _load_zone(name if name in list_known_zones() else "UTC")


@cache  # ZoneInfo itself forgets all but the last few, and would read their files again
def _load_zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def find_today(now: datetime, zone: str) -> date:
    return now.astimezone(find_zone(zone)).date()


def find_own_today(now: datetime, own_zone: str, zone: str) -> date:
    """Today where a contact is, or in the account's zone when the contact's is empty or unknown."""
    return find_today(now, own_zone if own_zone in list_known_zones() else zone)


def group_other_zones(now: datetime, zone: str) -> Mapping[date, tuple[str, ...]]:
    """The zones, sorted, where it is another day now than in the account's. Up to two days lie between zones."""
    today = find_today(now, zone)
    groups: dict[date, list[str]] = {}
    for name in sorted(list_known_zones()):
        if (day := now.astimezone(_load_zone(name)).date()) != today:
            groups.setdefault(day, []).append(name)
    return {day: tuple(names) for day, names in groups.items()}


def find_start(day: date, zone: str) -> datetime:
    """The moment at which a day begins, in UTC; where the clocks skip midnight, the moment of the skip."""
    return datetime(day.year, day.month, day.day, tzinfo=find_zone(zone)).astimezone(UTC)


# --- spans ---


def resolve_day(day: Day, today: date) -> date:
    return today + timedelta(days=day.days) if isinstance(day, RelativeDay) else day


def find_span(moment: Moment, *, today: date, zone: str, grain: timedelta = MICROSECOND) -> Span:
    """All of a day in the zone; a moment spans itself alone. What is before lies before its start, what is after not before its end."""
    if isinstance(moment, datetime):
        return Span(moment, moment + grain)
    day = resolve_day(moment, today)
    return Span(find_start(day, zone), find_start(day + timedelta(days=1), zone))


def find_period(period: Period, *, now: datetime, zone: str) -> Span:
    """What a period spans. The last n days begin with a day and end with this very moment, which belongs to them."""
    if period.last_days is not None:
        first = find_today(now, zone) - timedelta(days=period.last_days - 1)
        return Span(find_start(first, zone), now + MICROSECOND)
    after = period.last_day + timedelta(days=1) if period.last_day else None
    return Span(
        find_start(period.first_day, zone) if period.first_day else None,
        find_start(after, zone) if after else None,
    )


def list_anniversaries(today: date, first: int, last: int) -> frozenset[str]:
    """The days of the year, "03-31", from `first` to `last` days after today. 29 February is the 28th in short years."""
    found: set[str] = set()
    for distance in range(first, min(last, first + MAX_ANNIVERSARY_SPAN) + 1):
        day = today + timedelta(days=distance)
        found.add(day.isoformat()[5:])
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).day == 1:
            found.add("02-29")
    return frozenset(found)
