"""How long single emails are kept: what they say as long as their stream keeps contents, the rest as long as it keeps its log.

Everything goes in portions of their own, each a short transaction that waits for nobody's lock. Nothing goes that is still to be sent.
The log's longest time is that of its partitions, which go as wholes (`lib.partitions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from dynamail.lib.ids import lowest_id
from dynamail.lib.personal_data import RETENTION_DAYS, Retention
from dynamail.lib.sql import load_sql
from dynamail.senders.models import Stream

PORTION = 1_000  # rows of one transaction
# A file that was used so lately may be part of a message that is being accepted: `content.blobs` notes a use once a day.
BLOB_REST = timedelta(days=3)
FIRST = UUID(int=0)


@dataclass(frozen=True)
class Forgotten:
    """How many of each one run deleted."""

    bodies: int
    emails: int
    blobs: int


def forget_old_emails(*, now: datetime) -> Forgotten:
    """Enforce the periods of every stream. Safe to repeat, to interrupt and to run twice at once."""
    bodies = emails = 0
    longest = RETENTION_DAYS[Retention.MESSAGE_LOG] or 0
    streams = Stream.objects.across_accounts(reason="retention of every account")
    for stream in streams.order_by("account_id", "pk").iterator(chunk_size=1_000):
        bodies += delete_bodies(stream, now=now)
        if stream.log_days < longest:
            emails += delete_log(stream, now=now)
    return Forgotten(bodies, emails, delete_unused_blobs(now=now))


def delete_bodies(stream: Stream, *, now: datetime) -> int:
    """What the stream's emails say, when its time has passed and no recipient waits for it."""
    return _walk("delete_old_bodies", stream, lowest_id(now - timedelta(days=stream.body_days)))


def delete_log(stream: Stream, *, now: datetime) -> int:
    """The stream's emails with their messages and events, when the time of its log has passed."""
    return _walk("delete_old_emails", stream, lowest_id(now - timedelta(days=stream.log_days)))


def delete_unused_blobs(*, now: datetime) -> int:
    """Files that no kept content and no media uses any more."""
    after: tuple[datetime, UUID] | None = None
    total = 0
    while True:
        parameters = {
            "before": now - BLOB_REST,
            "after_at": after[0] if after else None,
            "after_id": after[1] if after else FIRST,
            "size": PORTION,
        }
        last_at, last_id, looked, deleted = _run("delete_unused_blobs", parameters)
        total += deleted
        if looked < PORTION:
            return total
        after = last_at, last_id


def _walk(statement: str, stream: Stream, before: UUID) -> int:
    """Through the ids below `before` in portions, each deleted or left alone in a transaction of its own."""
    after, total, looked = FIRST, 0, PORTION
    while looked == PORTION:
        parameters = {
            "account_id": stream.account_id,
            "stream": stream.key,
            "after": after,
            "before": before,
            "size": PORTION,
        }
        last, looked, deleted = _run(statement, parameters)
        after, total = last or after, total + deleted
    return total


def _run(statement: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(load_sql("messages", statement), parameters)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
