"""Monthly partitions of the log tables. Their key is a UUIDv7, so a range of ids is a range of time; retention drops whole months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from dynamail.lib.ids import lowest_id
from dynamail.lib.personal_data import RETENTION_DAYS, Retention

PARTITIONED_TABLES = ("event", "message", "custom_event", "activity", "email", "email_body")
BY_MOMENT = {"activity"}  # cut by a column of time; the others by an id that begins with its time
BROUGHT_LATER = {
    "custom_event",
    "activity",
}  # events of the past are imported: months back to the end of retention
MONTHS_BACK, MONTHS_KEPT, MONTHS_AHEAD = 2, 13, 3


def ensure_partitions(cursor: Any, *, now: datetime, months_back: int = MONTHS_BACK) -> list[str]:
    """Create the partitions around `now` that are missing; returns the names of the new ones. Run daily and after migrations."""
    created = []
    for table in PARTITIONED_TABLES:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if not cursor.fetchone()[0]:
            continue
        first = MONTHS_KEPT if table in BROUGHT_LATER else months_back
        for offset in range(-first, MONTHS_AHEAD + 1):
            start, end = _month(now, offset), _month(now, offset + 1)
            name = f"{table}_{start:%Y_%m}"
            cursor.execute("SELECT to_regclass(%s) IS NULL", [name])
            if cursor.fetchone()[0]:
                low, high = (start, end) if table in BY_MOMENT else (lowest_id(start), lowest_id(end))
                cursor.execute(
                    f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ('{low}') TO ('{high}')"
                )
                created.append(name)
    return created


def find_oldest_moment(now: datetime) -> datetime:
    """From when on there is a place for what happened: retention has not passed it, and its month is there."""
    days = RETENTION_DAYS[Retention.MESSAGE_LOG] or 0
    return max(now - timedelta(days=days), _month(now, -MONTHS_KEPT))


def drop_old_partitions(cursor: Any, *, now: datetime) -> list[str]:
    """Retention of the message log (13 months): whole months, dropped when their last day is past it."""
    days = RETENTION_DAYS[Retention.MESSAGE_LOG]
    limit = now - timedelta(days=days or 0)
    dropped = []
    for table in PARTITIONED_TABLES:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(%s)", [table]
        )
        for (name,) in cursor.fetchall():
            year, month = (int(part) for part in name.split("_")[-2:])
            if _month(datetime(year, month, 1, tzinfo=UTC), 1) <= limit:
                cursor.execute(f"DROP TABLE {name}")
                dropped.append(name)
    return dropped


def _month(now: datetime, offset: int) -> datetime:
    index = now.year * 12 + now.month - 1 + offset
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
