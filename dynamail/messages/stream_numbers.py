"""What became of a stream's mail during the last day, from its hourly counters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Sum

from dynamail.events.models import RollupHour
from dynamail.senders.models import Stream

HOURS = 24


@dataclass(frozen=True)
class DayNumbers:
    """Counts since the full hour a day ago. Mail of campaigns is counted with its campaign, not here."""

    delivered: int = 0
    bounced: int = 0
    suppressed: int = 0
    expired: int = 0
    opened: int = 0
    clicked: int = 0
    complained: int = 0

    @property
    def delivery_rate(self) -> float | None:
        """Of those that were tried and have ended; None when there are none."""
        ended = self.delivered + self.bounced + self.expired
        return self.delivered / ended if ended else None

    @property
    def is_empty(self) -> bool:
        return self == DayNumbers()


KINDS = tuple(DayNumbers.__dataclass_fields__)


def count_last_day(account_id: int, streams: Iterable[Stream], *, now: datetime) -> dict[UUID, DayNumbers]:
    """By the stream's uid, one for each stream. Index: the key of rollup_hour."""
    uids = [stream.uid for stream in streams]
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS)
    rows = (
        RollupHour.objects.for_account(account_id)
        .filter(source_id__in=uids, kind__in=KINDS, hour__gte=since)
        .values_list("source_id", "kind")
        .annotate(total=Sum("n"))
    )
    counts: dict[UUID, dict[str, int]] = {uid: {} for uid in uids}
    for source_id, kind, total in rows:
        counts[source_id][kind] = int(total)
    return {uid: DayNumbers(**found) for uid, found in counts.items()}
