"""For whom, when and in which form a condition is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import lru_cache

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.days import Span, find_period, find_span, find_today, group_other_zones
from dynamail.conditions.tree import Moment, Period

QUARTER_SECONDS = 900  # offsets of zones are multiples of it, so no day begins inside one


class Form(Enum):
    """How a condition asks the large tables of facts."""

    SET = "set"  # once for everybody: whole populations
    EACH = "each"  # anew for each contact: a few contacts, named beside the condition


@dataclass(frozen=True, slots=True)
class CompileContext:
    """`zone` is the name of the account's time zone, `salt` what a random share uses that has no salt of its own."""

    account_id: int
    now: datetime
    zone: str
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days as the account's zone has them at `now`."""

    now: datetime
    zone: str
    today: date

    def find_ends(self, moment: Moment) -> tuple[datetime, datetime]:
        """When a moment or day begins, and when what follows it begins."""
        span = find_span(moment, today=self.today, zone=self.zone)
        return span.start or self.now, span.end or self.now  # a span of these has both

    def find_period(self, period: Period) -> Span:
        return find_period(period, now=self.now, zone=self.zone)

    def group_other_zones(self) -> Mapping[date, tuple[str, ...]]:
        """Zones where it is another day now."""
        quarter = self.now.timestamp() // QUARTER_SECONDS * QUARTER_SECONDS
        return _group_other_zones(datetime.fromtimestamp(quarter, UTC), self.zone)


@dataclass(frozen=True, slots=True)
class Scope:
    """What compiling one tree needs to know. `path`: the segments that are being compiled, to meet a cycle. `is_joined`: no OR
    stands above, so that the planner can make a join of what is asked.
    """

    catalog: Catalog
    context: CompileContext
    form: Form
    calendar: Calendar
    include_restricted: bool = False
    path: tuple[str, ...] = ()
    is_joined: bool = True


def open_scope(catalog: Catalog, context: CompileContext, form: Form, include_restricted: bool) -> Scope:
    today = find_today(context.now, context.zone)
    return Scope(catalog, context, form, Calendar(context.now, context.zone, today), include_restricted)


@lru_cache(maxsize=64)  # a look at six hundred zones takes milliseconds
def _group_other_zones(now: datetime, zone: str) -> Mapping[date, tuple[str, ...]]:
    return group_other_zones(now, zone)
