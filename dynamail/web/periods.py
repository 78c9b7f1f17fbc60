"""A stretch of time as a log's page asks for it: one of a few lengths up to now, or days of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Self

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LENGTHS: dict[str, tuple[Promise, timedelta]] = {
    "1h": (_("Last hour"), timedelta(hours=1)),
    "24h": (_("Last 24 hours"), timedelta(days=1)),
    "7d": (_("Last 7 days"), timedelta(days=7)),
    "30d": (_("Last 30 days"), timedelta(days=30)),
}
OWN_DAYS = "days"
CHOICES: list[tuple[str, str | Promise]] = [
    ("", _("Any time")),
    *((key, label) for key, (label, _length) in LENGTHS.items()),
    (OWN_DAYS, _("Days…")),
]


@dataclass(frozen=True)
class Period:
    """`values` are what the form says again; words that make no sense are left out, never an error."""

    since: datetime | None
    until: datetime | None  # exclusive
    values: Mapping[str, str]

    @classmethod
    def read(cls, query: Mapping[str, Any], *, now: datetime, zone: tzinfo) -> Self:
        wanted = query.get("period", "")
        if wanted in LENGTHS:
            return cls(now - LENGTHS[wanted][1], None, {"period": wanted})
        since, until = _read_day(query.get("since", "")), _read_day(query.get("until", ""))
        if since is None and until is None:
            return cls(None, None, {})
        values = {"period": OWN_DAYS}
        values |= {"since": since.isoformat()} if since else {}
        values |= {"until": until.isoformat()} if until else {}
        return cls(_begin(since, zone), _begin(until + timedelta(days=1), zone) if until else None, values)


def _read_day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(2000, 1, 1) <= day <= date(2999, 12, 31) else None


def _begin(day: date | None, zone: tzinfo) -> datetime | None:
    return datetime.combine(day, time(), zone) if day else None
