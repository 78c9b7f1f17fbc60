"""What the deliver workers tell about an account's transports at this moment."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from dynamail.messages.models import DeliverWorker
from dynamail.senders.health import MAX_WORDS, LiveWay

LONG_WAIT = 20.0  # seconds: as long as no pace keeps messages apart
ALIVE = timedelta(seconds=15)  # a worker shows itself every few seconds


def read_live_ways(account_id: int, *, now: datetime) -> dict[int, LiveWay]:
    """By transport id, over all living workers; 0 is the Mailbox. Nothing of another account is read out of them."""
    found: dict[int, LiveWay] = defaultdict(LiveWay)
    for stats in DeliverWorker.objects.filter(seen_at__gt=now - ALIVE).values_list("stats", flat=True):
        for way in stats.get("ways", []):
            if way.get("account_id") == account_id:
                transport_id = int(way.get("transport_id") or 0)
                found[transport_id] = _add(found[transport_id], way)
    return dict(found)


def count_living_workers(*, now: datetime) -> int:
    return DeliverWorker.objects.filter(seen_at__gt=now - ALIVE).count()


def _add(live: LiveWay, way: dict[str, Any]) -> LiveWay:
    """A transport is closed when each of its ways is: direct delivery has one for every destination."""
    is_closed = bool(way.get("is_closed"))
    throttle = way.get("throttle") or {}
    waits = float(throttle.get("wait_seconds") or 0)
    is_first = live == LiveWay()
    return LiveWay(
        live.connections + int(way.get("connections") or 0),
        live.queued + int(way.get("queued") or 0),
        is_closed and (is_first or live.is_closed),
        live.problem or str(way.get("problem") or "")[:MAX_WORDS],
        live.is_at_limit or (waits >= LONG_WAIT and not throttle.get("reason")),
    )
