"""Reads for the report, the list and the home page. Numbers come from counters and narrow facts, never from the raw log.

Rates are shares of the delivered, between 0 and 1; None where nothing was delivered, or where opens and clicks are not tied to
people (aggregate tracking). Opens and clicks are people, counted once; those of machines are apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Sum
from django.db.models.functions import TruncDate

from dynamail.campaigns.models import Campaign
from dynamail.events.models import RollupHour
from dynamail.lib.mailbox_providers import LANE_NAMES
from dynamail.lib.sql import load_sql

HOME_DAYS = 30
CURVE_HOURS = 72
MOST_DOMAINS = 12


@dataclass(frozen=True)
class Totals:
    """Counted outcomes and acts of one campaign, one lane or one period."""

    delivered: int = 0
    bounced: int = 0
    suppressed: int = 0
    canceled: int = 0
    expired: int = 0
    unknown: int = 0
    opened: int = 0  # people
    clicked: int = 0
    unsubscribed: int = 0
    complained: int = 0
    returned: int = 0  # accepted first, and bounced later
    all_opens: int = 0  # acts of people, repeated ones too
    all_clicks: int = 0
    machine_opens: int = 0
    machine_clicks: int = 0

    @property
    def attempted(self) -> int:
        return self.delivered + self.bounced + self.unknown + self.expired

    @property
    def delivery_rate(self) -> float | None:
        return self.delivered / self.attempted if self.attempted else None

    @property
    def open_rate(self) -> float | None:
        return None if self.all_opens and not self.opened else self._share(self.opened)

    @property
    def click_rate(self) -> float | None:
        return None if self.all_clicks and not self.clicked else self._share(self.clicked)

    @property
    def unsubscribe_rate(self) -> float | None:
        return self._share(self.unsubscribed)

    @property
    def complaint_rate(self) -> float | None:
        return self._share(self.complained)

    def _share(self, count: int) -> float | None:
        return count / self.delivered if self.delivered else None


COLUMN_OF_KIND = {
    "delivered": "delivered",
    "bounced": "bounced",
    "suppressed": "suppressed",
    "canceled": "canceled",
    "expired": "expired",
    "unknown": "unknown",
    "unique_opened": "opened",
    "unique_clicked": "clicked",
    "unsubscribed": "unsubscribed",
    "complained": "complained",
    "returned": "returned",
    "opened": "all_opens",
    "clicked": "all_clicks",
    "machine_opened": "machine_opens",
    "machine_clicked": "machine_clicks",
}


@dataclass(frozen=True)
class Hour:
    """Acts of people in one hour after launch."""

    start: datetime
    opens: int
    clicks: int


@dataclass(frozen=True)
class LinkClicks:
    """One link of the message; `people` None when no person is recorded (aggregate tracking)."""

    number: int
    url: str
    label: str
    people: int | None
    clicks: int
    share: float  # of all clicks


@dataclass(frozen=True)
class DomainOutcome:
    """How one mailbox domain answered."""

    domain: str
    delivered: int
    bounced: int
    other: int


@dataclass(frozen=True)
class LaneTotals:
    name: str
    totals: Totals


@dataclass(frozen=True)
class Day:
    on: date
    delivered: int
    opened: int
    clicked: int


def summarize_campaigns(account_id: int, campaigns: Iterable[Campaign]) -> dict[UUID, Totals]:
    """Totals of many campaigns in one query; a campaign without numbers has zeros."""
    uids = [campaign.uid for campaign in campaigns]
    counts: dict[UUID, dict[str, int]] = {uid: {} for uid in uids}
    rows = RollupHour.objects.for_account(account_id).filter(source_id__in=uids)
    for uid, kind, total in rows.values_list("source_id", "kind").annotate(total=Sum("n")):
        counts[uid][kind] = total
    return {uid: make_totals(kinds) for uid, kinds in counts.items()}


def make_totals(counts: dict[str, int]) -> Totals:
    known = {COLUMN_OF_KIND[kind]: n for kind, n in counts.items() if kind in COLUMN_OF_KIND}
    return replace(Totals(), **known)


def read_curve(account_id: int, campaign: Campaign, *, now: datetime) -> list[Hour]:
    """Opens and clicks per hour from launch on, at most CURVE_HOURS; hours without acts are zeros."""
    if campaign.launched_at is None:
        return []
    start = campaign.launched_at.replace(minute=0, second=0, microsecond=0)
    hours = min(CURVE_HOURS, int((now - start).total_seconds() // 3600) + 1)
    counts: dict[datetime, dict[str, int]] = defaultdict(dict)
    rows = RollupHour.objects.for_account(account_id).filter(
        source_id=campaign.uid, kind__in=("opened", "clicked")
    )
    for hour, kind, total in rows.values_list("hour", "kind").annotate(total=Sum("n")):
        counts[hour][kind] = total
    moments = [start + timedelta(hours=number) for number in range(hours)]
    return [Hour(at, counts[at].get("opened", 0), counts[at].get("clicked", 0)) for at in moments]


def read_links(account_id: int, campaign: Campaign) -> list[LinkClicks]:
    """Every link with its clicks, in the order of the message."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("campaigns", "count_link_clicks"), {"account_id": account_id, "source_id": campaign.uid}
        )
        rows = cursor.fetchall()
    total = sum(clicks for *_, clicks in rows)
    return [
        LinkClicks(number, url, label, people, clicks, clicks / total if total else 0.0)
        for number, url, label, people, clicks in rows
    ]


def read_lanes(account_id: int, campaign: Campaign) -> list[LaneTotals]:
    """Totals by mailbox provider, largest first."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    rows = RollupHour.objects.for_account(account_id).filter(source_id=campaign.uid)
    for lane, kind, total in rows.values_list("domain_lane", "kind").annotate(total=Sum("n")):
        counts[lane][kind] = total
    lanes = [
        LaneTotals(LANE_NAMES.get(lane, str(lane)), make_totals(kinds)) for lane, kinds in counts.items()
    ]
    return sorted(lanes, key=lambda lane: -lane.totals.attempted)


def read_domains(account_id: int, campaign: Campaign) -> list[DomainOutcome]:
    """Outcomes by mailbox domain, largest first, at most MOST_DOMAINS."""
    with connection.cursor() as cursor:
        cursor.execute(
            load_sql("campaigns", "count_domain_outcomes"),
            {"account_id": account_id, "source_id": campaign.uid, "most": MOST_DOMAINS},
        )
        return [DomainOutcome(*row) for row in cursor.fetchall()]


def read_period(account_id: int, *, start: datetime, end: datetime) -> Totals:
    """Totals of everything the account sent in [start, end)."""
    rows = RollupHour.objects.for_account(account_id).filter(hour__gte=start, hour__lt=end)
    return make_totals(dict(rows.values_list("kind").annotate(total=Sum("n"))))


def read_days(account_id: int, *, now: datetime) -> list[Day]:
    """The last HOME_DAYS days, today included; days without mail are zeros."""
    first = (now - timedelta(days=HOME_DAYS - 1)).date()
    counts: dict[date, dict[str, int]] = defaultdict(dict)
    rows = RollupHour.objects.for_account(account_id).filter(hour__date__gte=first)
    per_day = rows.annotate(day=TruncDate("hour")).values_list("day", "kind").annotate(total=Sum("n"))
    for day, kind, total in per_day:
        counts[day][kind] = total
    days = [first + timedelta(days=number) for number in range(HOME_DAYS)]
    return [
        Day(
            on,
            counts[on].get("delivered", 0),
            counts[on].get("unique_opened", 0),
            counts[on].get("unique_clicked", 0),
        )
        for on in days
    ]
