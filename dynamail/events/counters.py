"""Counters per source and hour: what reports read instead of the log."""

from __future__ import annotations

import os
from datetime import datetime
from uuid import UUID

from django.db import connections
from django.db.models import Sum

from dynamail.events.models import RollupHour
from dynamail.lib.sql import load_sql

SHARDS = 8  # writers of one hot counter spread over this many rows


def count_for_source(
    account_id: int, source_id: UUID, kind: str, *, now: datetime, n: int = 1, lane: int = 0
) -> None:
    """Add to a counter in the caller's transaction."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("events", "add_to_counter"),
            [account_id, source_id, kind, start_of_hour(now), lane, find_shard(), n],
        )


def read_totals(account_id: int, source_id: UUID) -> dict[str, int]:
    """All counters of a source, summed over hours, lanes and shards."""
    rows = RollupHour.objects.for_account(account_id).filter(source_id=source_id)
    return dict(rows.values_list("kind").annotate(total=Sum("n")))


def start_of_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def find_shard() -> int:
    """The counter row of this process."""
    return os.getpid() % SHARDS
