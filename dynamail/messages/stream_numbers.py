"""What became of a stream's mail during the last day, from its hourly counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Sum

from dynamail.events.models import RollupHour
from dynamail.messages.models import FrozenContent
from dynamail.senders.models import Stream

HOURS = 24
CAMPAIGN_DAYS = 31  # since its launch a campaign counts; what comes later is a handful
MOST_CAMPAIGNS = 200  # of them, the latest


@dataclass(frozen=True)
class DayNumbers:
    """Counts since the full hour a day ago."""

    delivered: int = 0
    bounced: int = 0
    suppressed: int = 0
    expired: int = 0
    opened: int = 0
    clicked: int = 0
    complained: int = 0

    @property
    def ended(self) -> int:
        """Those that were tried, and for which there will be no other try."""
        return self.delivered + self.bounced + self.expired

    @property
    def delivery_rate(self) -> float | None:
        """Of those that ended; None when there are none."""
        return self.delivered / self.ended if self.ended else None

    @property
    def is_empty(self) -> bool:
        return self == DayNumbers()


KINDS = tuple(DayNumbers.__dataclass_fields__)


def count_last_day(account_id: int, streams: Iterable[Stream], *, now: datetime) -> dict[UUID, DayNumbers]:
    """By the stream's uid, one for each stream. Campaigns are mail of the stream for marketing. Index: the key of rollup_hour."""
    streams = list(streams)
    stream_of = {stream.uid: stream.uid for stream in streams}
    for stream in streams:
        if stream.key == Stream.Kind.MARKETING:
            stream_of |= dict.fromkeys(_list_campaigns(account_id, now), stream.uid)
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS)
    rows = (
        RollupHour.objects.for_account(account_id)
        .filter(source_id__in=list(stream_of), kind__in=KINDS, hour__gte=since)
        .values_list("source_id", "kind")
        .annotate(total=Sum("n"))
    )
    counts: dict[UUID, Counter[str]] = {stream.uid: Counter() for stream in streams}
    for source_id, kind, total in rows:
        counts[stream_of[source_id]][kind] += int(total)
    return {uid: DayNumbers(**found) for uid, found in counts.items()}


def _list_campaigns(account_id: int, now: datetime) -> list[UUID]:
    """Those that were launched lately; their contents, which are large, are not read."""
    rows = FrozenContent.objects.for_account(account_id).filter(
        created_at__gte=now - timedelta(days=CAMPAIGN_DAYS)
    )
    return list(rows.order_by("-created_at").values_list("id", flat=True)[:MOST_CAMPAIGNS])
